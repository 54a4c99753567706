package controller

import (
	"cmp"
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// stale lists the live objects that are no longer wanted and that fit, in the
// order in which they go: the reverse of that in which they came.
func (o *objects) stale(p *pass, fits func(kind, client.Object) bool) []staleObject {
	var all []staleObject
	for r, live := range p.live {
		k, ok := o.watches.row(r.GroupKind)
		if ok && !p.wants(r) && fits(k, live) {
			all = append(all, staleObject{k, live})
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

func (o *objects) removeAll(ctx context.Context, p *pass, stale []staleObject) error {
	for _, s := range stale {
		if err := o.remove(ctx, p, s); err != nil {
			return err
		}
	}
	return nil
}
