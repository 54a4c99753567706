package expand_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/scaling"
)

// check holds objects to rules that an API server has, and to those that make
// them work together: every golden output and every expansion in tests goes
// through it.
func check(t *testing.T, objects []expand.Object) {
	t.Helper()
	c := checker{t: t, seen: map[string]bool{}, names: map[string]bool{}}
	for _, o := range objects {
		switch o := o.(type) {
		case *appsv1.Deployment:
			c.deployments = append(c.deployments, o)
		case *corev1.Service:
			c.services = append(c.services, o)
		}
		c.names[o.GetObjectKind().GroupVersionKind().Kind+" "+o.GetName()] = true
	}
	for _, o := range objects {
		c.object(o)
	}
}

type checker struct {
	t           *testing.T
	deployments []*appsv1.Deployment
	services    []*corev1.Service
	names       map[string]bool // "KIND NAME"
	seen        map[string]bool
	where       string
}

func (c *checker) fail(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf("%s: %s", c.where, fmt.Sprintf(format, args...))
}

func (c *checker) once(what, name string) {
	c.t.Helper()
	key := c.where + "|" + what + "|" + name
	if c.seen[key] {
		c.fail("%s %s occurs twice", what, name)
	}
	c.seen[key] = true
}

func (c *checker) object(o expand.Object) {
	kind := o.GetObjectKind().GroupVersionKind().Kind
	c.where = "all objects"
	c.once(kind, o.GetName())
	c.where = kind + " " + o.GetName()
	valid := validation.IsDNS1035Label
	if kind == "Mapping" || kind == "TLSContext" {
		valid = validation.IsDNS1123Subdomain
	}
	if problems := valid(o.GetName()); len(problems) > 0 {
		c.fail("name: %s", problems)
	}
	if o.GetNamespace() == "" || kind == "" {
		c.fail("has no namespace or kind")
	}
	if owners := o.GetOwnerReferences(); len(owners) != 1 || owners[0].Kind != "SeldonDeployment" || owners[0].Controller == nil {
		c.fail("is not owned by its deployment: %v", owners)
	}
	c.labels(o.GetLabels())
	if o.GetLabels()["seldon-deployment-id"] == "" {
		c.fail("has no label seldon-deployment-id")
	}
	switch o := o.(type) {
	case *appsv1.Deployment:
		c.deployment(o)
	case *corev1.Service:
		c.service(o)
	case *networkingv1.NetworkPolicy:
		if len(c.selected(o.Spec.PodSelector.MatchLabels)) == 0 {
			c.fail("selects no pods")
		}
	case *policyv1.PodDisruptionBudget:
		if got := len(c.selected(o.Spec.Selector.MatchLabels)); got != 1 {
			c.fail("selects the pods of %d Deployments", got)
		}
	case *autoscalingv2.HorizontalPodAutoscaler:
		c.target(o.Spec.ScaleTargetRef.Name)
	case *gatewayv1.HTTPRoute:
		for _, rule := range o.Spec.Rules {
			for _, ref := range rule.BackendRefs {
				c.reference(ref.BackendRef)
			}
		}
	case *gatewayv1.GRPCRoute:
		for _, rule := range o.Spec.Rules {
			for _, ref := range rule.BackendRefs {
				c.reference(ref.BackendRef)
			}
		}
	case *networkingv1.Ingress:
		for _, rule := range o.Spec.Rules {
			for _, path := range rule.HTTP.Paths {
				c.leads(path.Backend.Service.Name, path.Backend.Service.Port.Number)
			}
		}
	case *unstructured.Unstructured:
		c.untyped(o)
	default:
		c.fail("is of a type that the checker does not know: %T", o)
	}
}

func (c *checker) untyped(o *unstructured.Unstructured) {
	switch kind := o.GetKind(); kind {
	case "ScaledObject":
		name, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "name")
		c.target(name)
	default:
		spec, _ := o.Object["spec"].(map[string]any)
		addresses := destinations(spec)
		if len(addresses) == 0 && slices.Contains([]string{"VirtualService", "Mapping", "TraefikService"}, kind) {
			c.fail("leads nowhere:\n%v", spec)
		}
		for _, at := range addresses {
			c.leads(at.service, at.port)
		}
	}
}

type address struct {
	service string
	port    int32
}

// destinations finds the Services and ports in a specification: a host or a
// name beside a port, or "name.namespace:port".
func destinations(value any) []address {
	var found []address
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			found = append(found, destinations(item)...)
		}
	case map[string]any:
		port, _ := value["port"].(int64)
		if inner, ok := value["port"].(map[string]any); ok {
			port, _ = inner["number"].(int64)
		}
		for _, key := range []string{"host", "name", "service"} {
			text, _ := value[key].(string)
			text, after, _ := strings.Cut(text, ":")
			if n, err := strconv.ParseInt(after, 10, 32); err == nil {
				port = n
			}
			if name, _, _ := strings.Cut(text, "."); name != "" && port > 0 {
				found = append(found, address{name, int32(port)})
			}
		}
		for _, field := range value {
			found = append(found, destinations(field)...)
		}
	}
	return found
}

func (c *checker) reference(ref gatewayv1.BackendRef) {
	if *ref.Kind != "Service" {
		if !c.names[string(*ref.Kind)+" "+string(ref.Name)] {
			c.fail("leads to %s %s, which is not there", *ref.Kind, ref.Name)
		}
		return
	}
	c.leads(string(ref.Name), int32(*ref.Port))
}

// leads: a Service is there and offers the port.
func (c *checker) leads(service string, port int32) {
	for _, s := range c.services {
		for _, p := range s.Spec.Ports {
			if s.Name == service && p.Port == port {
				return
			}
		}
	}
	c.fail("leads to port %d of Service %s, which is not there", port, service)
}

