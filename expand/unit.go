package expand

import (
	"net/url"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// Seconds after which a container is probed for the first time.
const (
	liveAfter  = 60
	readyAfter = 20
)

// Seconds that a prepackaged server may take to load its model, and between
// looks at whether it has.
const (
	mostStartup   = 1800
	startupPeriod = 5
)

// completeUnits gives the containers of graph nodes what all of them have:
// ports, probes, a delay before they stop, environment. Containers that serve
// no node are left as they are.
func (p *predictor) completeUnits() error {
	for _, w := range p.components {
		containers := w.pod().Containers
		for i := range containers {
			if n := p.nodes[containers[i].Name]; n != nil && n.Endpoint != nil {
				p.completeUnit(n, &containers[i], *w.pod().TerminationGracePeriodSeconds)
			}
		}
	}
	return nil
}

func (p *predictor) completeUnit(n *graph.Node, c *corev1.Container, grace int64) {
	addPort(c, v1.HTTPPortName, n.Endpoint.HTTPPort)
	addPort(c, v1.GRPCPortName, n.Endpoint.GRPCPort)

	ready := corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(p.servicePort(n))}}
	live := *ready.DeepCopy()
	timeout := int32(1)
	server, stock := p.server(n)
	if stock && server.ReadyPath != "" {
		ready = httpProbe(server.ReadyPath, n.Endpoint.HTTPPort)
		live = httpProbe(server.LivePath, n.Endpoint.HTTPPort)
		timeout = 5
		if server.ModelReadyPath != "" && p.speaks(n) != p.outside() {
			ready = httpProbe(strings.ReplaceAll(server.ModelReadyPath, "{model}", url.PathEscape(p.modelName(n))), n.Endpoint.HTTPPort)
		}
	}
	if stock {
		askServer(c.StartupProbe, live)
		askServer(c.LivenessProbe, live)
		askServer(c.ReadinessProbe, ready)
		if c.StartupProbe == nil {
			c.StartupProbe = startup(*live.DeepCopy(), timeout)
		}
	}
	c.LivenessProbe = completeProbe(c.LivenessProbe, live, liveAfter, timeout)
	c.ReadinessProbe = completeProbe(c.ReadinessProbe, ready, readyAfter, timeout)
	c.Lifecycle = p.drained(c.Lifecycle, grace)
	c.Env = p.unitEnv(n, c)
}

// askServer redirects a probe that asks what Seldon's Python wrapper answers,
// which once was around every prepackaged server. The servers themselves answer
// otherwise.
func askServer(probe *corev1.Probe, handler corev1.ProbeHandler) {
	if probe == nil || probe.HTTPGet == nil {
		return
	}
	if path := probe.HTTPGet.Path; path == "/health/ping" || path == "/health/status" {
		probe.ProbeHandler = *handler.DeepCopy()
	}
}

// startup lets a server load its model before it is judged: the probe for
// life alone would kill it in the middle of a large one.
func startup(handler corev1.ProbeHandler, timeout int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:     handler,
		PeriodSeconds:    startupPeriod,
		SuccessThreshold: 1,
		FailureThreshold: mostStartup / startupPeriod,
		TimeoutSeconds:   timeout,
	}
}

func httpProbe(path string, port int32) corev1.ProbeHandler {
	return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
		Path: path, Port: intstr.FromInt32(port), Scheme: corev1.URISchemeHTTP,
	}}
}

// completeProbe keeps what the user wrote: all of a probe with a handler, the
// timings of one without.
func completeProbe(probe *corev1.Probe, handler corev1.ProbeHandler, delay, timeout int32) *corev1.Probe {
	if probe == nil {
		return &corev1.Probe{
			ProbeHandler:        handler,
			InitialDelaySeconds: delay,
			PeriodSeconds:       5,
			SuccessThreshold:    1,
			FailureThreshold:    3,
			TimeoutSeconds:      timeout,
		}
	}
	if probe.ProbeHandler == (corev1.ProbeHandler{}) {
		probe.ProbeHandler = handler
	}
	return probe
}

// unitEnv adds the variables by which a component's image learns where to
// listen and who it is. Where the user set a port, parameters or the model's
// place, the user's value counts; identity is never the user's.
func (p *predictor) unitEnv(n *graph.Node, c *corev1.Container) []corev1.EnvVar {
	env := c.Env
	http, grpc := strconv.Itoa(int(n.Endpoint.HTTPPort)), strconv.Itoa(int(n.Endpoint.GRPCPort))
	env = addEnv(env, envServicePort, strconv.Itoa(int(n.Endpoint.ServicePort)))
	env = addEnv(env, v1.EnvHTTPPort, http)
	env = addEnv(env, v1.EnvMLServerHTTPPort, http)
	env = addEnv(env, v1.EnvGRPCPort, grpc)
	env = addEnv(env, v1.EnvMLServerGRPCPort, grpc)
	if parameters := p.parametersOf(n); len(parameters) > 0 {
		env = addEnv(env, envParameters, marshalled(parameters))
	}
	if n.ModelURI != "" {
		env = addEnv(env, envMLServerModelURI, modelDir)
	}
	env = setEnv(env, envUnitID, n.Name)
	env = setEnv(env, envMLServerModelName, p.modelName(n))
	env = setEnv(env, envUnitImage, c.Image)
	env = setEnv(env, envPredictor, p.spec.Name)
	env = setEnv(env, envLabels, marshalled(p.spec.Labels))
	env = setEnv(env, envDeployment, p.deployment.Name)
	env = setEnv(env, envExecutor, "true")
	if port := v1.PortNamed(c, p.in.Config.Units.MetricsPortName); port != 0 {
		number, path := strconv.Itoa(int(port)), p.in.Config.Executor.PrometheusPath
		env = addEnv(env, v1.EnvMetricsPort, number)
		env = addEnv(env, envMetricsPath, path)
		env = addEnv(env, v1.EnvMLServerMetricsPort, number)
		env = addEnv(env, envMLServerMetricsPath, path)
	}
	return env
}

// parametersOf are what a node's container is told: labels of versions are for the
// executor, and change without a new pod.
func (p *predictor) parametersOf(n *graph.Node) []graph.Parameter {
	if !p.hasVersions(n) {
		return n.Parameters
	}
	told := n.DeepCopy()
	told.TakeVersions()
	return told.Parameters
}

// addPort declares a port, once: server-side apply tells ports apart by their
// number, whatever they are called.
func addPort(c *corev1.Container, name string, number int32) {
	if v1.PortNamed(c, name) != 0 {
		return
	}
	for i := range c.Ports {
		port := &c.Ports[i]
		if port.ContainerPort == number && (port.Protocol == corev1.ProtocolTCP || port.Protocol == "") {
			if port.Name == "" {
				port.Name = name
			}
			return
		}
	}
	c.Ports = append(c.Ports, corev1.ContainerPort{Name: name, ContainerPort: number, Protocol: corev1.ProtocolTCP})
}

// setPort changes the number of a port that is declared.
func setPort(c *corev1.Container, name string, number int32) {
	for i := range c.Ports {
		if c.Ports[i].Name == name {
			c.Ports[i].ContainerPort = number
		}
	}
}
