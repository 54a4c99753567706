package controller

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	requests "github.com/prime-radiant/radiant/scaling"
)

// scaledBy reads how requests scale a Deployment as it should be; false: they do
// not.
func scaledBy(d *appsv1.Deployment) (scaled requests.Scaled, ok bool) {
	text, ok := d.Annotations[requests.AnnotationScaled]
	return scaled, ok && json.Unmarshal([]byte(text), &scaled) == nil
}

// wakes reports whether requests to a Deployment are kept while it has no pods.
func wakes(d *appsv1.Deployment) bool {
	scaled, ok := scaledBy(d)
	return ok && scaled.Policy.MinReplicas == 0
}

// onlyScales reports whether a Deployment lacks pods for no other reason than that
// its requests want more than before: all was well with this specification, and
// requests are answered, or kept, meanwhile.
func (p *pass) onlyScales(o expand.Object, now *appsv1.Deployment, reason string) bool {
	desired, ok := o.(*appsv1.Deployment)
	if !ok {
		return false
	}
	scaled, ok := scaledBy(desired)
	if !ok || reason != reasonProgressing || now.Status.ObservedGeneration < now.Generation && !wakes(desired) {
		return false
	}
	before := p.storedCondition(v1.ConditionDeployments)
	return before.Status == metav1.ConditionTrue && before.ObservedGeneration == p.stored.GetGeneration() &&
		now.Status.UpdatedReplicas == now.Status.Replicas && (now.Status.AvailableReplicas > 0 || scaled.Policy.MinReplicas == 0)
}

// unkept says, in a word and a sentence, why requests to a Deployment find nobody though
// it may be as it should: it has no pods, or its requests are to pass activators, and no
// activator serves one of its Services. Both are empty where requests are answered or
// kept, or where it is for pods to answer.
func (p *pass) unkept(desired, now *appsv1.Deployment) (reason, message string) {
	scaled, ok := scaledBy(desired)
	if !ok {
		return "", ""
	}
	for _, d := range p.desired {
		s, ok := d.object.(*corev1.Service)
		if !ok || !slices.Contains(scaled.Fronts, s.Name) {
			continue
		}
		_, always := passesActivators(s.Annotations)
		if now.Status.ReadyReplicas > 0 && (!always || p.direct[d.ref]) {
			continue
		}
		if reason, message = p.unkeptAt(d.ref); reason != "" {
			return reason, message
		}
	}
	return "", ""
}

// unkeptAt says why no activator keeps the requests to a Service; empty: one does.
func (p *pass) unkeptAt(service ref) (reason, message string) {
	live := p.live[service]
	if live == nil {
		return reasonProgressing, fmt.Sprintf("%s has just been applied", service)
	}
	if p.scales != nil {
		if kept, ok := p.scales.Kept(service.NamespacedName, live.GetUID()); ok {
			if kept.Kept {
				return "", ""
			}
			return cmp.Or(kept.Reason, reasonProgressing), kept.Message
		}
	}
	// A scaler that has just begun does not know yet: what was so before counts.
	before := p.storedCondition(v1.ConditionDeployments)
	if before.Status == metav1.ConditionTrue && before.ObservedGeneration == p.stored.GetGeneration() {
		return "", ""
	}
	return reasonProgressing, fmt.Sprintf("it is not known yet whether an activator serves %s", service)
}

// isServing reports whether requests to a Deployment are answered by as many pods as it
// should have, or kept.
func (p *pass) isServing(desired, now *appsv1.Deployment) bool {
	reason, _ := p.unkept(desired, now)
	return reason == "" && serves(now)
}

// tellScaling writes into a status what was decided last about each Deployment
// that its requests scale. What a scaler before this one decided stays until
// this one has.
func (p *pass) tellScaling(before v1.SeldonDeploymentStatus, after *v1.SeldonDeploymentStatus) {
	for _, d := range p.desired {
		w, ok := d.object.(*appsv1.Deployment)
		if !ok {
			continue
		}
		if _, ok := scaledBy(w); !ok {
			continue
		}
		status := after.DeploymentStatus[w.Name]
		status.Scaling = before.DeploymentStatus[w.Name].Scaling
		if p.scales != nil {
			if said, ok := p.scales.Said(types.NamespacedName{Namespace: d.ref.Namespace, Name: w.Name}); ok {
				status.Scaling = &v1.ScalingStatus{Desired: said.Desired, Reason: said.Reason, Message: said.Message}
			}
		}
		if status.Scaling == nil {
			continue
		}
		status.Scaling.Ready = 0
		if now := p.workloads[w.Name]; now != nil {
			status.Scaling.Ready = now.Status.ReadyReplicas
		}
		after.DeploymentStatus[w.Name] = status
		if after.Scaling == nil {
			after.Scaling = status.Scaling.DeepCopy()
		}
	}
}

// asleep reports whether Deployments that requests go to have no pods, and get
// them when a request comes.
func (p *pass) asleep() bool {
	any := false
	for _, spec := range answering(p.deployment) {
		for _, front := range p.frontsOf(spec) {
			now := p.workloads[front.Name]
			if now == nil || now.Status.AvailableReplicas > 0 || !wakes(front) {
				return false
			}
			any = true
		}
	}
	return any
}
