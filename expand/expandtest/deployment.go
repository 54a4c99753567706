// Package expandtest makes deployments to test expansions with.
package expandtest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// Deployment returns a deployment that is thrown together from everything that
// users write, always the same one for a seed. It may have faults.
func Deployment(seed uint64) *v1.SeldonDeployment {
	return generator{rand.New(rand.NewPCG(seed, 0))}.deployment() //nolint:gosec // The same ones in each run are wanted.
}

// Valid returns [Deployment] of that seed if validation finds no fault with it
// by these rules that keeps its pods from running, and else nil. About two of three are valid.
func Valid(seed uint64, rules v1.ValidateOptions) *v1.SeldonDeployment {
	d := Deployment(seed)
	problems := v1.Validate(d, rules)
	if problems.Err() != nil || strings.Contains(problems.Error(), "in the same pod; choose another") {
		return nil
	}
	return d
}

// generator throws parts together.
type generator struct{ *rand.Rand }

// chance is true one time in n.
func (g generator) chance(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

func maybe[T any](g generator, from ...T) T {
	if g.chance(3) {
		return pick(g, from...)
	}
	var none T
	return none
}

func (g generator) deployment() *v1.SeldonDeployment {
	d := &v1.SeldonDeployment{}
	d.Name = pick(g, "d", "a-deployment", "a-very-long-seldon-deployment-name-that-goes-over")
	d.Namespace = maybe(g, "ns")
	d.Annotations = maybe(g, map[string]string{"seldon.io/headless-svc": "true"}, map[string]string{"seldon.io/istio-retries": "2", "seldon.io/ambassador-header": "a: b"})
	s := &d.Spec
	s.Protocol = maybe(g, v1.ProtocolSeldon, v1.ProtocolTensorFlow, v1.ProtocolV2, v1.ProtocolKFServing)
	s.Transport = maybe(g, v1.TransportREST, v1.TransportGRPC)
	s.Replicas = maybe(g, new(int32(2)), new(int32(0)))
	s.Annotations = maybe(g, map[string]string{v1.AnnotationSeparateExecutor: "true"},
		map[string]string{v1.AnnotationNoStorageInitializer: "true"}, map[string]string{"seldon.io/engine-x": "y"},
		map[string]string{"seldon.io/rest-timeout": "100000", "seldon.io/grpc-timeout": "1500", "seldon.io/gateway-host": "a.example.com"})
	for _, name := range []string{"p", "second", "third"}[:1+g.IntN(3)] {
		s.Predictors = append(s.Predictors, g.predictor(name))
	}
	g.share(s.Predictors)
	return d
}

// share divides the requests; the last predictor may be a shadow.
func (g generator) share(predictors []v1.PredictorSpec) {
	last := len(predictors) - 1
	if last == 0 {
		return
	}
	predictors[last].Shadow = g.chance(2)
	predictors[last].Traffic = pick[int32](g, 0, 30, 100)
	if !predictors[last].Shadow {
		last++
	}
	rest := int32(100)
	for i := range predictors[:last] {
		predictors[i].Traffic = min(rest, pick[int32](g, 0, 30, 100))
		rest -= predictors[i].Traffic
	}
	predictors[0].Traffic += rest
}

func (g generator) predictor(name string) v1.PredictorSpec {
	p := v1.PredictorSpec{
		Name:        name,
		Replicas:    maybe(g, new(int32(3))),
		Labels:      maybe(g, map[string]string{"version": "v7", "seldon-app": "mine", "app": "a"}),
		Annotations: maybe(g, map[string]string{v1.AnnotationNoExecutor: "true"}, map[string]string{v1.AnnotationServiceName: "svc-" + name}),
		SSL:         maybe(g, &v1.SSL{CertSecretName: "cert"}),
	}
	if g.chance(4) {
		p.SvcOrchSpec.Resources = &corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")}}
	}
	p.SvcOrchSpec.Env = maybe(g, []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "A", Value: "2"}})
	if g.chance(3) {
		p.Explainer = &v1.Explainer{
			Type: pick(g, v1.ExplainerTypes()...), ModelURI: g.uri(), Replicas: maybe(g, new(int32(2))),
			ContainerSpec: corev1.Container{Name: maybe(g, "e", strings.Repeat("e", 63)), Env: g.env()},
		}
	}
	for range g.IntN(3) {
		p.ComponentSpecs = append(p.ComponentSpecs, g.component())
	}
	nodes := 0
	p.Graph = g.node(&p, &nodes, 1)
	return p
}

func (g generator) component() v1.SeldonPodSpec {
	c := v1.SeldonPodSpec{
		Replicas: maybe(g, new(int32(4))),
		HPASpec:  g.hpa(),
		KEDASpec: maybe(g, &v1.KEDASpec{Triggers: []v1.KEDATriggers{{Type: "cpu", Metadata: map[string]string{"value": "5"}}}}),
		PDBSpec:  maybe(g, &v1.PDBSpec{MinAvailable: new(intstr.FromString("50%"))}, &v1.PDBSpec{MaxUnavailable: new(intstr.FromInt32(1))}),
	}
	c.Spec.TerminationGracePeriodSeconds = maybe(g, new(int64(0)), new(int64(60)))
	c.Spec.ServiceAccountName = maybe(g, "pods")
	c.Spec.SecurityContext = maybe(g, &corev1.PodSecurityContext{RunAsUser: new(int64(1000)), FSGroup: new(int64(1000))}, &corev1.PodSecurityContext{RunAsUser: new(int64(0))})
	c.Spec.Tolerations = maybe(g, []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists}})
	c.Metadata.Name = maybe(g, "named")
	c.Metadata.Labels = maybe(g, map[string]string{"team": "x", "seldon-deployment-id": "mine"})
	if g.chance(3) {
		c.Spec.Containers = append(c.Spec.Containers, corev1.Container{Name: "sidecar", Image: "sidecar:1"})
	}
	return c
}

