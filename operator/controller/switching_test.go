package controller

import (
	"slices"
	"testing"
)

// TestSwitchingMakesTheFirstRoutesAtOnce: until then nothing answers anyhow.
func TestSwitchingMakesTheFirstRoutesAtOnce(t *testing.T) {
	s := newStage(t)
	p := s.deploy(staged)
	s.run(switching{s.objects}, p)
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
			if _, err := s.applier.Apply(t.Context(), d, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := s.deploy(stagedNext())
	s.run(switching{s.objects}, p)
	if !p.trafficBehind || len(p.waiting) != 1 || p.waiting[0] != "the routes are switched when Deployment m-q-0-c serves" || len(p.changes) != 0 {
		t.Errorf("behind: %t, waiting: %q, changes: %v", p.trafficBehind, p.waiting, p.changes)
	}

	s.serve("m-q-0-c")
	p = s.deploy(stagedNext())
	s.run(switching{s.objects}, p)
	if got, want := p.changes.String(), "Ingress m configured"; got != want || p.trafficBehind {
		t.Errorf("changes are %q, want %q; behind: %t", got, want, p.trafficBehind)
	}
	if _, switched := s.memory.sinceSwitch(p.name()); !switched {
		t.Error("nobody remembers when the routes were switched")
	}

	p = s.deploy(stagedNext())
	p.desired = slices.DeleteFunc(p.desired, func(d Desired) bool { return d.rank.OfTraffic() })
	s.run(switching{s.objects}, p)
	if got, want := p.changes.String(), "Ingress m deleted"; got != want {
		t.Errorf("with no route wanted, changes are %q, want %q", got, want)
	}
}
