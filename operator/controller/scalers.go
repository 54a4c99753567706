package controller

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/expand"
)

var _ step = removingScalers{}

// removingScalers removes autoscalers and budgets of Deployments that stay. It
// comes before a Deployment gets its replicas back.
type removingScalers struct{ objects *objects }

func (removingScalers) String() string { return "removing autoscalers" }

func (s removingScalers) run(ctx context.Context, p *pass) error {
	return s.objects.removeAll(ctx, p, s.objects.stale(p, func(k kind, o client.Object) bool {
		return k.Rank == expand.RankScaler && p.wants(ref{workloadKind(), client.ObjectKeyFromObject(o)})
	}))
}
