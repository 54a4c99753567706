package expand

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// mergeDuplicates leaves one variable of each name and one port of each
// number. An API server takes more than one, server-side apply does not: these
// are the keys by which it tells entries apart.
func (p *predictor) mergeDuplicates(c *corev1.Container) {
	env := c.Env[:0:0]
	for _, e := range c.Env {
		env = setVar(env, e) // Of variables with one name the last counts.
	}
	c.Env = env
	p.mergePorts(c)
}

// mergePorts keeps one of a port's names: that of metrics, which pod monitors
// select by, or else the first. Probes by another name get the number.
func (p *predictor) mergePorts(c *corev1.Container) {
	type key struct {
		number   int32
		protocol corev1.Protocol
	}
	first := map[key]int{}
	ports := c.Ports[:0:0]
	for _, port := range c.Ports {
		protocol := port.Protocol
		if protocol == "" {
			protocol = corev1.ProtocolTCP
		}
		at := key{port.ContainerPort, protocol}
		i, taken := first[at]
		if !taken {
			first[at] = len(ports)
			ports = append(ports, port)
			continue
		}
		dropped := port.Name
		if ports[i].Name == "" || port.Name == p.in.Config.Units.MetricsPortName {
			dropped, ports[i].Name = ports[i].Name, port.Name
		}
		if dropped == "" {
			continue
		}
		for _, probed := range probedPorts(c) {
			if *probed == intstr.FromString(dropped) {
				*probed = intstr.FromInt32(port.ContainerPort)
			}
		}
	}
	c.Ports = ports
}

func probes(c *corev1.Container) []*corev1.Probe {
	var all []*corev1.Probe
	for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		if probe != nil {
			all = append(all, probe)
		}
	}
	return all
}

// probedPorts lists the ports, by name or number, that a container's probes
// and hooks connect to.
func probedPorts(c *corev1.Container) []*intstr.IntOrString {
	var ports []*intstr.IntOrString
	add := func(get *corev1.HTTPGetAction, socket *corev1.TCPSocketAction) {
		if get != nil {
			ports = append(ports, &get.Port)
		}
		if socket != nil {
			ports = append(ports, &socket.Port)
		}
	}
	for _, probe := range probes(c) {
		add(probe.HTTPGet, probe.TCPSocket)
	}
	if c.Lifecycle != nil {
		for _, hook := range []*corev1.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
			if hook != nil {
				add(hook.HTTPGet, hook.TCPSocket)
			}
		}
	}
	return ports
}
