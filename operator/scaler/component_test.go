package scaler

import (
	"testing"
	"time"

	"github.com/prime-radiant/radiant/scaling"
)

// TestTheFirstPodsStayForAWhile: pods of a new Deployment that never become ready go
// after ten minutes, and those that were are given a window of their own.
func TestTheFirstPodsStayForAWhile(t *testing.T) {
	made := time.Unix(1_000_000, 0)
	w := &workload{version: "1", replicas: 3, made: made, isNew: true, Scaled: scaling.Scaled{Policy: scaling.Policy{
		Metric: scaling.Concurrency, Target: 1, InitialReplicas: 3, ActivationReplicas: 1, PanicThreshold: 2,
		Window: scaling.Duration{Duration: time.Minute}, PanicWindow: scaling.Duration{Duration: 6 * time.Second},
	}}}
	at := func(after time.Duration, c *component) scaling.Decision {
		now := made.Add(after)
		c.Record(now, 0)
		d := c.Decide(now, c.observed(w))
		c.holdInitial(now, w, &d)
		return d
	}
	c := newComponent(w, made)
	for _, after := range []time.Duration{time.Minute, 9 * time.Minute} {
		if d := at(after, c); d.Replicas != 3 || d.Reason != reasonInitial || !d.Keep {
			t.Errorf("after %s: %+v", after, d)
		}
	}
	if d := at(10*time.Minute, c); d.Replicas == 3 {
		t.Errorf("after ten minutes: %+v", d)
	}
	w.replicas, w.Policy.InitialReplicas = 1, 1
	c = newComponent(w, made)
	at(5*time.Minute, c)
	w.ready = 1
	if d := at(5*time.Minute+time.Second, c); d.Replicas != 1 || d.Reason != scaling.ReasonActive {
		t.Errorf("when they are ready: %+v", d)
	}
	w.ready = 0
	if d := at(5*time.Minute+2*time.Second, c); d.Reason == reasonInitial {
		t.Errorf("when they are ready no longer: %+v", d)
	}
}
