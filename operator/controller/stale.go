package controller

import (
	"cmp"
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/expand"
)

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
