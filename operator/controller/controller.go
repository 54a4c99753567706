// Package controller keeps the objects of SeldonDeployments on a cluster as the
// deployments ask for them.
//
// A pass gathers all that is known, expands the deployment by the same function
// that `radiant render` prints, applies what differs, switches the traffic when
// what it is to reach serves, removes what is no longer wanted, and writes one
// status.
package controller

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/events"
	"github.com/prime-radiant/radiant/operator/report"
	"github.com/prime-radiant/radiant/operator/versions"
)

// Reconciler makes passes.
type Reconciler struct {
	objects  *objects
	settings *Settings
	scope    Scope
	recorder events.Recorder
	metrics  *metrics
	steps    []step
	// asker asks whether requests reach deployments; nil: nobody is asked.
	asker asker
	// scales is of [pass].
	scales Scaling
	// found is of [pass].
	found func(types.NamespacedName) ([]versions.Told, bool)
}

// Reconcile makes one pass over a deployment.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	f, err := r.gather(ctx, request.NamespacedName)
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("gathering: %w", err)
	}
	if f == nil {
		return reconcile.Result{}, nil
	}
	p := newPass(f, r.objects.now())
	p.scales, p.found = r.scales, r.found
	err = p.run(ctx, r.steps)
	r.tell(ctx, p)
	if err != nil {
		// A failure that may pass by itself is no state of the deployment.
		return reconcile.Result{}, err
	}
	if err := r.writeStatus(ctx, p); err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: p.again}, p.retry()
}

// tell records what changed, in the log and as events.
func (r *Reconciler) tell(ctx context.Context, p *pass) {
	for _, c := range p.changes {
		r.metrics.changed(c)
	}
	for _, same := range p.changes.byAction() {
		r.recorder.Tell(p.stored, corev1.EventTypeNormal, same.reason(), same.String())
	}
	for _, e := range p.starting {
		r.recorder.Tell(p.stored, e.kind, e.reason, e.note)
	}
	if text := p.changes.String(); text != "" {
		log.FromContext(ctx).Info("objects changed", "changes", text)
	}
}

// writeStatus writes the status if it differs from the one that is there.
func (r *Reconciler) writeStatus(ctx context.Context, p *pass) error {
	stored := p.deployment.Status
	wanted := p.status(stored, r.objects.now())
	if equality.Semantic.DeepEqual(stored, wanted) {
		return nil
	}
	patch, err := report.StatusPatch(stored, wanted, "")
	if err != nil || patch == nil {
		return err
	}
	o := newDeployment()
	o.SetName(p.stored.GetName())
	o.SetNamespace(p.stored.GetNamespace())
	err = r.objects.client.Status().Patch(ctx, o, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(FieldManager))
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	r.objects.memory.rememberStatus(p.name(), wanted, o.GetResourceVersion())
	r.tellVersions(p, stored.ModelVersions, wanted.ModelVersions)
	if stored.State != wanted.State {
		kind := corev1.EventTypeNormal
		if wanted.State == v1.StatusFailed {
			kind = corev1.EventTypeWarning
		}
		r.recorder.Tell(p.stored, kind, eventReason(wanted), eventNote(wanted))
	}
	return nil
}

// eventReason and eventNote tell of a new state.
func eventReason(s v1.SeldonDeploymentStatus) string {
	if s.State == v1.StatusFailed {
		return "InternalError"
	}
	return "Updated"
}

func eventNote(s v1.SeldonDeploymentStatus) string {
	note := "the state is " + string(s.State)
	if s.Description != "" {
		note += ": " + s.Description
	}
	return note
}
