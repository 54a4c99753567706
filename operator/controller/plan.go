package controller

import (
	"fmt"
	"maps"
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	requests "github.com/prime-radiant/radiant/scaling"
)

// plan is what a deployment asks for. It is a function of what the user wrote
// and of the settings, and most passes find both as they were: a pass that
// changes nothing finds out nothing anew.
type plan struct {
	uid         types.UID
	generation  int64
	labels      map[string]string
	annotations map[string]string
	inForce     *InForce

	// deployment is decoded, without its status.
	deployment *v1.SeldonDeployment
	problems   v1.Problems
	// desired are the objects that it asks for with these facts; nil: nobody has
	// expanded it.
	desired []Desired
	facts   expand.Facts
}

// glance is what passes look at of an object that is as it should be.
func glance(o expand.Object) expand.Object {
	var annotations map[string]string
	for _, name := range []string{expand.AnnotationShares, requests.AnnotationScaled, requests.AnnotationFront} {
		if text, ok := o.GetAnnotations()[name]; ok {
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations[name] = text
		}
	}
	meta := metav1.ObjectMeta{
		Name: o.GetName(), Namespace: o.GetNamespace(), Labels: o.GetLabels(), OwnerReferences: o.GetOwnerReferences(), Annotations: annotations,
	}
	switch o := o.(type) {
	case *appsv1.Deployment:
		return &appsv1.Deployment{TypeMeta: o.TypeMeta, ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
			Replicas: o.Spec.Replicas, Selector: o.Spec.Selector,
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: o.Spec.Template.Labels}},
		}}
	case *corev1.Service:
		return &corev1.Service{TypeMeta: o.TypeMeta, ObjectMeta: meta, Spec: corev1.ServiceSpec{Ports: o.Spec.Ports}}
	case *autoscalingv2.HorizontalPodAutoscaler:
		return &autoscalingv2.HorizontalPodAutoscaler{TypeMeta: o.TypeMeta, ObjectMeta: meta, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MinReplicas: o.Spec.MinReplicas}}
	}
	light := metadata(o.GetObjectKind().GroupVersionKind())
	light.ObjectMeta = meta
	return light
}

func newPlan(f *facts, d *v1.SeldonDeployment, problems v1.Problems) *plan {
	d.Status = v1.SeldonDeploymentStatus{}
	return &plan{
		uid: f.stored.GetUID(), generation: f.stored.GetGeneration(),
		labels: f.stored.GetLabels(), annotations: f.stored.GetAnnotations(), inForce: f.inForce,
		deployment: d, problems: problems,
	}
}

// fits reports whether the plan is of a deployment as it is, and of the settings
// that are in force. The generation counts changes of the specification.
func (p *plan) fits(f *facts) bool {
	return p.uid == f.stored.GetUID() && p.generation == f.stored.GetGeneration() && p.inForce == f.inForce &&
		maps.Equal(p.labels, f.stored.GetLabels()) && maps.Equal(p.annotations, f.stored.GetAnnotations())
}

// with is the deployment with a status.
func (p *plan) with(status v1.SeldonDeploymentStatus) *v1.SeldonDeployment {
	d := *p.deployment
	d.Status = status
	return &d
}

// objects are those that the deployment asks for with these facts; false: they
// are not known.
func (p *plan) objects(known expand.Facts) ([]Desired, bool) {
	return p.desired, p.desired != nil && reflect.DeepEqual(p.facts, known)
}

// expand makes the objects that the deployment asks for with these facts.
func (p *plan) expand(known expand.Facts) ([]expand.Object, error) {
	return expand.Expand(expand.Input{Deployment: p.deployment, Config: p.inForce.Config, Facts: known, Servers: p.inForce.Servers})
}

// keep remembers objects, without their content, for passes to come.
func (p *plan) keep(known expand.Facts, desired []Desired) {
	whole := func(r ref) (expand.Object, error) {
		objects, err := p.expand(known)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if refOf(o.GetObjectKind().GroupVersionKind().GroupKind(), o) == r {
				return o, nil
			}
		}
		return nil, fmt.Errorf("%s is not wanted any more", r)
	}
	p.facts, p.desired = known, make([]Desired, len(desired))
	for i, d := range desired {
		p.desired[i] = d.light(whole)
	}
}

// plan returns what a deployment was found to ask for before; nil if that does
// not fit any more.
func (m *memory) plan(deployment types.NamespacedName, f *facts) *plan {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.plans[deployment]; p != nil && p.fits(f) {
		return p
	}
	return nil
}

func (m *memory) rememberPlan(deployment types.NamespacedName, p *plan) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.plans[deployment] = p
}
