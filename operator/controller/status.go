package controller

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/wording"
)

// Reasons of conditions.
const (
	reasonReady         = "Ready"
	reasonValid         = "Valid"
	reasonInvalid       = "Invalid"
	reasonBrokenConfig  = "BrokenConfig"
	reasonRefused       = "Refused"
	reasonProgressing   = "Progressing"
	reasonWaiting       = "WaitingForDeployments"
	reasonStuck         = "ProgressDeadlineExceeded"
	reasonNotScaling    = "NotScaling"
	reasonPodsMissing   = "PodsNotAvailable"
	reasonAsking        = "Asking"
	reasonSilent        = "NoAnswer"
	reasonUnasked       = "NotAsked"
	reasonJobWaits      = "WaitingForJob"
	reasonJobFailed     = "JobFailed"
	mostInMessage       = 10
	mostInMessageLength = 4 << 10
)

// status is what the deployment's status should be, after the pass. It is a
// function of the pass alone, so that nothing is written when nothing changed.
func (p *pass) status(before v1.SeldonDeploymentStatus, now time.Time) v1.SeldonDeploymentStatus {
	after := v1.SeldonDeploymentStatus{
		ObservedGeneration: p.stored.GetGeneration(),
		Address:            before.Address,
		Annotations:        p.passed(before.Annotations),
		ServiceStatus:      before.ServiceStatus,
		Selector:           before.Selector,
	}
	after.DeploymentStatus = p.deploymentStatus()
	p.tellScaling(before, &after)
	after.ModelVersions = p.modelVersions(before.ModelVersions)
	if len(p.desired) > 0 {
		after.ServiceStatus = p.serviceStatus()
		after.Address = p.address()
		if d := p.firstDeployment(); d != nil {
			after.Selector = metav1.FormatLabelSelector(d.Spec.Selector)
		}
	}
	after.Replicas = before.Replicas
	if d := p.firstDeployment(); d != nil {
		if w := p.workloads[d.Name]; w != nil {
			after.Replicas = w.Status.Replicas
		}
	}
	conditions := p.conditions()
	ready := sumUp(conditions)
	after.State, after.Description = p.state(ready)
	after.Conditions = dated(append([]v1.Condition{ready}, conditions...), before.Conditions, p.stored.GetGeneration(), now)
	return after
}

// state sums conditions up in the words of the API.
func (p *pass) state(ready v1.Condition) (v1.StatusState, string) {
	switch {
	case ready.Status == metav1.ConditionTrue:
		return v1.StatusAvailable, ""
	case needsUser(ready.Reason), p.failed(), p.scalingFails(ready):
		return v1.StatusFailed, ready.Message
	}
	return v1.StatusCreating, ready.Message
}

// failed reports whether a Deployment has given up and nothing of it serves.
func (p *pass) failed() bool {
	for _, d := range p.desired {
		w := p.workloads[d.ref.Name]
		if d.kind.GroupKind() == workloadKind() && w != nil && isStuck(w) &&
			condition(w, appsv1.DeploymentAvailable).Status != corev1.ConditionTrue {
			return true
		}
	}
	return false
}

// conditions tells of each kind of objects that there are, in a fixed order.
func (p *pass) conditions() []v1.Condition {
	valid := p.valid()
	if valid.Status != metav1.ConditionTrue {
		return []v1.Condition{valid}
	}
	all := []v1.Condition{valid, p.deploymentsReady()}
	named := map[string]bool{v1.ConditionDeployments: true}
	for _, k := range kindTable() {
		if named[k.Condition] {
			continue
		}
		named[k.Condition] = true
		if c, ok := p.objectsReady(k.Condition); ok {
			all = append(all, c)
		}
	}
	if p.reach != nil {
		all = append(all, *p.reach)
	}
	return all
}

func (p *pass) valid() v1.Condition {
	c := v1.Condition{Type: v1.ConditionValid, Status: metav1.ConditionFalse}
	switch errs := p.problems.Of(v1.SeverityError); {
	case len(errs) > 0:
		c.Reason, c.Message = reasonInvalid, summary(errs)
	case p.inForce == nil:
		c.Reason = reasonBrokenConfig
		c.Message = fmt.Sprintf("the operator's settings cannot be used, so nothing is changed: %v", p.broken)
	default:
		c.Status, c.Reason = metav1.ConditionTrue, reasonValid
		c.Message = summary(p.problems.Of(v1.SeverityWarning))
	}
	return c
}

// summary shows problems with their fields, one a line, and not too many.
func summary(problems v1.Problems) string {
	var lines []string
	for i, p := range problems {
		if i == mostInMessage {
			lines = append(lines, fmt.Sprintf("and %d more", len(problems)-i))
			break
		}
		line := p.Message
		if p.Path != "" {
			line = p.Path + ": " + line
		}
		lines = append(lines, line)
	}
	return wording.Cut(strings.Join(lines, "\n"), mostInMessageLength)
}

