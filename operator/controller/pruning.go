package controller

import (
	"context"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

var _ step = pruning{}

// pruning removes what is no longer wanted, when what replaces it is there: the
// executors that requests came by first, then what is behind them, and
// Services when nobody can ask for them any more.
type pruning struct {
	objects *objects
	// drain is how long gateways may take to send requests elsewhere.
	drain time.Duration
}

func (pruning) String() string { return "removing what is no longer wanted" }

func (s pruning) run(ctx context.Context, p *pass) error {
	workloads := s.objects.stale(p, func(k kind, o client.Object) bool {
		// A ReplicaSet may have found another Deployment.
		return k.Rank == expand.RankWorkload && (k.GroupKind() == workloadKind() || metav1.GetControllerOf(o) == nil)
	})
	if len(workloads) > 0 {
		return s.workloads(ctx, p, workloads)
	}
	rest := s.objects.stale(p, func(k kind, o client.Object) bool { return k.Rank != expand.RankWorkload && !isTraffic(k, o) })
	if len(rest) == 0 {
		return nil
	}
	if missing := p.incomplete(true); missing != "" {
		p.wait("Services are removed when %s is complete", missing)
		return nil
	}
	return s.objects.removeAll(ctx, p, rest)
}

func (s pruning) workloads(ctx context.Context, p *pass, old []staleObject) error {
	if p.trafficBehind || len(p.refused) > 0 {
		return nil // Requests may still go there.
	}
	if since, ok := s.objects.memory.sinceSwitch(p.name()); ok && since < s.drain {
		p.wait("old pods are removed when gateways have followed the routes")
		p.lookAgain(s.drain - since)
		return nil
	}
	if slices.ContainsFunc(old, holdsEngine) {
		old = slices.DeleteFunc(old, func(s staleObject) bool { return !holdsEngine(s) })
	}
	for _, one := range old {
		if missing := p.incomplete(isExplainer(one)); missing != "" {
			p.wait("%s %s is removed when %s is complete", one.Kind, one.GetName(), missing)
			continue
		}
		scalers := s.objects.stale(p, func(k kind, o client.Object) bool {
			return k.Rank == expand.RankScaler && o.GetName() == one.GetName()
		})
		if err := s.objects.removeAll(ctx, p, append(scalers, one)); err != nil {
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
		w := p.workloads[d.ref.Name]
		if w == nil || !isComplete(w) {
			return d.ref.String()
		}
		if desired, ok := d.object.(*appsv1.Deployment); ok {
			if reason, _ := p.unkept(desired, w); reason != "" {
				return d.ref.String()
			}
		}
	}
	if len(p.refused) > 0 {
		return p.refused[0].object.String()
	}
	return ""
}
