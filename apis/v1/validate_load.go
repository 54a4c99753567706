package v1

import (
	"fmt"
	"slices"
	"strconv"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/wording"
)

// load is a metric of how much of a resource pods use.
type load struct {
	path     string // below the autoscaler's
	resource corev1.ResourceName
	// container is the one that counts; empty: the whole pod.
	container string
	// percent of what is requested, or else an amount for each pod, is when to
	// scale.
	percent int64
	amount  *resource.Quantity
}

// defaultPercent of requested CPU is what the API server takes for no metrics.
const defaultPercent = 80

func hpaLoads(h *HPASpec) []load {
	field := "metricsv2"
	if len(h.Metrics) > 0 {
		field = "metrics"
	}
	var loads []load
	metrics := h.MetricsV2()
	for i := range metrics {
		path := fmt.Sprintf(".%s[%d]", field, i)
		switch m := &metrics[i]; {
		case m.Type == autoscalingv2.ResourceMetricSourceType && m.Resource != nil:
			loads = append(loads, newLoad(path+".resource", m.Resource.Name, "", &m.Resource.Target))
		case m.Type == autoscalingv2.ContainerResourceMetricSourceType && m.ContainerResource != nil:
			loads = append(loads, newLoad(path+".containerResource", m.ContainerResource.Name, m.ContainerResource.Container, &m.ContainerResource.Target))
		}
	}
	if len(metrics) == 0 {
		loads = append(loads, load{resource: corev1.ResourceCPU, percent: defaultPercent})
	}
	return loads
}

func newLoad(path string, name corev1.ResourceName, container string, t *autoscalingv2.MetricTarget) load {
	l := load{path: path, resource: name, container: container, amount: t.AverageValue}
	if t.AverageUtilization != nil {
		l.percent = int64(*t.AverageUtilization)
	}
	return l
}

func kedaLoads(k *KEDASpec) []load {
	var loads []load
	for i := range k.Triggers {
		t := &k.Triggers[i]
		if !t.isOfPods() {
			continue
		}
		l := load{path: fmt.Sprintf(".triggers[%d]", i), resource: corev1.ResourceName(t.Type), container: t.Metadata["containerName"]}
		kind := t.MetricType
		if kind == "" { // Its former place.
			kind = autoscalingv2.MetricTargetType(t.Metadata["type"])
		}
		if kind == autoscalingv2.AverageValueMetricType {
			if q, err := resource.ParseQuantity(t.Metadata["value"]); err == nil {
				l.amount = &q
			}
		} else if n, err := strconv.ParseInt(t.Metadata["value"], 10, 32); err == nil {
			l.percent = n
		}
		loads = append(loads, l)
	}
	return loads
}

// scaledContainer is what an autoscaler sees of a container.
type scaledContainer struct {
	name string
	corev1.ResourceRequirements
}

// request is what a container asks for: the API server takes a limit for that
// where nothing is requested.
func (c *scaledContainer) request(name corev1.ResourceName) *resource.Quantity {
	for _, list := range []corev1.ResourceList{c.Requests, c.Limits} {
		if q, ok := list[name]; ok {
			return &q
		}
	}
	return nil
}

// ExecutorResources are what an executor requests, and may use, where neither
// the deployment nor the installation says otherwise.
func ExecutorResources() corev1.ResourceRequirements {
	list := func() corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("512Mi")}
	}
	return corev1.ResourceRequirements{Requests: list(), Limits: list()}
}

