package local

import (
	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/local/process"
)

// predictorPorts are the ports of a predictor's containers.
type predictorPorts struct {
	book *process.PortBook
	// preferred returns a container's own wishes.
	preferred func(container string) expand.Ports
	byName    map[string]expand.Ports
	err       error
}

// container returns the ports of a container and chooses them at the first
// call.
func (p *predictorPorts) container(name string) expand.Ports {
	if ports, ok := p.byName[name]; ok {
		return ports
	}
	wish := p.preferred(name)
	take := func(preferred int32) int32 {
		port, err := p.book.Take(preferred)
		if err != nil {
			p.err = err
		}
		return port
	}
	ports := expand.Ports{HTTP: take(wish.HTTP), GRPC: take(wish.GRPC), Metrics: take(wish.Metrics)}
	p.byName[name] = ports
	return ports
}

// giveBack ends the use of the ports.
func (p *predictorPorts) giveBack() {
	for _, ports := range p.byName {
		p.book.GiveBack(ports.HTTP, ports.GRPC, ports.Metrics)
	}
}

// places are the predictor's places on this machine: everything is on
// localhost, each container on ports of its own.
func (p *predictorPorts) places() expand.Places {
	return expand.Places{
		Host:      func(string, string) string { return "localhost" },
		Container: func(_, container string) expand.Ports { return p.container(container) },
		Executor:  func(string) expand.Ports { return p.container(expand.ExecutorContainer) },
	}
}

// ownPorts reads the ports that the user gave a container by name.
func ownPorts(p *v1.PredictorSpec, metricsName string) func(container string) expand.Ports {
	return func(container string) expand.Ports {
		var ports expand.Ports
		for i := range p.ComponentSpecs {
			for _, c := range p.ComponentSpecs[i].Spec.Containers {
				if c.Name != container {
					continue
				}
				for _, port := range c.Ports {
					switch port.Name {
					case v1.HTTPPortName:
						ports.HTTP = port.ContainerPort
					case v1.GRPCPortName:
						ports.GRPC = port.ContainerPort
					case metricsName:
						ports.Metrics = port.ContainerPort
					}
				}
			}
		}
		return ports
	}
}
