package v1

import (
	"cmp"
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// Where things listen, unless the installation says otherwise.
const (
	// UnitHTTPPort, UnitGRPCPort and UnitMetricsPort are the numbers that the
	// first container of a deployment is given; each further one is given the
	// numbers after them.
	UnitHTTPPort    int32 = 9000
	UnitGRPCPort    int32 = 9500
	UnitMetricsPort int32 = 6000
	// ExecutorHTTPPort and ExecutorGRPCPort are those of the executor in a pod
	// and of its Service.
	ExecutorHTTPPort int32 = 8000
	ExecutorGRPCPort int32 = 5001
	// ExplainerHTTPPort is that of an explainer, in a pod of its own.
	ExplainerHTTPPort int32 = 9000
)

// Names of the ports of containers and Services.
const (
	// HTTPPortName and GRPCPortName are also those by which a user says where a
	// container listens.
	HTTPPortName = "http"
	GRPCPortName = "grpc"
	// MetricsPortName is that of a component's port of metrics and of the port
	// of the executor that serves them, unless the installation says otherwise.
	// Pod monitors select it.
	MetricsPortName = "metrics"
)

// +kubebuilder:object:generate=false

// Ports are TCP port numbers; 0 is none.
type Ports struct{ HTTP, GRPC, Metrics int32 }

// UnitPorts are the first numbers given to components' containers, unless the
// installation says otherwise.
func UnitPorts() Ports {
	return Ports{HTTP: UnitHTTPPort, GRPC: UnitGRPCPort, Metrics: UnitMetricsPort}
}

// ExecutorPorts are where executors listen, unless the installation says
// otherwise. Metrics are served by the HTTP port.
func ExecutorPorts() Ports { return Ports{HTTP: ExecutorHTTPPort, GRPC: ExecutorGRPCPort} }

// Variables that tell a container's server where to listen. They are set where
// the user did not; where the user did, requests follow.
const (
	EnvHTTPPort            = "PREDICTIVE_UNIT_HTTP_SERVICE_PORT"
	EnvGRPCPort            = "PREDICTIVE_UNIT_GRPC_SERVICE_PORT"
	EnvMetricsPort         = "PREDICTIVE_UNIT_METRICS_SERVICE_PORT"
	EnvMLServerHTTPPort    = "MLSERVER_HTTP_PORT"
	EnvMLServerGRPCPort    = "MLSERVER_GRPC_PORT"
	EnvMLServerMetricsPort = "MLSERVER_METRICS_PORT"
)

// ports hands out a number for each container name: a second predictor whose
// container has the same name gets the same number.
type ports struct {
	next   int32
	byName map[string]int32
}

func (p *ports) of(container string) int32 {
	n, ok := p.byName[container]
	if !ok {
		n = p.next
		p.byName[container] = n
		p.next++
	}
	return n
}

// at says where a container listens: at the port that the user declared under
// this name, or wrote into the environment, or else at the next number.
func (p *ports) at(c *corev1.Container, name string, variables ...string) int32 {
	next := p.of(c.Name)
	return cmp.Or(PortNamed(c, name), portVariable(c, variables...), next)
}

// PortNamed returns the number of a container's port, 0 if there is none of
// that name.
func PortNamed(c *corev1.Container, name string) int32 {
	for i := range c.Ports {
		if c.Ports[i].Name == name {
			return c.Ports[i].ContainerPort
		}
	}
	return 0
}

// portVariable returns the port in the first of these variables that the
// container has, or 0.
func portVariable(c *corev1.Container, variables ...string) int32 {
	for _, name := range variables {
		for i := len(c.Env) - 1; i >= 0; i-- { // The last of a name counts.
			if c.Env[i].Name != name {
				continue
			}
			if n, err := strconv.ParseUint(c.Env[i].Value, 10, 16); err == nil && n != 0 {
				return int32(n)
			}
			break
		}
	}
	return 0
}