// scaledPod lists the containers of the pod of p.ComponentSpecs[i] as they will
// be. It is empty where the pod as a whole requests resources.
func (v *validator) scaledPod(p *PredictorSpec, i int) []scaledContainer {
	spec := &p.ComponentSpecs[i].Spec
	if spec.Resources != nil {
		return nil
	}
	nodes, placed := map[string]*graph.Node{}, map[string]bool{}
	p.Graph.Walk(func(_ string, n *graph.Node) { nodes[n.Name] = n })
	for j := range p.ComponentSpecs {
		for k := range p.ComponentSpecs[j].Spec.Containers {
			placed[p.ComponentSpecs[j].Spec.Containers[k].Name] = true
		}
	}
	var all []scaledContainer
	executor := scaledContainer{ExecutorContainer, v.executorResources(p)}
	for j := range spec.InitContainers {
		if c := &spec.InitContainers[j]; c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			all = append(all, scaledContainer{c.Name, c.Resources})
		}
	}
	for j := range spec.Containers {
		c := &spec.Containers[j]
		n := nodes[c.Name]
		if c.Name != ExecutorContainer && (n != nil || v.needsImage(c.Name, nodes)) {
			all = append(all, scaledContainer{c.Name, v.resourcesOf(c, n, spec)})
		}
	}
	p.Graph.Walk(func(_ string, n *graph.Node) {
		if i == 0 && IsServer(n.Implementation) && !placed[n.Name] {
			placed[n.Name] = true
			all = append(all, scaledContainer{n.Name, v.resourcesOf(&corev1.Container{}, n, spec)})
		}
	})
	if i == 0 && v.besideNodes(p) {
		all = append(all, executor)
	}
	return all
}

// resourcesOf returns those of the node's container, or those of the container
// that once stood beside it and is part of it now.
func (v *validator) resourcesOf(c *corev1.Container, n *graph.Node, pod *corev1.PodSpec) corev1.ResourceRequirements {
	if n == nil {
		return c.Resources
	}
	server, _ := v.stock(n)
	for i := range pod.Containers {
		former := &pod.Containers[i]
		if server.Proxied != nil && former.Name == server.Proxied.Container && former.Name != n.Name &&
			len(former.Resources.Requests)+len(former.Resources.Limits) > 0 {
			return former.Resources
		}
	}
	return c.Resources
}

// loads warns of metrics that are never read, or that no load can reach.
func (v *validator) loads(path string, loads []load, pod []scaledContainer) {
	for i := range loads {
		l := &loads[i]
		at := path + l.path
		if l.resource != corev1.ResourceCPU && l.resource != corev1.ResourceMemory && l.resource != "" {
			v.warnf(at+".name", "only cpu and memory are measured, so that an autoscaler gets no value of %q", l.resource)
			continue
		}
		counted := pod
		if l.container != "" {
			counted = slices.DeleteFunc(slices.Clone(pod), func(c scaledContainer) bool { return c.name != l.container })
			if len(counted) == 0 && len(pod) > 0 {
				v.warnf(at, "the pod has no container %q, so that this is never measured%s", l.container, wording.DidYouMean(l.container, namesOf(pod)))
			}
		}
		if len(counted) > 0 {
			v.load(at, l, counted)
		}
	}
}

func namesOf(pod []scaledContainer) []string {
	names := make([]string, len(pod))
	for i := range pod {
		names[i] = pod[i].name
	}
	return names
}

func (v *validator) load(at string, l *load, counted []scaledContainer) {
	var requested, most int64 // milli; most is what the components may use
	bounded, executor := true, false
	for i := range counted {
		c := &counted[i]
		request := c.request(l.resource)
		if request == nil && l.percent > 0 && l.amount == nil {
			v.warnf(at, "the container %q requests no %s, so that its share is not known and the autoscaler does nothing "+
				"(missing request for %[2]s in container %[1]s): give it resources.requests.%[2]s", c.name, l.resource)
			return
		}
		if request != nil {
			requested += request.MilliValue()
		}
		if c.name == ExecutorContainer {
			executor = true
			continue
		}
		limit, ok := c.Limits[l.resource]
		bounded = bounded && ok
		most += limit.MilliValue()
	}
	target := requested * l.percent / 100
	if l.amount != nil {
		target = l.amount.MilliValue()
	}
	if !bounded || most == 0 || target <= most {
		return
	}
	quantity := func(milli int64) string { return resource.NewMilliQuantity(milli, resource.DecimalSI).String() }
	if l.resource == corev1.ResourceMemory {
		const mebi = 1000 << 20
		quantity = func(milli int64) string { return strconv.FormatInt((milli+mebi-1)/mebi, 10) + "Mi" }
	}
	message := "%s %s of a pod is when to scale, and the components' limits allow %s: they are never scaled"
	if executor {
		message += "; the executor's request counts as well, so write a metric of type ContainerResource, or less in svcOrchSpec.resources"
	}
	v.warnf(at, message, quantity(target), l.resource, quantity(most))
}