func (p *pass) deploymentsReady() v1.Condition {
	c := v1.Condition{Type: v1.ConditionDeployments, Status: metav1.ConditionTrue, Reason: reasonReady}
	if p.awaited.reason != "" {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, p.awaited.reason, p.awaited.message
		return c
	}
	if said := p.refusedOf(v1.ConditionDeployments); said != "" {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, reasonRefused, said
		return c
	}
	var lines []string
	for _, d := range p.desired {
		if d.kind.GroupKind() != workloadKind() {
			continue
		}
		reason, message := p.lacking(d)
		if reason == "" {
			continue
		}
		// The first that says more than that it goes on gives the reason.
		if c.Status == metav1.ConditionTrue || c.Reason == reasonProgressing {
			c.Reason = reason
		}
		c.Status = metav1.ConditionFalse
		lines = append(lines, fmt.Sprintf("Deployment %s: %s", d.ref.Name, message))
	}
	for _, r := range slices.Sorted(maps.Keys(p.staleDeployments())) {
		if len(p.waiting) > 0 {
			lines = append(lines, fmt.Sprintf("Deployment %s is still there: %s", r, strings.Join(p.waiting, "; ")))
			break
		}
	}
	c.Message = wording.Cut(strings.Join(lines, "\n"), mostInMessageLength)
	return c
}

// lacking says, in a word and a sentence, what a Deployment lacks; empty: requests to it
// are answered, or kept.
func (p *pass) lacking(d Desired) (reason, message string) {
	w, waits := p.workloads[d.ref.Name], p.leaving[d.ref.Name]
	if w == nil || waits != "" {
		return reasonProgressing, cmp.Or(waits, "it has just been applied")
	}
	if !isComplete(w) {
		if reason, message = p.trouble(w); !p.onlyScales(d.object, w, reason) {
			return reason, message
		}
	}
	if desired, ok := d.object.(*appsv1.Deployment); ok {
		return p.unkept(desired, w)
	}
	return "", ""
}

func (p *pass) staleDeployments() map[string]bool {
	names := map[string]bool{}
	for r := range p.live {
		if r.GroupKind == workloadKind() && !p.wants(r) {
			names[r.Name] = true
		}
	}
	return names
}

// refusedOf says which objects of a condition's kinds were refused, and why.
func (p *pass) refusedOf(name string) string {
	var lines []string
	for _, r := range p.refused {
		if k, ok := kindOf(r.object.GroupKind); ok && k.Condition == name {
			lines = append(lines, r.problem().Message)
		}
	}
	return wording.Cut(strings.Join(lines, "\n"), mostInMessageLength)
}

// objectsReady is the condition of kinds that are ready when they are there.
// It is false if the deployment has no object of those kinds.
func (p *pass) objectsReady(name string) (v1.Condition, bool) {
	c := v1.Condition{Type: name, Status: metav1.ConditionTrue, Reason: reasonReady}
	if said := p.refusedOf(name); said != "" {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, reasonRefused, said
		return c, true
	}
	any, behind := false, false
	for _, d := range p.desired {
		if d.kind.Condition == name {
			any, behind = true, behind || d.rank.OfTraffic() && p.trafficBehind
			if d.kind.Rank.OfTraffic() {
				c.Message = p.moved()
			}
		}
	}
	if any && (name == v1.ConditionHPAs || name == v1.ConditionKEDA) {
		c = p.scalingReady(c)
	}
	if behind {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, reasonWaiting, strings.Join(p.waiting, "; ")
	}
	return c, any
}

// sumUp is the condition Ready: true if none is false, else as the first that
// is, where one that needs the user comes before one that may pass. What is
// unknown, of an autoscaler or of a way in, does not count: pods serve
// meanwhile.
func sumUp(conditions []v1.Condition) v1.Condition {
	ready := v1.Condition{Type: v1.ConditionReady, Status: metav1.ConditionTrue, Reason: reasonReady}
	for _, c := range conditions {
		if c.Status == metav1.ConditionFalse && (ready.Status == metav1.ConditionTrue || needsUser(c.Reason) && !needsUser(ready.Reason)) {
			ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, c.Reason, c.Message
		}
	}
	return ready
}

func needsUser(reason string) bool {
	return slices.Contains([]string{reasonInvalid, reasonBrokenConfig, reasonRefused, reasonJobFailed}, reason)
}

// dated gives conditions the time at which their status last changed.
func dated(conditions, before []v1.Condition, generation int64, now time.Time) []v1.Condition {
	for i := range conditions {
		c := &conditions[i]
		c.ObservedGeneration = generation
		c.LastTransitionTime = metav1.NewTime(now.Truncate(time.Second))
		for _, b := range before {
			if b.Type == c.Type && b.Status == c.Status && !b.LastTransitionTime.IsZero() {
				c.LastTransitionTime = b.LastTransitionTime
			}
		}
	}
	return conditions
}

// deploymentStatus tells of all Deployments that there are, the old ones too.
func (p *pass) deploymentStatus() map[string]v1.DeploymentStatus {
	all := map[string]v1.DeploymentStatus{}
	for name, w := range p.workloads {
		all[name] = v1.DeploymentStatus{Replicas: w.Status.Replicas, AvailableReplicas: w.Status.AvailableReplicas}
	}
	for _, d := range p.desired {
		if d.kind.GroupKind() == workloadKind() {
			all[d.ref.Name] = cmp.Or(all[d.ref.Name], v1.DeploymentStatus{})
		}
	}
	return all
}

// firstDeployment is the one that the deployment's replicas are those of.
func (p *pass) firstDeployment() *appsv1.Deployment {
	for _, d := range p.desired {
		if w, ok := d.object.(*appsv1.Deployment); ok {
			return w
		}
	}
	return nil
}
