package controller

import "testing"

// TestRemovingScalers of a Deployment that stays: that of one that goes has its
// work until then.
func TestRemovingScalers(t *testing.T) {
	s := newStage(t)
	s.make(s.deploy(stagedScaled()))
	p := s.deploy(stagedNext())
	s.run(removingScalers{s.objects}, p)
	if len(p.changes) != 0 {
		t.Errorf("the autoscaler of a Deployment that is no longer wanted: %v", p.changes)
	}
	p = s.deploy(staged)
	s.run(removingScalers{s.objects}, p)
	if got, want := p.changes.String(), "HPA m-p-0-c deleted"; got != want {
		t.Errorf("changes are %q, want %q", got, want)
	}
	s.wantLive("Service m-p", "Service m-p-c", "Deployment m-p-0-c", "Ingress m")
}
