package expand

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// Places says where things listen. The zero value is Kubernetes: the port
// numbers of the API's defaults, localhost beside the executor and service
// names elsewhere. A laptop overrides it, since all pods share one host there.
type Places struct {
	// Host is the address of a container that is not beside the executor, and
	// of the executor itself, under the name [ExecutorContainer]; nil: the
	// Service's DNS name.
	Host func(predictor, container string) string
	// Container are the ports of a graph container or an explainer, which
	// takes them over in its node's endpoint, its arguments, environment,
	// probes and Services. A zero leaves a port as it is. nil: the defaults.
	Container func(predictor, container string) Ports
	// Executor are the ports of a predictor's executor (Metrics unused); nil: Config's.
	Executor func(predictor string) Ports
}

// Ports are TCP port numbers.
type Ports = v1.Ports

const localhost = "localhost"

// place overrides the defaults of endpoints and ports by [Places].
func (p *predictor) place() error {
	places := p.in.Places
	for i := range p.spec.ComponentSpecs {
		containers := p.spec.ComponentSpecs[i].Spec.Containers
		for j := range containers {
			c := &containers[j]
			n := p.nodes[c.Name]
			if n == nil || n.Endpoint == nil {
				continue
			}
			if places.Container != nil {
				p.move(n, c, places.Container(p.spec.Name, c.Name))
			}
			if places.Host != nil && n.Endpoint.ServiceHost != localhost {
				n.Endpoint.ServiceHost = places.Host(p.spec.Name, c.Name)
			}
		}
	}
	return nil
}

// move gives a node and its container other ports.
func (p *predictor) move(n *graph.Node, c *corev1.Container, to Ports) {
	e := n.Endpoint
	moved := map[int32]int32{}
	set := func(port *int32, number int32) {
		if number != 0 && *port != number {
			moved[*port] = number
			*port = number
		}
	}
	set(&e.HTTPPort, to.HTTP)
	set(&e.GRPCPort, to.GRPC)
	for i := range c.Ports {
		switch c.Ports[i].Name {
		case v1.HTTPPortName:
			set(&c.Ports[i].ContainerPort, to.HTTP)
		case v1.GRPCPortName:
			set(&c.Ports[i].ContainerPort, to.GRPC)
		case p.in.Config.Units.MetricsPortName:
			set(&c.Ports[i].ContainerPort, to.Metrics)
		}
	}
	e.ServicePort = p.servicePort(n)
	for _, port := range probedPorts(c) {
		if target, ok := moved[port.IntVal]; ok && port.Type == intstr.Int {
			*port = intstr.FromInt32(target)
		}
	}
	for _, probe := range probes(c) {
		if probe.GRPC == nil {
			continue
		}
		if target, ok := moved[probe.GRPC.Port]; ok {
			probe.GRPC.Port = target
		}
	}
	// A user who says the port in the environment as well means the same port.
	ports := portVariables()
	for i := range c.Env {
		if !ports[c.Env[i].Name] {
			continue
		}
		number, err := strconv.ParseInt(c.Env[i].Value, 10, 32)
		if target, ok := moved[int32(number)]; err == nil && ok {
			c.Env[i].Value = strconv.Itoa(int(target))
		}
	}
}

// servicePort is the port by which a node is judged ready.
func (p *predictor) servicePort(n *graph.Node) int32 {
	if (n.Endpoint.Type == graph.GRPC || p.transport() == v1.TransportGRPC) && !p.speaks(n).RESTOnly() {
		return n.Endpoint.GRPCPort
	}
	return n.Endpoint.HTTPPort
}

// executorPorts are where the executor listens.
func (p *predictor) executorPorts() Ports {
	if p.in.Places.Executor != nil {
		return p.in.Places.Executor(p.spec.Name)
	}
	return p.in.Config.Executor.Ports
}

// servicePorts are the port numbers of the executor's Service.
func (p *predictor) servicePorts() Ports {
	if p.in.Places.Executor != nil {
		return p.in.Places.Executor(p.spec.Name)
	}
	return p.in.Config.Executor.ServicePorts
}
