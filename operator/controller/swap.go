package controller

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

// isRoute reports whether an object sends requests to a deployment.
func isRoute(k kind, o metav1.Object) bool { return k.RankOf(o).OfRoutes() }

// stale lists the live objects that are no longer wanted and that fit, in the
// order in which they go: the reverse of that in which they came.
func (p *pass) stale(fits func(kind, client.Object) bool) []staleObject {
	var all []staleObject
	for r, o := range p.live {
		k, ok := p.watches.row(r.GroupKind)
		if ok && !p.wants(r) && fits(k, o) {
			all = append(all, staleObject{k, o})
		}
	}
	slices.SortFunc(all, func(a, b staleObject) int {
		return cmp.Or(cmp.Compare(b.RankOf(b.Object), a.RankOf(a.Object)), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.GetName(), b.GetName()))
	})
	return all
}

type staleObject struct {
	kind
	client.Object
}

func (p *pass) removeAll(ctx context.Context, objects []staleObject) error {
	for _, s := range objects {
		if err := p.remove(ctx, s.kind, s.Object); err != nil {
			return err
		}
	}
	return nil
}

// removeScalers removes autoscalers and budgets of Deployments that stay. It
// comes before a Deployment gets its replicas back.
func (p *pass) removeScalers(ctx context.Context) error {
	return p.removeAll(ctx, p.stale(func(k kind, o client.Object) bool {
		return k.Rank == expand.RankScaler && p.wants(ref{workloadKind(), client.ObjectKeyFromObject(o)})
	}))
}

// switchRoutes changes the routes, when what they are to lead to serves. The
// first ones are made at once: until then nothing answers anyhow.
func (p *pass) switchRoutes(ctx context.Context) error {
	var pending []Desired
	for _, d := range p.desired {
		if !d.rank.OfRoutes() {
			continue
		}
		l, err := p.look(ctx, d)
		if err != nil {
			return err
		}
		if !l.current {
			pending = append(pending, d)
		}
	}
	old := p.stale(isRouteObject)
	if len(pending)+len(old) == 0 {
		return nil
	}
	first := !p.hasRoutes()
	if missing := append(p.refusedBehindRoutes(), p.frontsThatDoNotServe()...); !first && len(missing) > 0 {
		p.routesBehind = true
		p.wait("the routes are switched when %s serves", missing[0])
		return nil
	}
	for _, d := range pending {
		if err := p.apply(ctx, d); err != nil {
			return err
		}
	}
	if len(p.refused) > 0 {
		return nil
	}
	if err := p.removeAll(ctx, old); err != nil {
		return err
	}
	if !first {
		p.memory.switchedRoutes(p.name())
	}
	return nil
}

// refusedBehindRoutes names what requests would miss.
func (p *pass) refusedBehindRoutes() []string {
	var missing []string
	for _, r := range p.refused {
		if k, ok := kindOf(r.object.GroupKind); ok && k.Rank <= expand.RankWorkload {
			missing = append(missing, r.object.String())
		}
	}
	return missing
}

func isRouteObject(k kind, o client.Object) bool { return isRoute(k, o) }

func (p *pass) hasRoutes() bool {
	for r, o := range p.live {
		if k, ok := kindOf(r.GroupKind); ok && isRoute(k, o) {
			return true
		}
	}
	return false
}

// frontsThatDoNotServe names the Deployments that requests go to first, of
// predictors that get requests, and that do not serve them yet. Those behind
// need no look: an executor is ready when they are.
func (p *pass) frontsThatDoNotServe() []string {
	var missing []string
	for _, key := range answering(p.deployment) {
		for _, d := range p.desired {
			w, ok := d.object.(*appsv1.Deployment)
			if !ok || w.Spec.Template.Labels[v1.LabelApp] != key {
				continue
			}
			if now := p.workloads[w.Name]; now == nil || !serves(now) {
				missing = append(missing, d.ref.String())
			}
		}
	}
	return missing
}

