package expand

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kinds lists the kinds of objects that expansions with these settings make.
func Kinds(c Config) []schema.GroupVersionKind {
	kinds := []schema.GroupVersionKind{
		appsv1.SchemeGroupVersion.WithKind("Deployment"),
		corev1.SchemeGroupVersion.WithKind("Service"),
		autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"),
		policyv1.SchemeGroupVersion.WithKind("PodDisruptionBudget"),
	}
	if c.KEDA {
		kinds = append(kinds, scaledObjectGVK())
	}
	for _, kind := range ingressKinds() {
		if kind.enabled(&c.Ingress) {
			kinds = append(kinds, kind.kinds(&c.Ingress)...)
		}
	}
	return kinds
}
