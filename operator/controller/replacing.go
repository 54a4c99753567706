package controller

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

func sameSelector(d Desired, live *appsv1.Deployment) bool {
	want, ok := d.object.(*appsv1.Deployment)
	return !ok || labels.Equals(want.Spec.Selector.MatchLabels, live.Spec.Selector.MatchLabels) &&
		len(live.Spec.Selector.MatchExpressions) == 0
}

// replace makes room for a Deployment whose selector is another one, which the
// API server never changes. Its pods go on serving without it: their
// ReplicaSets become the deployment's own. The next pass makes the new one; if
// that finds the old pods by its selector, it rolls them over, else they are
// removed when the new ones are there.
func (o *objects) replace(ctx context.Context, p *pass, d Desired, old *appsv1.Deployment) error {
	if err := d.adoptable(old); err != nil {
		p.refused = append(p.refused, refused{d.ref, err})
		return nil
	}
	sets := &appsv1.ReplicaSetList{}
	if err := o.direct.List(ctx, sets, client.InNamespace(old.Namespace), client.MatchingLabels(old.Spec.Selector.MatchLabels)); err != nil {
		return fmt.Errorf("listing the ReplicaSets of %s: %w", d.ref, err)
	}
	owner := metav1.OwnerReference{
		APIVersion: v1.Group + "/" + v1.Version, Kind: v1.Kind, Name: p.deployment.Name, UID: p.deployment.UID,
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"labels": map[string]string{v1.LabelReplaced: "true"}, "ownerReferences": []metav1.OwnerReference{owner},
	}})
	if err != nil {
		return err
	}
	for i := range sets.Items {
		set := &sets.Items[i]
		if !metav1.IsControlledBy(set, old) {
			continue
		}
		if err := o.client.Patch(ctx, set, client.RawPatch(types.StrategicMergePatchType, patch), client.FieldOwner(FieldManager)); err != nil {
			return fmt.Errorf("keeping ReplicaSet %s: %w", set.Name, err)
		}
	}
	delete(p.workloads, d.ref.Name)
	p.wait("%s is made anew, since its selector changed", d.ref)
	return o.remove(ctx, p, staleObject{d.kind, old}, client.PropagationPolicy(metav1.DeletePropagationOrphan))
}
