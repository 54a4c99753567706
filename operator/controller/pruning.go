package controller

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

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
	rest := p.stale(func(k kind, o client.Object) bool { return k.Rank != expand.RankWorkload && !isTraffic(k, o) })
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
	if p.trafficBehind || len(p.refused) > 0 {
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
