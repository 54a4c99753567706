package expand

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// addExplainer makes the Deployment and the Service of the explainer.
func (p *predictor) addExplainer() error {
	e := p.spec.Explainer
	if e == nil || e.Type == "" {
		return nil
	}
	name := p.deployment.ExplainerName(p.spec)
	c := e.ContainerSpec
	c.Name = cmp.Or(c.Name, name)
	port := p.completeExplainer(&c)
	if err := p.configureExplainer(&c, port); err != nil {
		return fmt.Errorf("explainer: %w", err)
	}

	w := p.newWorkload(name, corev1.PodSpec{
		Containers:         []corev1.Container{c},
		ServiceAccountName: e.ServiceAccountName,
	})
	if e.ContainerSpec.Image == "" {
		p.harden(w.pod(), &w.pod().Containers[0], nil)
	}
	w.deployment.Spec.Replicas = e.Replicas
	if n := firstSet(p.spec.Replicas, p.deployment.Spec.Replicas); n != nil && *n == 0 {
		w.deployment.Spec.Replicas = new(int32)
	}
	if e.ModelURI != "" {
		err := p.fetch(w.pod(), &w.pod().Containers[0], download{
			uri: e.ModelURI, name: c.Name, image: e.StorageInitializerImage, secret: e.EnvSecretRefName,
			account: cmp.Or(e.ServiceAccountName, defaultAccount),
		})
		if err != nil {
			return fmt.Errorf("explainer: %w", err)
		}
	}
	p.labelExplainer(w)
	p.addDeployment(w)
	p.explainerService = p.newExplainerService(name, port)
	p.add(p.explainerService)
	return nil
}

func (p *predictor) labelExplainer(w *workload) {
	name := w.deployment.Name
	selector := map[string]string{v1.LabelDeploymentID: p.deployment.ID(), v1.LabelApp: name}
	labels := map[string]string{v1.LabelWorkload: name, v1.LabelFluentd: "true"}
	maps.Copy(labels, p.spec.Labels)
	labels[v1.LabelManagedBy] = v1.ManagedBy
	labels[v1.LabelExplainer] = "true"
	maps.Copy(labels, selector)
	// An explainer serves no metrics.
	clear(w.deployment.Spec.Template.Annotations)
	p.label(w, labels, selector, nil)
}

func (p *predictor) newExplainerService(name string, port int32) *corev1.Service {
	s := p.service(name, map[string]string{
		v1.LabelApp:          p.key,
		v1.LabelDeploymentID: p.deployment.ID(),
		v1.LabelManagedBy:    v1.ManagedBy,
		v1.LabelExplainer:    "true",
	}, map[string]string{v1.LabelApp: name})
	s.Spec.Ports = servicePorts(Ports{HTTP: port}, Ports{HTTP: port})[:1]
	p.setHeadless(s)
	return s
}

// completeExplainer fills in what explainers of all protocols have in common
// and returns the port.
func (p *predictor) completeExplainer(c *corev1.Container) int32 {
	e := p.spec.Explainer
	port := v1.PortNamed(c, v1.HTTPPortName)
	if port == 0 {
		port = v1.ExplainerHTTPPort
		if e.Endpoint != nil && e.Endpoint.ServicePort != 0 {
			port = e.Endpoint.ServicePort
		}
		addPort(c, v1.HTTPPortName, port)
	}
	if p.in.Places.Container != nil {
		if number := p.in.Places.Container(p.spec.Name, c.Name).HTTP; number != 0 {
			port = number
			setPort(c, v1.HTTPPortName, port)
		}
	}
	image := p.in.Config.ExplainerImage
	if p.outside() == v1.ProtocolV2 {
		image = p.in.Config.ExplainerImageV2
	}
	c.Image = cmp.Or(c.Image, image)
	c.ImagePullPolicy = cmp.Or(c.ImagePullPolicy, corev1.PullIfNotPresent)
	c.Lifecycle = p.drained(c.Lifecycle, terminationGracePeriod)
	tcp := corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(port)}}
	if c.LivenessProbe == nil {
		c.LivenessProbe = completeProbe(nil, tcp, liveAfter, 1)
		c.LivenessProbe.FailureThreshold = 5
	}
	if c.ReadinessProbe == nil {
		c.ReadinessProbe = completeProbe(nil, *tcp.DeepCopy(), readyAfter, 1)
		c.ReadinessProbe.FailureThreshold = 7
	}
	return port
}

