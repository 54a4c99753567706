package controller

import (
	"encoding/json"
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/graph"
)

// The cache keeps of each object what a pass looks at, and drops the rest.

// annotationKubectl holds a copy of the whole object.
const annotationKubectl = corev1.LastAppliedConfigAnnotation

// keeper has in memory once what many objects have in common: the lists of our
// fields, which are most of what is kept of an object.
type keeper struct {
	mu  sync.Mutex
	all map[string]*metav1.FieldsV1
}

// mostKept is how many lists are known. Deployments have a few forms; where there
// are more, those that come later have lists of their own for a while.
const mostKept = 1000

func newKeeper() *keeper { return &keeper{all: map[string]*metav1.FieldsV1{}} }

// once is a list like this one that nobody may change.
func (k *keeper) once(fields []byte) *metav1.FieldsV1 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if known, ok := k.all[string(fields)]; ok {
		return known
	}
	if len(k.all) >= mostKept {
		clear(k.all)
	}
	list := metav1.NewFieldsV1(string(fields))
	k.all[string(fields)] = list
	return list
}

// ownFields drops the lists of fields that others own.
func (k *keeper) ownFields(in any) (any, error) {
	o, ok := in.(client.Object)
	if !ok {
		return in, nil
	}
	var kept []metav1.ManagedFieldsEntry
	adopted := applied(o) != nil
	for _, e := range o.GetManagedFields() {
		// Before it is adopted, an object's fields are handed over as a whole.
		if !adopted || e.Manager == FieldManager {
			kept = append(kept, e)
		}
	}
	for i := range kept {
		if adopted && kept[i].FieldsV1 != nil {
			kept[i].FieldsV1 = k.once(withoutOwner(kept[i].FieldsV1.GetRawBytes(), o))
		}
	}
	o.SetManagedFields(kept)
	return o, nil
}

// conditions keeps the conditions of an object that is read with its
// content, which an autoscaler is, and drops the rest of it.
func (k *keeper) conditions(in any) (any, error) {
	switch u := in.(type) {
	case *autoscalingv2.HorizontalPodAutoscaler:
		u.Spec = autoscalingv2.HorizontalPodAutoscalerSpec{}
		u.Status = autoscalingv2.HorizontalPodAutoscalerStatus{Conditions: u.Status.Conditions}
	case *unstructured.Unstructured:
		kept := map[string]any{"apiVersion": u.Object["apiVersion"], "kind": u.Object["kind"], "metadata": u.Object["metadata"]}
		if conditions, ok := child(u.Object, "status")["conditions"]; ok {
			kept["status"] = map[string]any{"conditions": conditions}
		}
		u.Object = kept
	}
	return k.ownFields(in)
}

// workload drops the template of a Deployment's pods, but for what it tells them.
func (k *keeper) workload(in any) (any, error) {
	if d, ok := in.(*appsv1.Deployment); ok {
		told := onlyTold(d.Spec.Template.Annotations)
		d.Spec.Template = corev1.PodTemplateSpec{}
		d.Spec.Template.Annotations = told
	}
	return k.ownFields(in)
}

// onlyTold keeps of annotations what pods are told while they run.
func onlyTold(annotations map[string]string) map[string]string {
	text, ok := annotations[graph.VersionsAnnotation]
	if !ok {
		return nil
	}
	return map[string]string{graph.VersionsAnnotation: text}
}

// trimPod keeps what tells whose a pod is and how it fares.
func trimPod(in any) (any, error) {
	pod, ok := in.(*corev1.Pod)
	if !ok {
		return in, nil
	}
	pod.Spec = corev1.PodSpec{}
	pod.ManagedFields, pod.Annotations = nil, onlyTold(pod.Annotations)
	return pod, nil
}

// packed is a field of a deployment in the cache, which has no other besides its
// metadata: all else as JSON. A tree of maps takes several times as much.
const packed = "packed"

// trimDeployment drops what others wrote about a deployment, and packs the rest.
func trimDeployment(in any) (any, error) {
	u, ok := in.(*unstructured.Unstructured)
	if !ok || u.Object[packed] != nil {
		return in, nil
	}
	u.SetManagedFields(nil)
	if annotations := u.GetAnnotations(); annotations[annotationKubectl] != "" {
		delete(annotations, annotationKubectl)
		u.SetAnnotations(annotations)
	}
	kept, rest := map[string]any{}, map[string]any{}
	for name, value := range u.Object {
		switch name {
		case "apiVersion", "kind", "metadata":
			kept[name] = value
		default:
			rest[name] = value
		}
	}
	text, err := json.Marshal(rest)
	if err != nil {
		return nil, fmt.Errorf("packing deployment %s: %w", u.GetName(), err)
	}
	kept[packed] = string(text)
	u.Object = kept
	return u, nil
}

// textOf is a deployment as JSON, whether or not it is packed.
func textOf(u *unstructured.Unstructured) ([]byte, error) {
	rest, ok := u.Object[packed].(string)
	if !ok {
		return json.Marshal(u.Object)
	}
	text, err := json.Marshal(map[string]any{"apiVersion": u.Object["apiVersion"], "kind": u.Object["kind"], "metadata": u.Object["metadata"]})
	if err != nil || rest == "{}" {
		return text, err
	}
	return append(append(text[:len(text)-1], ','), rest[1:]...), nil
}

// trimAccount keeps the Secrets that a service account lists.
func trimAccount(in any) (any, error) {
	if a, ok := in.(*corev1.ServiceAccount); ok {
		a.ManagedFields, a.Annotations, a.ImagePullSecrets = nil, nil, nil
	}
	return in, nil
}
