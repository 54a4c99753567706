package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// Applier writes objects by server-side apply, as one field manager. Fields
// that others own and we do not name stay as they are.
type Applier struct {
	// Client writes; what it reads has to come from the API server itself.
	Client client.Client
	// DryRun lets the API server check and answer, and store nothing.
	DryRun bool
}

// Apply applies d. Live is the object as it was read, nil if it is not there;
// answer is what the object as it is now is read into: all that it is of a type
// that holds.
//
// An object of that name which is somebody else's is left alone: the error is
// for the user then.
func (a *Applier) Apply(ctx context.Context, d Desired, live metav1.Object, answer client.Object) error {
	if live == nil {
		return a.create(ctx, d, answer)
	}
	if err := d.adoptable(live); err != nil {
		return refused{d.ref, err}
	}
	d = d.beside(live)
	if err := a.takeOver(ctx, d, live); err != nil {
		return err
	}
	err := a.apply(ctx, d, answer, client.ForceOwnership)
	if !apierrors.IsInvalid(err) || a.DryRun {
		return err
	}
	// Perhaps others wrote what excludes something that is wanted.
	switch claimed, failure := a.claimRivals(ctx, d); {
	case failure != nil:
		return failure
	case !claimed:
		return err
	}
	return a.apply(ctx, d, answer, client.ForceOwnership)
}

// create applies an object that is not there, as far as is known. Where it is,
// another's fields are in the way unless it is ours.
func (a *Applier) create(ctx context.Context, d Desired, answer client.Object) error {
	content, err := d.first()
	if err != nil {
		return err
	}
	err = a.send(ctx, d, content, answer)
	if !isFieldConflict(err) {
		return err
	}
	live := metadata(d.kind.GroupVersionKind)
	if err := a.Client.Get(ctx, d.ref.NamespacedName, live); err != nil {
		return fmt.Errorf("reading %s: %w", d.ref, err)
	}
	return a.Apply(ctx, d, live, answer)
}

func (a *Applier) apply(ctx context.Context, d Desired, answer client.Object, options ...client.PatchOption) error {
	content, err := d.content()
	if err != nil {
		return err
	}
	return a.send(ctx, d, content, answer, options...)
}

// send applies content of d.
func (a *Applier) send(ctx context.Context, d Desired, content map[string]any, answer client.Object, options ...client.PatchOption) error {
	options = append(options, client.FieldOwner(FieldManager))
	if a.DryRun {
		options = append(options, client.DryRunAll)
	}
	body, err := json.Marshal(content)
	if err != nil {
		return err
	}
	answer.GetObjectKind().SetGroupVersionKind(d.kind.GroupVersionKind)
	answer.SetName(d.ref.Name)
	answer.SetNamespace(d.ref.Namespace)
	err = a.Client.Patch(ctx, answer, client.RawPatch(types.ApplyPatchType, body), options...)
	switch {
	case err == nil || isFieldConflict(err):
		return err
	case isRefusal(err):
		return refused{d.ref, err}
	}
	return fmt.Errorf("applying %s: %w", d.ref, err)
}

// adoptable returns an error unless a live object is this deployment's, or was
// and lost its owner.
func (d Desired) adoptable(live metav1.Object) error {
	want := metav1.GetControllerOf(d.object)
	if want == nil {
		return nil
	}
	if owner := metav1.GetControllerOf(live); owner != nil {
		if owner.UID == want.UID {
			return nil
		}
		return fmt.Errorf("there is one already, of %s %s; rename the deployment, a predictor or a container", owner.Kind, owner.Name)
	}
	labels := live.GetLabels()
	if id := labels[v1.LabelDeploymentID]; id != "" && id == d.object.GetLabels()[v1.LabelDeploymentID] {
		return nil
	}
	return errors.New("there is one already that this deployment did not make; delete it, or rename the deployment, a predictor or a container")
}

// takeOver hands the fields of a live object over to us where that is due.
func (a *Applier) takeOver(ctx context.Context, d Desired, live metav1.Object) error {
	wanted, err := d.content()
	if err != nil {
		return err
	}
	if due, err := handOver(live, wanted); err != nil || due == nil || a.DryRun {
		return err
	}
	// What was read may be old, and need not hold the fields of others.
	o := metadata(d.kind.GroupVersionKind)
	if err := a.Client.Get(ctx, d.ref.NamespacedName, o); err != nil {
		return fmt.Errorf("reading %s: %w", d.ref, err)
	}
	entries, err := handOver(o, wanted)
	if err != nil || entries == nil {
		return err
	}
	return a.writeManagers(ctx, d, o, entries)
}

// claimRivals makes those fields ours that stand in an object beside others of
// d which they exclude, whoever wrote them: the next time that d is applied,
// they go. It reports whether there are any.
func (a *Applier) claimRivals(ctx context.Context, d Desired) (bool, error) {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(d.kind.GroupVersionKind)
	if err := a.Client.Get(ctx, d.ref.NamespacedName, o); err != nil {
		return false, fmt.Errorf("reading %s: %w", d.ref, err)
	}
	wanted, err := d.content()
	if err != nil {
		return false, err
	}
	paths := rivals(wanted, o.Object)
	if paths.Empty() {
		return false, nil
	}
	entries, err := claim(o, paths, o.GetAPIVersion())
	if err != nil {
		return false, err
	}
	return true, a.writeManagers(ctx, d, o, entries)
}

// writeManagers writes an object's field managers, and nothing else.
func (a *Applier) writeManagers(ctx context.Context, d Desired, o client.Object, entries []metav1.ManagedFieldsEntry) error {
	patch, err := json.Marshal([]map[string]any{
		{"op": "replace", "path": "/metadata/managedFields", "value": entries},
		// The patch fails if the object has changed in the meantime.
		{"op": "replace", "path": "/metadata/resourceVersion", "value": o.GetResourceVersion()},
	})
	if err != nil {
		return err
	}
	if err := a.Client.Patch(ctx, o, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(FieldManager)); err != nil {
		return fmt.Errorf("taking over %s: %w", d.ref, err)
	}
	return nil
}

// isFieldConflict reports whether another field manager is in the way, and not
// a change at the same time.
func isFieldConflict(err error) bool {
	return apierrors.IsConflict(err) && apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict)
}

// isRefusal reports whether trying again is of no use until somebody changes
// something: the object is invalid, forbidden, or of a kind that is not served.
func isRefusal(err error) bool {
	if meta.IsNoMatchError(err) {
		return true
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	switch code := status.Status().Code; code {
	case http.StatusConflict, http.StatusTooManyRequests, http.StatusUnauthorized, http.StatusRequestTimeout:
		return false
	default:
		return code >= 400 && code < 500
	}
}
