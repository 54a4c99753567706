package controller

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

// isTraffic reports whether an object leads requests to a deployment.
func isTraffic(k kind, o metav1.Object) bool { return k.RankOf(o).OfTraffic() }

var _ step = switching{}

// switching changes what leads requests to the deployment, when what they are
// to reach serves. The first objects are made at once: until then nothing
// answers anyhow.
type switching struct {
	objects *objects
	// drain is how long gateways may take to follow.
	drain time.Duration
}

func (switching) String() string { return "switching routes" }

func (s switching) run(ctx context.Context, p *pass) error {
	var pending []Desired
	for _, d := range p.desired {
		if !d.rank.OfTraffic() {
			continue
		}
		l, err := s.objects.look(ctx, p, d)
		if err != nil {
			return err
		}
		if !l.current {
			pending = append(pending, d)
		}
	}
	old := s.objects.stale(p, func(k kind, o client.Object) bool { return k.RankOf(o) == expand.RankTraffic })
	if len(pending)+len(old) == 0 {
		return s.forsake(ctx, p)
	}
	first := !p.hasTraffic()
	if missing := append(p.refusedBehindTraffic(), p.frontsThatDoNotServe()...); !first && len(missing) > 0 {
		p.trafficBehind = true
		p.wait("the routes are switched when %s serves", missing[0])
		return nil
	}
	for _, d := range pending {
		if since, ok := s.objects.memory.sinceNamed(p.name()); ok && since < s.drain && d.rank == expand.RankTraffic && !first {
			p.trafficBehind = true
			p.wait("the routes are switched when gateways know what they are to name")
			p.lookAgain(s.drain - since)
			return nil
		}
		if err := s.objects.apply(ctx, p, d); err != nil {
			return err
		}
		if d.rank == expand.RankNamed && p.changes.createdLast() {
			s.objects.memory.madeNamed(p.name())
		}
	}
	if len(p.refused) > 0 {
		return nil
	}
	if err := s.objects.removeAll(ctx, p, old); err != nil {
		return err
	}
	if !first {
		s.objects.memory.switchedTraffic(p.name())
	}
	return s.forsake(ctx, p)
}

// forsake removes what routes no longer name. A gateway may learn of that before
// it learns of the routes, so it waits until gateways have followed them.
func (s switching) forsake(ctx context.Context, p *pass) error {
	old := s.objects.stale(p, func(k kind, o client.Object) bool { return k.RankOf(o) == expand.RankNamed })
	if since, ok := s.objects.memory.sinceSwitch(p.name()); ok && since < s.drain && len(old) > 0 {
		p.lookAgain(s.drain - since)
		return nil
	}
	return s.objects.removeAll(ctx, p, old)
}

// refusedBehindTraffic names what requests would miss.
func (p *pass) refusedBehindTraffic() []string {
	var missing []string
	for _, r := range p.refused {
		if k, ok := kindOf(r.object.GroupKind); ok && k.Rank <= expand.RankWorkload {
			missing = append(missing, r.object.String())
		}
	}
	return missing
}

func (p *pass) hasTraffic() bool {
	for r, o := range p.live {
		if k, ok := kindOf(r.GroupKind); ok && isTraffic(k, o) {
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
	for _, spec := range answering(p.deployment) {
		if p.idle[spec.Name] {
			continue // Requests go elsewhere meanwhile.
		}
		for _, w := range p.frontsOf(spec) {
			if now := p.workloads[w.Name]; now == nil || !p.isServing(w, now) {
				missing = append(missing, "Deployment "+w.Name)
			}
		}
	}
	return missing
}

// answering lists the predictors whose answers clients get.
func answering(d *v1.SeldonDeployment) []*v1.PredictorSpec {
	var all, some []*v1.PredictorSpec
	for i := range d.Spec.Predictors {
		p := &d.Spec.Predictors[i]
		if p.Shadow {
			continue
		}
		all = append(all, p)
		if p.Traffic > 0 {
			some = append(some, p)
		}
	}
	if len(all) == 1 {
		return all
	}
	return some
}
