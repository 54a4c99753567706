package controller

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/prime-radiant/radiant/expand"
)

// TestSwitchingMakesTheFirstRoutesAtOnce: until then nothing answers anyhow.
func TestSwitchingMakesTheFirstRoutesAtOnce(t *testing.T) {
	s := newStage(t)
	p := s.deploy(staged)
	s.run(switching{s.objects, 0}, p)
	s.wantLive("Ingress m")
	if _, switched := s.memory.sinceSwitch(p.name()); switched || p.trafficBehind {
		t.Error("the first routes count as switched")
	}
}

func TestSwitchingWaitsForWhatAnswers(t *testing.T) {
	s := newStage(t)
	s.make(s.deploy(staged))
	next := s.deploy(stagedNext())
	for _, d := range next.desired {
		if d.kind.GroupKind() == workloadKind() {
			if err := s.applier.Apply(t.Context(), d, nil, unanswered(d)); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := s.deploy(stagedNext())
	s.run(switching{s.objects, 0}, p)
	if !p.trafficBehind || len(p.waiting) != 1 || p.waiting[0] != "the routes are switched when Deployment m-q-0-c serves" || len(p.changes) != 0 {
		t.Errorf("behind: %t, waiting: %q, changes: %v", p.trafficBehind, p.waiting, p.changes)
	}

	s.serve("m-q-0-c")
	p = s.deploy(stagedNext())
	s.run(switching{s.objects, 0}, p)
	if got, want := p.changes.String(), "Ingress m configured"; got != want || p.trafficBehind {
		t.Errorf("changes are %q, want %q; behind: %t", got, want, p.trafficBehind)
	}
	if _, switched := s.memory.sinceSwitch(p.name()); !switched {
		t.Error("nobody remembers when the routes were switched")
	}

	p = s.deploy(stagedNext())
	p.desired = slices.DeleteFunc(p.desired, func(d Desired) bool { return d.rank.OfTraffic() })
	s.run(switching{s.objects, 0}, p)
	if got, want := p.changes.String(), "Ingress m deleted"; got != want {
		t.Errorf("with no route wanted, changes are %q, want %q", got, want)
	}
}

// TestWhatRoutesNamedStaysUntilGatewaysHaveFollowed: one that learns first that
// it is gone would answer 404.
func TestWhatRoutesNamedStaysUntilGatewaysHaveFollowed(t *testing.T) {
	s := newStage(t)
	k := kind{GroupVersionKind: networkingv1.SchemeGroupVersion.WithKind("Ingress"), Resource: "ingresses", Noun: "Ingress", Rank: expand.RankNamed}
	s.watches.rows = append(slices.DeleteFunc(kinds(), func(row kind) bool { return row.GroupKind() == k.GroupKind() }), k)
	s.make(s.deploy(staged))
	s.memory.switchedTraffic(s.deploy(staged).name())
	step := switching{s.objects, 10 * time.Second}
	pass := func(changes string, again time.Duration) {
		t.Helper()
		p := s.deploy(staged)
		p.desired = slices.DeleteFunc(p.desired, func(d Desired) bool { return d.rank.OfTraffic() })
		s.run(step, p)
		if p.changes.String() != changes || p.again != again {
			t.Errorf("changes are %q, look again in %s; want %q, %s", p.changes, p.again, changes, again)
		}
	}
	pass("", 10*time.Second)
	s.clock = s.clock.Add(10 * time.Second)
	pass("Ingress m deleted", 0)
}

// TestRoutesWaitUntilGatewaysKnowWhatTheyName: one that learns of the routes
// first would answer 404.
func TestRoutesWaitUntilGatewaysKnowWhatTheyName(t *testing.T) {
	s := newStage(t)
	s.make(s.deploy(staged))
	s.serve("m-p-0-c")
	step := switching{s.objects, 10 * time.Second}
	pass := func(changes, waits string) {
		t.Helper()
		p := s.deploy(strings.Replace(staged, "metadata: {name: m}", `metadata: {name: m, annotations: {seldon.io/ingress-host: "a.example.com"}}`, 1))
		for i := range p.desired { // The route of gRPC stands for something that is named.
			if d := &p.desired[i]; d.ref.Name == "m-grpc" {
				d.rank = expand.RankNamed
			}
		}
		slices.SortStableFunc(p.desired, func(a, b Desired) int { return cmp.Compare(a.rank, b.rank) })
		s.run(step, p)
		if got := strings.Join(p.waiting, "; "); p.changes.String() != changes || got != waits {
			t.Errorf("changes are %q, waiting for %q; want %q, %q", p.changes, got, changes, waits)
		}
	}
	const waits = "the routes are switched when gateways know what they are to name"
	pass("Ingress m-grpc created", waits)
	pass("", waits)
	s.clock = s.clock.Add(10 * time.Second)
	pass("Ingress m configured", "")
}