// answering lists the Services of the predictors whose answers clients get.
func answering(d *v1.SeldonDeployment) []string {
	var all, some []string
	for i := range d.Spec.Predictors {
		p := &d.Spec.Predictors[i]
		if p.Shadow {
			continue
		}
		all = append(all, d.PredictorName(p))
		if p.Traffic > 0 {
			some = append(some, d.PredictorName(p))
		}
	}
	if len(all) == 1 {
		return all
	}
	return some
}

// prune removes what is no longer wanted, when what replaces it is there: the
// executors that requests came by first, then what is behind them, and
// Services when nobody can ask for them any more.
func (p *pass) prune(ctx context.Context) error {
	workloads := p.stale(func(k kind, o client.Object) bool {
		// A ReplicaSet may have found another Deployment.
		return k.Rank == expand.RankWorkload && (k.GroupKind() == workloadKind() || metav1.GetControllerOf(o) == nil)
	})
	if len(workloads) > 0 {
		return p.pruneWorkloads(ctx, workloads)
	}
	rest := p.stale(func(k kind, o client.Object) bool { return k.Rank != expand.RankWorkload && !isRoute(k, o) })
	if len(rest) == 0 {
		return nil
	}
	if missing := p.incomplete(true); missing != "" {
		p.wait("Services are removed when %s is complete", missing)
		return nil
	}
	return p.removeAll(ctx, rest)
}

func (p *pass) pruneWorkloads(ctx context.Context, old []staleObject) error {
	if p.routesBehind || len(p.refused) > 0 {
		return nil // Requests may still go there.
	}
	if since, ok := p.memory.sinceSwitch(p.name()); ok && since < p.drain {
		p.wait("old pods are removed when gateways have followed the routes")
		p.lookAgain(p.drain - since)
		return nil
	}
	if slices.ContainsFunc(old, holdsEngine) {
		old = slices.DeleteFunc(old, func(s staleObject) bool { return !holdsEngine(s) })
	}
	for _, s := range old {
		if missing := p.incomplete(isExplainer(s)); missing != "" {
			p.wait("%s %s is removed when %s is complete", s.Kind, s.GetName(), missing)
			continue
		}
		scalers := p.stale(func(k kind, o client.Object) bool {
			return k.Rank == expand.RankScaler && o.GetName() == s.GetName()
		})
		if err := p.removeAll(ctx, append(scalers, s)); err != nil {
			return err
		}
	}
	return nil
}

func holdsEngine(s staleObject) bool { return s.GetLabels()[v1.LabelHoldsExecutor] == "true" }
func isExplainer(s staleObject) bool { return s.GetLabels()[v1.LabelExplainer] == "true" }

// incomplete names a Deployment that is not as desired yet, or returns "".
// Explainers count only where asked for: nothing depends on them.
func (p *pass) incomplete(explainers bool) string {
	for _, d := range p.desired {
		if d.kind.GroupKind() != workloadKind() || !explainers && d.object.GetLabels()[v1.LabelExplainer] != "" {
			continue
		}
		if w := p.workloads[d.ref.Name]; w == nil || !isComplete(w) {
			return d.ref.String()
		}
	}
	if len(p.refused) > 0 {
		return p.refused[0].object.String()
	}
	return ""
}

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
func (p *pass) replace(ctx context.Context, d Desired, old *appsv1.Deployment) error {
	if err := d.adoptable(old); err != nil {
		p.refused = append(p.refused, refused{d.ref, err})
		return nil
	}
	sets := &appsv1.ReplicaSetList{}
	if err := p.direct.List(ctx, sets, client.InNamespace(old.Namespace), client.MatchingLabels(old.Spec.Selector.MatchLabels)); err != nil {
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
		if err := p.client.Patch(ctx, set, client.RawPatch(types.StrategicMergePatchType, patch), client.FieldOwner(FieldManager)); err != nil {
			return fmt.Errorf("keeping ReplicaSet %s: %w", set.Name, err)
		}
	}
	delete(p.workloads, d.ref.Name)
	p.wait("%s is made anew, since its selector changed", d.ref)
	return p.remove(ctx, d.kind, old, client.PropagationPolicy(metav1.DeletePropagationOrphan))
}
