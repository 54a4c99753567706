package scaler

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

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

// TestARequestCountsOnce: a request that waits at an activator, and that a pod then has, is
// one at most at every tick, and one when the pod has it, whenever both are asked and
// however young the pod is.
func TestARequestCountsOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	between := func(a, b float64) float64 { return a + random.Float64()*(b-a) }
	w := &workload{name: types.NamespacedName{Namespace: "ns", Name: "d"}, version: "1", Scaled: scaling.Scaled{
		Predictor: "p", Fronts: []string{"f"}, Policy: scaling.Policy{Metric: scaling.Concurrency},
	}}
	const ticks, tick, apart = 8, 2.0, 0.05
	for range 5000 {
		// Seconds at which the request comes, the pod's program begins and the pod gets it.
		came := between(0, 3)
		began := between(came-2, came+6)
		handed := max(began, came) + between(0, 4)
		busy := func(from, to, now float64) scaling.Load {
			l := scaling.Load{BusySeconds: max(min(now, to)-from, 0)}
			if from <= now && now < to {
				l.InFlight = 1
			}
			return l
		}
		c := newComponent(w, time.Unix(0, 0))
		for n := 0; n < ticks; n++ {
			// All answer within a while after they are asked, activators after executors.
			executor := float64(n)*tick + apart*random.Float64()
			activator := float64(n)*tick + apart + apart*random.Float64()
			a := answers{
				world: &world{pods: map[types.NamespacedName][]pod{}}, seconds: tick, reports: map[types.UID]scaling.Report{},
				kept: map[string]scaling.Report{"1": {Started: "a", Seconds: 100 + activator, Fronts: map[string]scaling.Load{"ns/f": busy(came, handed, activator)}}},
			}
			if executor >= began {
				a.pods[w.predictor()] = []pod{{uid: "1"}}
				a.reports["1"] = scaling.Report{Started: "p", Seconds: executor - began, Predictor: busy(handed, math.Inf(1), executor)}
			}
			w.replicas = int32(len(a.reports))
			load, _ := c.load(w, &a)
			if held := executor-tick-apart > handed; n > 0 && load > 1 || held && load != 1 {
				t.Fatalf("at tick %d a request that came at %.2f s and was handed on at %.2f s, to a pod that began at %.2f s, counts %.3f times", n, came, handed, began, load)
			}
		}
	}
}
