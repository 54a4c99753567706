package expand

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// ownExecutor is what a user says of the executor by a container of its name.
type ownExecutor struct {
	// container is nil where there is none.
	container *corev1.Container
	// spec is the componentSpec around the container, if that serves no node of
	// the graph: it describes the pod of an executor that has its own.
	spec *v1.SeldonPodSpec
}

// readExecutor finds the executor's container among those of the user's. The
// first one counts.
func (p *predictor) readExecutor() error {
	if n := p.nodes[ExecutorContainer]; n != nil && n.Endpoint != nil {
		return fmt.Errorf("node name %s is that of the executor's container: rename the node", ExecutorContainer)
	}
	for i := range p.spec.ComponentSpecs {
		spec := &p.spec.ComponentSpecs[i]
		containers := spec.Spec.Containers
		at := slices.IndexFunc(containers, isExecutor)
		if at < 0 || p.own.container != nil {
			continue
		}
		p.own.container = &containers[at]
		if !slices.ContainsFunc(containers, func(c corev1.Container) bool { return p.nodes[c.Name] != nil }) {
			p.own.spec = spec
		}
	}
	return nil
}

func isExecutor(c corev1.Container) bool { return c.Name == ExecutorContainer }

// withoutExecutor returns a pod without the container of the executor, which
// goes where the executor does.
func withoutExecutor(pod corev1.PodSpec) corev1.PodSpec {
	if slices.ContainsFunc(pod.Containers, isExecutor) {
		pod.Containers = slices.DeleteFunc(slices.Clone(pod.Containers), isExecutor)
	}
	return pod
}

// newExecutorPod makes the pod of an executor that stands beside no node: as
// its componentSpec says, if there is one, then as svcOrchSpec does.
func (p *predictor) newExecutorPod() *workload {
	settings := &p.spec.SvcOrchSpec
	var pod corev1.PodSpec
	var replicas *int32
	if spec := p.own.spec; spec != nil {
		pod, replicas = withoutExecutor(spec.Spec), spec.Replicas
		p.components = slices.DeleteFunc(p.components, func(w *workload) bool { return w.spec == spec })
	}
	pod.ServiceAccountName = cmp.Or(pod.ServiceAccountName, p.in.Config.Executor.ServiceAccount)
	if selector := maps.Clone(settings.NodeSelector); selector != nil {
		maps.Copy(selector, pod.NodeSelector)
		pod.NodeSelector = selector
	}
	pod.Tolerations = append(slices.Clone(pod.Tolerations), settings.Tolerations...)
	pod.TopologySpreadConstraints = append(slices.Clone(pod.TopologySpreadConstraints), settings.TopologySpreadConstraints...)
	pod.Affinity = cmp.Or(pod.Affinity, settings.Affinity)
	pod.SecurityContext = cmp.Or(pod.SecurityContext, settings.PodSecurityContext)
	pod.PriorityClassName = cmp.Or(pod.PriorityClassName, settings.PriorityClassName)
	w := p.newWorkload(p.deployment.ExecutorName(p.spec), pod)
	w.deployment.Spec.Replicas = firstSet(settings.Replicas, replicas, p.spec.Replicas, p.deployment.Spec.Replicas)
	return w
}

// override gives the executor's container what the user says of it: whatever a
// container of its name has counts, then what svcOrchSpec has. Arguments and
// variables are added to ours, of which the user's count.
func (p *predictor) override(pod *corev1.PodSpec, ours corev1.Container) corev1.Container {
	settings := &p.spec.SvcOrchSpec
	for i := range settings.Volumes {
		addVolume(pod, settings.Volumes[i])
	}
	ours.VolumeMounts = append(slices.Clone(settings.VolumeMounts), ours.VolumeMounts...)
	ours.SecurityContext = settings.SecurityContext
	if p.own.container == nil {
		return ours
	}
	c := *p.own.container.DeepCopy()
	c.Image = cmp.Or(c.Image, ours.Image)
	c.ImagePullPolicy = cmp.Or(c.ImagePullPolicy, ours.ImagePullPolicy)
	c.Args = append(slices.Clone(ours.Args), c.Args...)
	env := slices.Clone(ours.Env)
	for _, e := range c.Env {
		env = setVar(env, e)
	}
	c.Env = env
	for _, port := range ours.Ports {
		addPort(&c, port.Name, port.ContainerPort)
	}
	for _, m := range ours.VolumeMounts {
		addMount(&c, m)
	}
	if len(c.Resources.Requests)+len(c.Resources.Limits)+len(c.Resources.Claims) == 0 {
		c.Resources = ours.Resources
	}
	c.LivenessProbe = overridden(c.LivenessProbe, ours.LivenessProbe)
	c.ReadinessProbe = overridden(c.ReadinessProbe, ours.ReadinessProbe)
	c.SecurityContext = cmp.Or(c.SecurityContext, ours.SecurityContext)
	c.TerminationMessagePath = cmp.Or(c.TerminationMessagePath, ours.TerminationMessagePath)
	c.TerminationMessagePolicy = cmp.Or(c.TerminationMessagePolicy, ours.TerminationMessagePolicy)
	return c
}

// overridden returns the user's probe; one without a handler says when ours is
// made.
func overridden(own, ours *corev1.Probe) *corev1.Probe {
	if own != nil && own.ProbeHandler == (corev1.ProbeHandler{}) {
		own.ProbeHandler = ours.ProbeHandler
	}
	return cmp.Or(own, ours)
}
