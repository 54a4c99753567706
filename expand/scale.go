package expand

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/scaling"
)

// readScaling finds out which components are scaled by requests, by their number.
func (p *predictor) readScaling() error {
	p.scaled = map[*v1.SeldonPodSpec]scaling.Policy{}
	for i := range p.spec.ComponentSpecs {
		if policy, ok := p.deployment.Scaling(p.spec, i); ok {
			p.scaled[&p.spec.ComponentSpecs[i]] = policy
		}
	}
	return nil
}

// scalingOf is the policy of a component; false: requests do not scale it.
func (p *predictor) scalingOf(w *workload) (scaling.Policy, bool) {
	if w.spec == nil {
		return scaling.Policy{}, false
	}
	policy, ok := p.scaled[w.spec]
	return policy, ok
}

// scaleByRequests tells the scaler, by an annotation of each Deployment, how it
// is scaled, and makes Services that may be without pods fronts: activators keep
// their requests then.
func (p *predictor) scaleByRequests() error {
	for _, w := range p.components {
		policy, ok := p.scalingOf(w)
		if !ok {
			continue
		}
		says := scaling.Scaled{Policy: policy, Predictor: p.key, ReportPort: p.executorPorts().HTTP, TLS: p.spec.SSL != nil}
		for _, n := range p.order {
			if w.container(n.Name) != nil && n.Endpoint != nil && w != p.host {
				says.Nodes = append(says.Nodes, n.Name)
			}
		}
		for _, s := range p.leadingTo(w) {
			if p.becomesFront(w, s, policy) {
				says.Fronts = append(says.Fronts, s.Name)
			}
		}
		d := w.deployment
		d.Labels[scaling.LabelScaled] = "true"
		d.Spec.Template.Labels[scaling.LabelScaled] = "true"
		d.Annotations[scaling.AnnotationScaled] = marshalled(says)
		if policy.MinReplicas == 0 {
			wakesQuickly(w)
		}
		p.host.deployment.Spec.Template.Labels[scaling.LabelScaled] = "true" // Its executor counts.
	}
	return nil
}

// wakesQuickly lets a pod that requests wait for be ready when it is: it is looked
// at each second until it is for the first time. What the user wrote stays.
func wakesQuickly(w *workload) {
	own := map[string]corev1.Container{}
	for _, c := range w.spec.Spec.Containers {
		own[c.Name] = c
	}
	containers := w.pod().Containers
	for i := range containers {
		c, user := &containers[i], own[containers[i].Name]
		if c.ReadinessProbe == nil {
			continue
		}
		if user.StartupProbe == nil {
			if c.StartupProbe == nil {
				probe := startup(*c.ReadinessProbe.ProbeHandler.DeepCopy(), c.ReadinessProbe.TimeoutSeconds)
				c.StartupProbe = probe
			}
			c.StartupProbe.PeriodSeconds, c.StartupProbe.FailureThreshold = 1, mostStartup
		}
		if user.ReadinessProbe == nil {
			c.ReadinessProbe.InitialDelaySeconds = 0
		}
	}
}

// leadingTo lists the Services by which requests come to a component: that of
// the predictor, or those of its nodes where it is called by an executor
// elsewhere.
func (p *predictor) leadingTo(w *workload) []*corev1.Service {
	if w == p.host {
		return []*corev1.Service{p.frontService}
	}
	var found []*corev1.Service
	for _, c := range w.pod().Containers {
		if s := p.nodeServices[c.Name]; s != nil {
			found = append(found, s)
		}
	}
	return found
}

// becomesFront makes a front of a Service whose component may have no pods, or
// whose pods have a limit that activators are to keep.
func (p *predictor) becomesFront(w *workload, s *corev1.Service, policy scaling.Policy) bool {
	always := policy.ContainerConcurrency > 0 && p.in.Config.Activator && p.spec.SSL == nil && s.Spec.ClusterIP != corev1.ClusterIPNone
	if policy.MinReplicas > 0 && !always {
		return false
	}
	front := scaling.Front{
		Deployment: w.deployment.Name, Selector: s.Spec.Selector, Always: always, ContainerConcurrency: policy.ContainerConcurrency,
	}
	for _, port := range s.Spec.Ports {
		if port.Name == v1.GRPCPortName {
			front.GRPCPort = port.TargetPort.IntVal
		} else {
			front.HTTPPort = port.TargetPort.IntVal
		}
	}
	if w == p.host {
		front.ReadyPath = readyPath
	}
	if always {
		// Without any selector Kubernetes would leave the endpoints that there were.
		s.Spec.Selector = map[string]string{scaling.LabelFront: scaling.FrontOfNoPod}
	}
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	s.Labels[scaling.LabelFront] = "true"
	annotate(s, scaling.AnnotationFront, marshalled(front))
	return true
}

// scalingArgs let the executor count requests for the scaler, where something of
// the predictor is scaled by them, and bound those that it works on at once.
func (p *predictor) scalingArgs() []string {
	if len(p.scaled) == 0 {
		return nil
	}
	args := []string{"--scaling"}
	if policy, ok := p.scalingOf(p.host); ok && policy.ContainerConcurrency > 0 {
		args = append(args, "--container_concurrency", strconv.Itoa(int(policy.ContainerConcurrency)))
	}
	return args
}