func (c *checker) labels(set map[string]string) {
	for key, value := range set {
		if problems := validation.IsQualifiedName(key); len(problems) > 0 {
			c.fail("label %s: %s", key, problems)
		}
		if problems := validation.IsValidLabelValue(value); len(problems) > 0 {
			c.fail("label %s=%s: %s", key, value, problems)
		}
	}
}

func (c *checker) selected(selector map[string]string) []*appsv1.Deployment {
	var found []*appsv1.Deployment
	for _, d := range c.deployments {
		if labels.SelectorFromSet(selector).Matches(labels.Set(d.Spec.Template.Labels)) {
			found = append(found, d)
		}
	}
	return found
}

// target: an autoscaler's Deployment exists and leaves replicas to it.
func (c *checker) target(name string) {
	for _, d := range c.deployments {
		if d.Name == name {
			if d.Spec.Replicas != nil {
				c.fail("its Deployment says replicas: %d", *d.Spec.Replicas)
			}
			return
		}
	}
	c.fail("scales %s, which is not there", name)
}

func (c *checker) deployment(d *appsv1.Deployment) {
	if len(d.Spec.Selector.MatchLabels) == 0 {
		c.fail("selects everything")
	}
	if got := c.selected(d.Spec.Selector.MatchLabels); len(got) != 1 || got[0] != d {
		c.fail("its selector matches the pods of %d Deployments, want its own alone", len(got))
	}
	c.labels(d.Spec.Template.Labels)
	pod := &d.Spec.Template.Spec
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		c.once("volume", v.Name)
		c.label("volume", v.Name)
		volumes[v.Name] = true
	}
	if len(pod.Containers) == 0 {
		c.fail("has no containers")
	}
	for i := range pod.InitContainers {
		c.container(&pod.InitContainers[i], volumes)
	}
	for i := range pod.Containers {
		c.container(&pod.Containers[i], volumes)
	}
	c.ports(pod)
}

func (c *checker) label(what, name string) {
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		c.fail("%s name %q: %s", what, name, problems)
	}
}

func (c *checker) container(k *corev1.Container, volumes map[string]bool) {
	c.once("container", k.Name)
	c.label("container", k.Name)
	if k.Image == "" {
		c.fail("container %s has no image", k.Name)
	}
	for _, e := range k.Env {
		c.once("variable of "+k.Name, e.Name)
		if strings.ContainsAny(e.Value, "{}") && !strings.HasPrefix(e.Value, "[") && !strings.HasPrefix(e.Value, "{\"") {
			c.fail("variable %s of %s has a placeholder left: %s", e.Name, k.Name, e.Value)
		}
	}
	for _, arg := range k.Args {
		if strings.ContainsAny(arg, "{}") {
			c.fail("argument of %s has a placeholder left: %s", k.Name, arg)
		}
	}
	for _, m := range k.VolumeMounts {
		c.once("mount path of "+k.Name, m.MountPath)
		if !volumes[m.Name] {
			c.fail("container %s mounts volume %s, which is not there", k.Name, m.Name)
		}
	}
	for _, p := range []*corev1.Probe{k.LivenessProbe, k.ReadinessProbe, k.StartupProbe} {
		c.probe(k, p)
	}
}

func (c *checker) probe(k *corev1.Container, p *corev1.Probe) {
	if p == nil {
		return
	}
	var port intstr.IntOrString
	switch {
	case p.HTTPGet != nil:
		port = p.HTTPGet.Port
	case p.TCPSocket != nil:
		port = p.TCPSocket.Port
	default:
		return
	}
	for _, declared := range k.Ports {
		if port.Type == intstr.String && port.StrVal == declared.Name ||
			port.Type == intstr.Int && port.IntVal == declared.ContainerPort {
			return
		}
	}
	c.fail("container %s is probed at port %s, which it does not declare", k.Name, port.String())
}

// ports: within one pod all containers share an address.
func (c *checker) ports(pod *corev1.PodSpec) {
	for _, k := range pod.Containers {
		for _, p := range k.Ports {
			c.once("port of the pod", fmt.Sprintf("%d/%s", p.ContainerPort, cmp.Or(p.Protocol, corev1.ProtocolTCP)))
			if p.Name == "" {
				continue
			}
			c.once("port of "+k.Name, p.Name)
			if problems := validation.IsValidPortName(p.Name); len(problems) > 0 {
				c.fail("port %s: %s", p.Name, problems)
			}
		}
	}
}

// service: what a Service leads to exists and listens.
func (c *checker) service(s *corev1.Service) {
	selector := s.Spec.Selector
	if text, ok := s.Annotations[scaling.AnnotationFront]; ok && selector[scaling.LabelFront] != "" {
		var front scaling.Front
		if err := json.Unmarshal([]byte(text), &front); err != nil || !front.Always {
			c.fail("selects no pods and is no front that activators are always before: %s", text)
		}
		selector = front.Selector
	}
	found := c.selected(selector)
	if len(found) != 1 {
		c.fail("selects the pods of %d Deployments, want 1", len(found))
	}
	for _, p := range s.Spec.Ports {
		c.once("port", p.Name)
		for _, d := range found {
			if !listens(d, p.TargetPort.IntVal) {
				c.fail("leads to port %d, where no container of %s listens", p.TargetPort.IntVal, d.Name)
			}
		}
	}
}

func listens(d *appsv1.Deployment, port int32) bool {
	for _, k := range d.Spec.Template.Spec.Containers {
		for _, p := range k.Ports {
			if p.ContainerPort == port {
				return true
			}
		}
	}
	return false
}
