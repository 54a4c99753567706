package controller

import (
	"encoding/json"
	"fmt"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	requests "github.com/prime-radiant/radiant/scaling"
)

// leadFronts lets Services go on to lead to their pods whose requests are to pass
// activators, as long as none of those serves them.
func (p *pass) leadFronts() error {
	desired := make([]Desired, len(p.desired))
	p.direct = map[ref]bool{}
	for i, d := range p.desired {
		var err error
		if desired[i], err = d.asServed(p.live[d.ref]); err != nil {
			return err
		}
		if _, always := passesActivators(d.object.GetAnnotations()); always && desired[i].hash != d.hash {
			p.direct[d.ref] = true
		}
	}
	p.desired = desired
	return nil
}

// asServed is an object as it should be while live is what there is of it; nil: there
// is nothing.
func (d Desired) asServed(live metav1.Object) (Desired, error) {
	if _, ok := d.object.(*corev1.Service); !ok || live == nil {
		return d, nil // Where there is nothing, nobody is led by it yet.
	}
	now := live.GetAnnotations()
	front, always := passesActivators(d.object.GetAnnotations())
	switch {
	case always && !isServed(now) && now[AnnotationHash] != d.hash:
		return d.changed(func(s *corev1.Service) { s.Spec.Selector = maps.Clone(front.Selector) })
	case !always && now[requests.AnnotationFrontServed] != "":
		// Who serves it again must not find what was so before.
		return d.changed(func(s *corev1.Service) {
			metav1.SetMetaDataAnnotation(&s.ObjectMeta, requests.AnnotationFrontServed, "")
		})
	}
	return d, nil
}

// changed is a Service with a change, all of it: a plan that is kept has only what
// passes look at.
func (d Desired) changed(change func(*corev1.Service)) (Desired, error) {
	o := d.object
	if d.made == nil {
		var err error
		if o, err = d.whole(d.ref); err != nil {
			return Desired{}, err
		}
	}
	s, ok := o.DeepCopyObject().(*corev1.Service)
	if !ok {
		return Desired{}, fmt.Errorf("%s is no Service", d.ref)
	}
	change(s)
	return Prepare(s)
}

// passesActivators reports whether all requests to a Service with these annotations
// pass activators.
func passesActivators(annotations map[string]string) (front requests.Front, always bool) {
	text := annotations[requests.AnnotationFront]
	return front, text != "" && json.Unmarshal([]byte(text), &front) == nil && front.Always
}

// isServed reports whether activators serve a Service with these annotations, and
// take all its requests.
func isServed(annotations map[string]string) bool {
	_, always := passesActivators(annotations)
	port := annotations[requests.AnnotationFrontPort]
	return always && port != "" && annotations[requests.AnnotationFrontServed] == port
}

// first is what is applied of an object that is not there. A Deployment that requests
// scale begins with the pods that its policy says; all later ones are the scaler's,
// and who applies it then does not say how many.
func (d Desired) first() (map[string]any, error) {
	content, err := d.content()
	if err != nil {
		return nil, err
	}
	w, ok := d.object.(*appsv1.Deployment)
	if !ok {
		return content, nil
	}
	scaled, ok := scaledBy(w)
	if !ok || saysReplicas(content) {
		return content, nil
	}
	spec, _ := content["spec"].(map[string]any)
	spec = maps.Clone(spec)
	spec["replicas"] = int64(scaled.Policy.InitialReplicas)
	content = maps.Clone(content)
	content["spec"] = spec
	return content, nil
}
