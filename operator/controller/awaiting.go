package controller

import (
	"context"
	"fmt"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// jobInterval is how often a job is looked at that a deployment waits for. Jobs are
// not watched: a cluster may not know them.
const jobInterval = 5 * time.Second

// awaited is a training job that a deployment waits for. Until it has succeeded
// nothing is made of the deployment, and nothing changed: what serves goes on
// serving.
type awaited struct {
	// reason and message say why it waits; empty: it does not.
	reason, message string
}

// await finds out which job the deployment waits for. Jobs that had succeeded once
// may run again or be gone: the status remembers them.
func (r *Reconciler) await(ctx context.Context, d *v1.SeldonDeployment) (awaited, error) {
	jobs := d.After()
	if d.Status.Annotations[v1.AnnotationAfter] == v1.JobNames(jobs) {
		return awaited{}, nil
	}
	for _, job := range jobs {
		if a, err := r.jobState(ctx, d.Namespace, job); err != nil || a.reason != "" {
			return a, err
		}
	}
	return awaited{}, nil
}

// jobState says what keeps a job from having succeeded. Whoever runs it, Radiant or
// Kubeflow's own operator, writes the same conditions.
func (r *Reconciler) jobState(ctx context.Context, namespace string, job v1.JobName) (awaited, error) {
	waits := func(format string, args ...any) (awaited, error) {
		return awaited{reasonJobWaits, fmt.Sprintf("it waits for %s, which %s", job, fmt.Sprintf(format, args...))}, nil
	}
	mapping, err := r.objects.client.RESTMapper().RESTMapping(schema.GroupKind{Group: kubeflow.Group, Kind: job.Kind})
	if meta.IsNoMatchError(err) {
		return waits("is not there: the cluster knows no jobs of this kind")
	}
	if err != nil {
		return awaited{}, err
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(mapping.GroupVersionKind)
	switch err := r.objects.direct.Get(ctx, types.NamespacedName{Namespace: namespace, Name: job.Name}, u); {
	case apierrors.IsNotFound(err):
		return waits("is not there")
	case apierrors.IsForbidden(err):
		return waits("the operator may not read: %v", err)
	case err != nil:
		return awaited{}, err
	}
	last := "has not begun"
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions") // One that is none says nothing.
	for _, c := range conditions {
		fields, ok := c.(map[string]any)
		if !ok || fields["status"] != string(metav1.ConditionTrue) {
			continue
		}
		switch of := fmt.Sprint(fields["type"]); of {
		case kubeflow.JobSucceeded:
			return awaited{}, nil
		case kubeflow.JobFailed:
			return awaited{reasonJobFailed, fmt.Sprintf("%s failed, so there is nothing to serve: %v", job, fields["message"])}, nil
		default:
			last = "is " + of
		}
	}
	return waits("%s", last)
}

// passed notes in the status's annotations the jobs that a deployment waited for.
func (p *pass) passed(before map[string]string) map[string]string {
	jobs := v1.JobNames(p.deployment.After())
	if before[v1.AnnotationAfter] == jobs || p.awaited.reason != "" || p.inForce == nil || p.problems.Err() != nil {
		return before
	}
	after := maps.Clone(before)
	delete(after, v1.AnnotationAfter)
	if jobs != "" {
		if after == nil {
			after = map[string]string{}
		}
		after[v1.AnnotationAfter] = jobs
	}
	return after
}