func (g generator) hpa() *v1.HPASpec {
	if !g.chance(3) {
		return nil
	}
	h := &v1.HPASpec{MinReplicas: maybe(g, new(int32(1))), MaxReplicas: 3}
	if g.chance(2) {
		h.Metrics = []v1.V2beta1MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &v1.V2beta1ResourceMetricSource{
			Name: "cpu", TargetAverageUtilization: new(int32(70)),
		}}}
	} else {
		h.Metricsv2 = []autoscalingv2.MetricSpec{{Type: autoscalingv2.PodsMetricSourceType, Pods: &autoscalingv2.PodsMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: "requests"},
			Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: new(resource.MustParse("5"))},
		}}}
	}
	return h
}

func (g generator) node(p *v1.PredictorSpec, nodes *int, depth int) graph.Node {
	*nodes++
	n := graph.Node{
		Name:           pick(g, "m", "a-model-whose-name-is-as-long-as-is-allowed-abc", "node") + fmt.Sprint(*nodes),
		Type:           maybe(g, graph.Model, graph.Router, graph.Combiner, graph.Transformer, graph.OutputTransformer),
		Implementation: maybe(g, "SKLEARN_SERVER", "TENSORFLOW_SERVER", "TRITON_SERVER", "HUGGINGFACE_SERVER", "SIMPLE_MODEL", "AVERAGE_COMBINER"),
		ModelURI:       g.uri(),
		Parameters:     maybe(g, []graph.Parameter{{Name: "model_name", Value: "other", Type: graph.StringParameter}}),
		Logger:         maybe(g, &graph.Logger{Mode: graph.LogAll}, &graph.Logger{Mode: graph.LogRequest, URL: new("http://logger.example.com/")}),

		ServiceAccountName: maybe(g, "account"),
	}
	if v1.IsServer(n.Implementation) && n.ModelURI == "" {
		n.ModelURI = "gs://b/m"
	}
	// A built-in, and a server that the user says nothing about, has none.
	if graph.BuiltinOf(n.Implementation) == graph.NotBuiltin && (!v1.IsServer(n.Implementation) || g.chance(2)) {
		if len(p.ComponentSpecs) == 0 {
			p.ComponentSpecs = append(p.ComponentSpecs, g.component())
		}
		pod := &p.ComponentSpecs[g.IntN(len(p.ComponentSpecs))].Spec
		pod.Containers = append(pod.Containers, g.container(&n, pod))
	}
	for range g.IntN(3) {
		if depth < 3 {
			n.Children = append(n.Children, g.node(p, nodes, depth+1))
		}
	}
	return n
}

func (g generator) container(n *graph.Node, pod *corev1.PodSpec) corev1.Container {
	c := corev1.Container{Name: n.Name, Env: g.env()}
	if !v1.IsServer(n.Implementation) || g.chance(3) {
		c.Image = "own/image:1"
	}
	if g.chance(3) {
		port := 7000 + g.Int32N(1000)
		c.Ports = []corev1.ContainerPort{{Name: pick(g, "", "http", "grpc", "metrics"), ContainerPort: port}}
		if g.chance(3) {
			c.Ports = append(c.Ports, corev1.ContainerPort{Name: "other", ContainerPort: port, Protocol: corev1.ProtocolTCP})
			c.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("other")}}}
		}
	}
	c.ReadinessProbe = maybe(g, &corev1.Probe{InitialDelaySeconds: 7})
	if g.chance(4) {
		c.SecurityContext = &corev1.SecurityContext{RunAsUser: new(int64(g.IntN(2)))}
		c.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}
		c.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/health/ping", Port: intstr.FromInt32(1234)}}}
		c.Ports = append(c.Ports, corev1.ContainerPort{ContainerPort: 1234})
	}
	c.Args = maybe(g, []string{"--port=1", "--flag"}, []string{"/bin/program", "--flag"}, []string{"serve"})
	if g.chance(4) {
		volume := corev1.Volume{Name: pick(g, n.Name[:1]+"-cache", "podinfo", "cache-"+n.Name[:1])}
		mounted := false
		for _, v := range pod.Volumes {
			mounted = mounted || v.Name == volume.Name
		}
		if !mounted {
			pod.Volumes = append(pod.Volumes, volume)
		}
		c.VolumeMounts = []corev1.VolumeMount{{Name: volume.Name, MountPath: pick(g, "/mnt/models", "/etc/podinfo", "/cache", "/mnt/pvc")}}
	}
	return c
}

func (g generator) env() []corev1.EnvVar {
	var env []corev1.EnvVar
	for range g.IntN(3) {
		env = append(env, corev1.EnvVar{
			Name:  pick(g, "OWN", v1.EnvHTTPPort, v1.EnvMLServerGRPCPort, v1.EnvMetricsPort, "PREDICTIVE_UNIT_PARAMETERS", "MLSERVER_MODEL_URI", "PREDICTIVE_UNIT_ID"),
			Value: fmt.Sprint(8100 + g.IntN(1000)),
		})
	}
	return env
}

func (g generator) uri() string {
	return maybe(g, "gs://b/m", "s3://b/m", "pvc://claim/a", "pvc://claim/b", "pvc://other", "./model", "https://host/m.zip")
}