func (p *predictor) configureExplainer(c *corev1.Container, port int32) error {
	if p.outside() == v1.ProtocolV2 {
		env, err := p.explainerEnv(c, port)
		c.Env = env
		return err
	}
	c.Args = p.explainerArgs(port)
	return nil
}

// explainerArgs are those of the explainer that speaks seldon or tensorflow.
func (p *predictor) explainerArgs(port int32) []string {
	e := p.spec.Explainer
	_, front := p.front()
	transport, number := "http", front.HTTP
	if p.transport() == v1.TransportGRPC || e.Endpoint != nil && e.Endpoint.Type == graph.GRPC {
		transport, number = "grpc", front.GRPC
	}
	args := []string{
		"--model_name=" + p.spec.Graph.Name,
		"--predictor_host=" + p.frontHost() + ":" + strconv.Itoa(int(number)),
		"--protocol=" + string(p.outside()) + "." + transport,
		"--http_port=" + strconv.Itoa(int(port)),
	}
	if e.ModelURI != "" {
		args = append(args, "--storage_uri="+modelDir)
	}
	args = append(args, e.Type)
	if e.Type == v1.ExplainImages {
		args = append(args, "--tf_data_type=float32")
	}
	for _, key := range slices.Sorted(maps.Keys(e.Config)) {
		value := e.Config[key]
		if e.ModelURI != "" {
			value = strings.Replace(value, e.ModelURI, modelDir, 1)
		}
		args = append(args, "--"+key+"="+value)
	}
	return args
}

// explainerEnv configures MLServer's explainer. The user's variables count
// before ours.
func (p *predictor) explainerEnv(c *corev1.Container, port int32) ([]corev1.EnvVar, error) {
	e := p.spec.Explainer
	tag := v1.ExplainerTag(e.Type)
	if tag == "" {
		return nil, fmt.Errorf("type %q is unknown, there are %s", e.Type, strings.Join(v1.ExplainerTypes(), ", "))
	}
	_, front := p.front()
	extra := struct {
		Type       string          `json:"explainer_type"`
		InferURI   string          `json:"infer_uri"`
		Parameters json.RawMessage `json:"init_parameters,omitempty"`
	}{
		Type: tag,
		InferURI: "http://" + p.frontHost() + ":" + strconv.Itoa(int(front.HTTP)) +
			"/v2/models/" + p.spec.Graph.Name + "/infer",
	}
	if e.InitParameters != "" {
		if !json.Valid([]byte(e.InitParameters)) {
			return nil, fmt.Errorf("initParameters is not JSON: %s", e.InitParameters)
		}
		extra.Parameters = json.RawMessage(e.InitParameters)
	}
	env := slices.Clone(c.Env)
	env = addEnv(env, v1.EnvMLServerHTTPPort, strconv.Itoa(int(port)))
	env = addEnv(env, "MLSERVER_MODEL_IMPLEMENTATION", "mlserver_alibi_explain.AlibiExplainRuntime")
	env = addEnv(env, envMLServerModelName, c.Name)
	env = addEnv(env, envMLServerModelURI, modelDir)
	env = addEnv(env, "MLSERVER_MODEL_EXTRA", marshalled(extra))
	return env, nil
}

// frontHost is the address of the predictor's Service.
func (p *predictor) frontHost() string {
	if p.in.Places.Host != nil {
		return p.in.Places.Host(p.spec.Name, ExecutorContainer)
	}
	return p.key + "." + p.deployment.Namespace
}
