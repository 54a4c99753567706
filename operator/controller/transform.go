package controller

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/graph"
)

// The cache keeps of each object what a pass looks at, and drops the rest.

// annotationKubectl holds a copy of the whole object.
const annotationKubectl = corev1.LastAppliedConfigAnnotation

// keepOwnFields drops the lists of fields that others own.
func keepOwnFields(in any) (any, error) {
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
	o.SetManagedFields(kept)
	return o, nil
}

// keepConditions keeps the conditions of an object that is read with its
// content, which an autoscaler is, and drops the rest of it.
func keepConditions(in any) (any, error) {
	if u, ok := in.(*unstructured.Unstructured); ok {
		kept := map[string]any{"apiVersion": u.Object["apiVersion"], "kind": u.Object["kind"], "metadata": u.Object["metadata"]}
		if conditions, ok := child(u.Object, "status")["conditions"]; ok {
			kept["status"] = map[string]any{"conditions": conditions}
		}
		u.Object = kept
	}
	return keepOwnFields(in)
}

// trimWorkload drops the template of a Deployment's pods, but for what it tells them.
func trimWorkload(in any) (any, error) {
	if d, ok := in.(*appsv1.Deployment); ok {
		told := onlyTold(d.Spec.Template.Annotations)
		d.Spec.Template = corev1.PodTemplateSpec{}
		d.Spec.Template.Annotations = told
	}
	return keepOwnFields(in)
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

// trimDeployment drops what others wrote about a deployment.
func trimDeployment(in any) (any, error) {
	u, ok := in.(*unstructured.Unstructured)
	if !ok {
		return in, nil
	}
	u.SetManagedFields(nil)
	if annotations := u.GetAnnotations(); annotations[annotationKubectl] != "" {
		delete(annotations, annotationKubectl)
		u.SetAnnotations(annotations)
	}
	return u, nil
}

// trimAccount keeps the Secrets that a service account lists.
func trimAccount(in any) (any, error) {
	if a, ok := in.(*corev1.ServiceAccount); ok {
		a.ManagedFields, a.Annotations, a.ImagePullSecrets = nil, nil, nil
	}
	return in, nil
}
