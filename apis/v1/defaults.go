package v1

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
)

// Names that containers and their images rely on.
const (
	// PodInfoVolume holds the pod's annotations as a file.
	PodInfoVolume = "seldon-podinfo"
	// PodInfoPath is where that volume is mounted.
	PodInfoPath = "/etc/podinfo"
	// ExecutorContainer is the container of the executor.
	ExecutorContainer = "seldon-container-engine"

	legacyPodInfoVolume = "podinfo"
	localhost           = "localhost"
)

// +kubebuilder:object:generate=false

// DefaultOptions are the settings of an installation that defaults depend on.
type DefaultOptions struct {
	// Ports are the first numbers that are given to containers; [UnitPorts]
	// unless the installation says otherwise.
	Ports Ports
	// MetricsPortName names the container port of metrics: [MetricsPortName]
	// unless the installation says otherwise.
	MetricsPortName string
	// Servers are the prepackaged servers by implementation.
	Servers map[string]manifests.Server
}

// Default fills in what the user left out: node types, endpoints, ports, the
// containers of prepackaged servers. The numbers depend on the order of
// predictors and containers alone, and must not change between releases: a
// change would restart every pod. Call it once, on a copy: it appends
// containers, and a second pass would count them in another order.
func Default(d *SeldonDeployment, o DefaultOptions) {
	d.Namespace = d.namespace()
	def := newDefaulter(d, o)
	for i := range d.Spec.Predictors {
		def.predictor(&d.Spec.Predictors[i])
	}
}

type defaulter struct {
	deployment  *SeldonDeployment
	servers     map[string]manifests.Server
	http, grpc  ports
	metrics     int32
	metricsName string
}

func newDefaulter(d *SeldonDeployment, o DefaultOptions) *defaulter {
	return &defaulter{
		deployment:  d,
		servers:     o.Servers,
		http:        ports{next: o.Ports.HTTP, byName: map[string]int32{}},
		grpc:        ports{next: o.Ports.GRPC, byName: map[string]int32{}},
		metrics:     o.Ports.Metrics,
		metricsName: o.MetricsPortName,
	}
}

func (f *defaulter) predictor(p *PredictorSpec) {
	if _, ok := p.Labels[LabelVersion]; !ok {
		if p.Labels == nil {
			p.Labels = map[string]string{}
		}
		p.Labels[LabelVersion] = p.Name
	}
	nodes := map[string]*graph.Node{}
	var order []*graph.Node
	p.Graph.Walk(func(_ string, n *graph.Node) {
		defaultType(n)
		if _, ok := nodes[n.Name]; !ok {
			nodes[n.Name] = n
			order = append(order, n)
		}
	})

	placed := map[string]bool{}
	for i := range p.ComponentSpecs {
		containers := p.ComponentSpecs[i].Spec.Containers
		for j := range containers {
			c := &containers[j]
			f.http.of(c.Name)
			f.grpc.of(c.Name)
			if n := nodes[c.Name]; n != nil {
				placed[c.Name] = true
				f.container(p, i, n, c)
			}
		}
	}
	for _, n := range order {
		if IsServer(n.Implementation) && !placed[n.Name] {
			f.server(p, n)
		}
	}
}

// server adds the container of a prepackaged server. What it runs is not
// decided here.
func (f *defaulter) server(p *PredictorSpec, n *graph.Node) {
	c := corev1.Container{Name: n.Name}
	f.container(p, 0, n, &c)
	if len(p.ComponentSpecs) == 0 {
		p.ComponentSpecs = []SeldonPodSpec{{}}
	}
	first := &p.ComponentSpecs[0].Spec
	first.Containers = append(first.Containers, c)
}

func defaultType(n *graph.Node) {
	n.SetType()
	if n.Implementation == "" {
		n.Implementation = graph.UnknownImplementation
	}
}

// container completes a node and its container in componentSpecs[spec].
func (f *defaulter) container(p *PredictorSpec, spec int, n *graph.Node, c *corev1.Container) {
	if n.Endpoint == nil {
		n.Endpoint = &graph.Endpoint{}
	}
	e := n.Endpoint
	e.HTTPPort = f.http.at(c, HTTPPortName, EnvHTTPPort, EnvMLServerHTTPPort)
	e.GRPCPort = f.grpc.at(c, GRPCPortName, EnvGRPCPort, EnvMLServerGRPCPort)
	e.ServiceHost = localhost
	if spec != 0 || f.deployment.SeparateExecutor(p) {
		e.ServiceHost = f.deployment.ServiceHost(f.deployment.ContainerServiceName(p, c.Name))
	}
	if e.Protocol == "" && IsServer(n.Implementation) {
		outside := f.deployment.Spec.Protocol.Canonical()
		if wire := wireProtocol(outside, f.servers[n.Implementation].For(string(outside)), c.Image); wire != outside {
			e.Protocol = string(wire)
		}
	}
	e.ServicePort = e.HTTPPort
	if (e.Type == graph.GRPC || f.deployment.Spec.Transport == TransportGRPC) && !Protocol(e.Protocol).RESTOnly() {
		e.ServicePort = e.GRPCPort
	}

	if PortNamed(c, f.metricsName) == 0 {
		c.Ports = append(c.Ports, corev1.ContainerPort{
			Name: f.metricsName, ContainerPort: f.metricsPort(c), Protocol: corev1.ProtocolTCP,
		})
	}
	if c.ImagePullPolicy == "" {
		c.ImagePullPolicy = corev1.PullIfNotPresent
	}
	if c.TerminationMessagePath == "" {
		c.TerminationMessagePath = corev1.TerminationMessagePathDefault
	}
	if c.TerminationMessagePolicy == "" {
		c.TerminationMessagePolicy = corev1.TerminationMessageReadFile
		if _, prepackaged := f.servers[n.Implementation]; prepackaged {
			c.TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
		}
	}
	c.VolumeMounts = mountPodInfo(c.VolumeMounts)
}

// metricsPort is the port of metrics that the user wrote into the environment,
// or the next number that the container does not use.
func (f *defaulter) metricsPort(c *corev1.Container) int32 {
	if n := portVariable(c, EnvMetricsPort, EnvMLServerMetricsPort); n != 0 {
		return n
	}
	for slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.ContainerPort == f.metrics }) {
		f.metrics++
	}
	f.metrics++
	return f.metrics - 1
}

// mountPodInfo adds the mount of the pod's annotations. It takes the place of
// a mount that old manifests wrote out by hand; a volume of the user's own
// that happens to have the old name stays.
func mountPodInfo(mounts []corev1.VolumeMount) []corev1.VolumeMount {
	kept := make([]corev1.VolumeMount, 0, len(mounts)+1)
	taken := false
	for _, m := range mounts {
		if m.Name == legacyPodInfoVolume && m.MountPath == PodInfoPath {
			continue
		}
		kept = append(kept, m)
		taken = taken || m.Name == PodInfoVolume || m.MountPath == PodInfoPath
	}
	if !taken {
		kept = append(kept, corev1.VolumeMount{Name: PodInfoVolume, MountPath: PodInfoPath})
	}
	return kept
}
