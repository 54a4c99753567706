package controller

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func workloadKind() schema.GroupKind { return schema.GroupKind{Group: "apps", Kind: "Deployment"} }

func podScalerKind() schema.GroupKind {
	return schema.GroupKind{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}
}

// wanted is how many pods a Deployment is to have.
func wanted(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

// serves reports whether all pods that a Deployment is to have can be reached,
// be they new or old.
func serves(d *appsv1.Deployment) bool {
	return d.Status.ObservedGeneration > 0 && d.Status.AvailableReplicas >= wanted(d)
}

// isComplete reports whether a Deployment is as its specification says: all
// pods are there and no old ones.
func isComplete(d *appsv1.Deployment) bool {
	s := d.Status
	return s.ObservedGeneration >= d.Generation &&
		s.UpdatedReplicas >= wanted(d) && s.Replicas == s.UpdatedReplicas && s.AvailableReplicas >= wanted(d)
}

// condition returns the status and the rest of a condition of a Deployment.
func condition(d *appsv1.Deployment, name appsv1.DeploymentConditionType) appsv1.DeploymentCondition {
	for _, c := range d.Status.Conditions {
		if c.Type == name {
			return c
		}
	}
	return appsv1.DeploymentCondition{Type: name, Status: corev1.ConditionUnknown}
}

// isStuck reports whether a Deployment has given up waiting for its pods.
func isStuck(d *appsv1.Deployment) bool {
	return condition(d, appsv1.DeploymentProgressing).Status == corev1.ConditionFalse
}
