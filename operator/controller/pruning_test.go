package controller

import (
	"slices"
	"testing"
	"time"
)

// TestPruning: old pods stay as long as a gateway may still send requests
// there, and until the new ones are complete; Services go last.
func TestPruning(t *testing.T) {
	s := newStage(t)
	s.make(s.deploy(stagedScaled()))
	s.make(s.deploy(stagedNext()))
	prune := pruning{s.objects, time.Minute}
	waits := func(p *pass, want string) {
		t.Helper()
		s.run(prune, p)
		if !slices.Equal(p.waiting, []string{want}) || len(p.changes) != 0 {
			t.Errorf("waiting: %q, want %q; changes: %v", p.waiting, want, p.changes)
		}
	}

	p := s.deploy(stagedNext())
	p.trafficBehind = true
	s.run(prune, p)
	if len(p.changes) != 0 {
		t.Errorf("routes lead there still: %v", p.changes)
	}
	p = s.deploy(stagedNext())
	s.memory.switchedTraffic(p.name())
	waits(p, "old pods are removed when gateways have followed the routes")
	if p.again != time.Minute {
		t.Errorf("the next look is in %s, want a minute", p.again)
	}
	s.clock = s.clock.Add(time.Minute)
	waits(s.deploy(stagedNext()), "Deployment m-p-0-c is removed when Deployment m-q-0-c is complete")

	s.serve("m-q-0-c")
	p = s.deploy(stagedNext())
	s.run(prune, p)
	if got, want := p.changes.String(), "HPA m-p-0-c deleted, Deployment m-p-0-c deleted"; got != want {
		t.Errorf("changes are %q, want %q", got, want)
	}
	p = s.deploy(stagedNext())
	s.run(prune, p)
	if got, want := p.changes.String(), "Service m-p deleted, Service m-p-c deleted"; got != want {
		t.Errorf("changes are %q, want %q", got, want)
	}
}
