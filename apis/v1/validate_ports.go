package v1

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/graph"
)

// ports warns of what the numbers that are given to containers will make of
// the deployment.
func (v *validator) ports() {
	d := v.deployment.DeepCopy()
	Default(d, v.DefaultOptions)
	for i := range d.Spec.Predictors {
		path := fmt.Sprintf("spec.predictors[%d]", i)
		written, p := &v.deployment.Spec.Predictors[i], &d.Spec.Predictors[i]
		nodes := map[string]*graph.Node{}
		p.Graph.Walk(func(_ string, n *graph.Node) { nodes[n.Name] = n })
		v.walk(path, written, func(path string, n *graph.Node) {
			if n.Endpoint != nil {
				v.unusedPorts(path+".endpoint", n.Endpoint, nodes[n.Name].Endpoint)
			}
		})
		for j := range written.ComponentSpecs {
			v.portClashes(fmt.Sprintf("%s.componentSpecs[%d].spec", path, j), p, &p.ComponentSpecs[j].Spec, nodes)
		}
	}
}

// unusedPorts compares the ports of an endpoint as the user wrote them with
// those that count.
func (v *validator) unusedPorts(path string, written, actual *graph.Endpoint) {
	warn := func(field string, written int32, name string, actual int32) {
		if written != 0 && written != actual {
			v.warnf(path+"."+field, "%d has no effect: requests go to %d; to change that, name a port of the container %q", written, actual, name)
		}
	}
	warn("httpPort", written.HTTPPort, HTTPPortName, actual.HTTPPort)
	warn("grpcPort", written.GRPCPort, GRPCPortName, actual.GRPCPort)
	if written.ServicePort != actual.GRPCPort {
		warn("service_port", written.ServicePort, HTTPPortName, actual.HTTPPort)
	}
}

// portClashes warns of containers of one pod that listen at the same port, by
// what they declare and by the numbers that they are given: one of them would
// not start.
func (v *validator) portClashes(path string, p *PredictorSpec, pod *corev1.PodSpec, nodes map[string]*graph.Node) {
	taken := map[int32]string{}
	for i := range pod.Containers {
		n := nodes[pod.Containers[i].Name]
		if n == nil || n.Endpoint == nil || n.Endpoint.ServiceHost != localhost || p.NoExecutor() {
			continue
		}
		taken[v.ExecutorPorts.HTTP], taken[v.ExecutorPorts.GRPC] = "the executor", "the executor"
	}
	for i := range pod.Containers {
		c := &pod.Containers[i]
		if nodes[c.Name] == nil && !v.needsImage(c.Name, nodes) {
			continue // It becomes part of its node's container, or of the executor's.
		}
		v.claimPorts(fmt.Sprintf("%s.containers[%d].ports", path, i), c, nodes[c.Name], taken)
	}
}

func (v *validator) claimPorts(path string, c *corev1.Container, n *graph.Node, taken map[int32]string) {
	var ports []int32
	if n != nil && n.Endpoint != nil {
		ports = append(ports, n.Endpoint.HTTPPort, n.Endpoint.GRPCPort)
	}
	for i := range c.Ports {
		if c.Ports[i].Protocol == corev1.ProtocolTCP || c.Ports[i].Protocol == "" {
			ports = append(ports, c.Ports[i].ContainerPort)
		}
	}
	owner := fmt.Sprintf("the container %q", c.Name)
	for _, port := range ports {
		switch taken[port] {
		case "":
			taken[port] = owner
		case owner:
		default:
			v.warnf(path, "port %d of %s is that of %s in the same pod; choose another one", port, owner, taken[port])
			taken[port] = owner
		}
	}
}
