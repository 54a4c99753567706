package training

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/apis/manifest"
	"github.com/prime-radiant/radiant/operator/report"
)

// Reasons of conditions, behind the kind of the job: TFJobRunning.
const (
	reasonCreated    = "Created"
	reasonWaiting    = "Waiting"
	reasonRunning    = "Running"
	reasonRestarting = "Restarting"
	reasonSucceeded  = "Succeeded"
	reasonFailed     = "Failed"
	reasonSuspended  = "Suspended"
	reasonResumed    = "Resumed"
	reasonInvalid    = "Invalid"
)

// reason is a reason as conditions have it.
func (p *pass) reason(of string) string { return p.kind.Kind + of }

// set makes a condition true, or false, and tells of it if it was not so.
func (p *pass) set(of string, is bool, reason, message string) {
	status := corev1.ConditionFalse
	if is {
		status = corev1.ConditionTrue
	}
	reason = p.reason(reason)
	now := metav1.NewTime(p.now)
	wanted := kubeflow.JobCondition{Type: of, Status: status, Reason: reason, Message: message, LastUpdateTime: now, LastTransitionTime: now}
	c := condition(p.status, of)
	switch {
	case c == nil && !is:
		return
	case c == nil:
		p.status.Conditions = append(p.status.Conditions, wanted)
	case c.Status == status && c.Reason == reason && c.Message == message:
		return
	default:
		if c.Status == status {
			wanted.LastTransitionTime = c.LastTransitionTime
		}
		// The newest condition stands last, where printers look for it.
		conditions := p.status.Conditions[:0:0]
		for i := range p.status.Conditions {
			if p.status.Conditions[i].Type != of {
				conditions = append(conditions, p.status.Conditions[i])
			}
		}
		if is {
			conditions = append(conditions, wanted)
		} else {
			conditions = append([]kubeflow.JobCondition{wanted}, conditions...)
		}
		p.status.Conditions = conditions
	}
	if is {
		kind := corev1.EventTypeNormal
		if of == kubeflow.JobFailed || of == kubeflow.JobRestarting {
			kind = corev1.EventTypeWarning
		}
		p.notes = append(p.notes, note{kind, reason, message})
	}
}

func condition(s *kubeflow.JobStatus, of string) *kubeflow.JobCondition {
	for i := range s.Conditions {
		if s.Conditions[i].Type == of {
			return &s.Conditions[i]
		}
	}
	return nil
}

// ended is the condition by which a job has ended; nil: it has not.
func ended(s *kubeflow.JobStatus) *kubeflow.JobCondition {
	for _, of := range []string{kubeflow.JobSucceeded, kubeflow.JobFailed} {
		if c := condition(s, of); c != nil && c.Status == corev1.ConditionTrue {
			return c
		}
	}
	return nil
}

// created says that the job is known, and what runs otherwise than its author may
// think.
func (p *pass) created() {
	if condition(p.status, kubeflow.JobCreated) != nil {
		return
	}
	message := fmt.Sprintf("%s %s is created", p.kind.Kind, p.job.GetName())
	if warnings := p.problems.Of(manifest.SeverityWarning); len(warnings) > 0 {
		message += "; " + warnings.Error()
	}
	p.set(kubeflow.JobCreated, true, reasonCreated, message)
}

// runs counts the pods, and says whether the job runs: as soon as the pod does by
// which it succeeds.
func (p *pass) runs(d decision) {
	if p.status.StartTime == nil {
		now := metav1.NewTime(p.now)
		p.status.StartTime = &now
	}
	p.set(kubeflow.JobSuspended, false, reasonResumed, p.say("goes on"))
	if ended(p.status) != nil { // It could not be read before.
		p.status.CompletionTime = nil
		p.set(kubeflow.JobFailed, false, reasonCreated, p.say("can be read now"))
	}
	if !p.unsettled {
		p.count(d)
	}
	if !d.runs(p) {
		return
	}
	p.set(kubeflow.JobRestarting, false, reasonRunning, p.say("runs again"))
	p.set(kubeflow.JobRunning, true, reasonRunning, p.say("is running"))
}

// runs reports whether the pod runs by which the job succeeds; after a restart, all
// of them have to.
func (d decision) runs(p *pass) bool {
	c := condition(p.status, kubeflow.JobRestarting)
	all := c != nil && c.Status == corev1.ConditionTrue
	is := all
	for i, pod := range d.seen.pods {
		running := pod != nil && (pod.Status.Phase == corev1.PodRunning || all && pod.Status.Phase == corev1.PodSucceeded)
		switch {
		case all && !running:
			return false
		case running && d.plan.Replicas[i].Leads:
			is = true
		}
	}
	return is
}

// count sets how many pods of each type run, and how many have ended how.
func (p *pass) count(d decision) {
	counts := map[kubeflow.ReplicaType]*kubeflow.ReplicaStatus{}
	for i := range d.plan.Replicas {
		of := d.plan.Replicas[i].Type
		if counts[of] == nil {
			counts[of] = &kubeflow.ReplicaStatus{}
		}
		if pod := d.seen.pods[i]; pod != nil {
			switch pod.Status.Phase {
			case corev1.PodSucceeded:
				counts[of].Succeeded++
			case corev1.PodFailed:
				counts[of].Failed++
			default:
				counts[of].Active++
			}
		}
	}
	p.status.ReplicaStatuses = counts
}

func (p *pass) suspended(d decision) {
	p.count(d)
	p.status.StartTime = nil
	p.set(kubeflow.JobRunning, false, reasonSuspended, p.say("is suspended"))
	p.set(kubeflow.JobSuspended, true, reasonSuspended, p.say("is suspended"))
}

func (p *pass) restarts(d decision) {
	p.status.Restarts++
	p.count(d)
	p.set(kubeflow.JobRunning, false, reasonRestarting, d.message)
	p.set(kubeflow.JobRestarting, true, d.reason, d.message)
	// Pods that are made anew count when they are there.
	for _, s := range p.status.ReplicaStatuses {
		s.Active, s.Failed = 0, 0
	}
}

// ends writes how the job has ended. The next pass cleans up.
func (p *pass) ends(d decision) {
	if d.plan != nil {
		p.count(d)
	}
	now := metav1.NewTime(p.now)
	p.status.CompletionTime = &now
	p.set(kubeflow.JobRunning, false, d.reason, d.message)
	p.set(kubeflow.JobRestarting, false, d.reason, d.message)
	if d.action == succeed {
		p.set(kubeflow.JobSucceeded, true, d.reason, d.message)
		return
	}
	p.set(kubeflow.JobFailed, true, d.reason, d.message)
}

func (p *pass) say(what string) string {
	return fmt.Sprintf("%s %s %s", p.kind.Kind, p.job.GetName(), what)
}

// write writes the status if it differs from the one before, and tells of what is
// new. If somebody else has written meanwhile, the next pass decides anew.
func (p *pass) write(ctx context.Context, before *kubeflow.JobStatus) error {
	patch, err := report.StatusPatch(before, p.status, p.job.GetResourceVersion())
	if err != nil || patch == nil {
		return err
	}
	u := p.kind.empty()
	u.SetNamespace(p.job.GetNamespace())
	u.SetName(p.job.GetName())
	if err := p.client.Status().Patch(ctx, u, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(FieldManager)); err != nil {
		return client.IgnoreNotFound(err)
	}
	for _, n := range p.notes {
		p.recorder.Tell(p.reference(), n.kind, n.reason, n.text)
	}
	return nil
}
