//go:build e2e

package e2e

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/tests/kit/long"
)

// waves is how requests come: none, more and more, many, fewer and fewer, none.
const (
	wave  = 100 * time.Second
	slope = 15 * time.Second
	crest = 25 * time.Second
	most  = 50 // a second
)

// waveAt is how many requests come in a second at a time of a wave.
func waveAt(at time.Duration) float64 {
	at %= wave
	switch {
	case at < slope:
		return most * at.Seconds() / slope.Seconds()
	case at < slope+crest:
		return most
	case at < slope+crest+slope:
		return most * (slope + crest + slope - at).Seconds() / slope.Seconds()
	}
	return 0
}

// TestWavesLoseNothing: for ten minutes requests come in waves, between which there are
// no pods; a rolling update, a deleted pod, a restarted operator and a deleted activator
// fall into their midst. None fails.
func TestWavesLoseNothing(t *testing.T) {
	long.Only(t)
	const waves = 6
	w := newWorld(t, "waves")
	w.scaled("waves", byRequests("default", "{minReplicas: 0, maxReplicas: 6, target: 1, window: 12s, scaleToZeroGracePeriod: 5s}", "HOLD=50ms"))
	answers := newTally(0, 1)
	rest, rpc := w.rest("waves", answers), w.rpc("waves", answers)
	w.eventually("the gateway answers", func() error { return rest(t.Context()) })
	w.eventually("gRPC answers", func() error { return rpc(t.Context()) })

	var inFlight atomic.Int64
	series := w.watchWaves("waves-default-0-classifier", &inFlight)
	l := &load{name: "waves", start: time.Now(), cancel: func() {}}
	var all sync.WaitGroup
	over := make(chan struct{})
	go func() {
		defer close(over)
		due, last := 0.0, l.start
		for n := 0; time.Since(l.start) < waves*wave; time.Sleep(5 * time.Millisecond) {
			now := time.Now()
			due += waveAt(now.Sub(l.start)) * now.Sub(last).Seconds()
			for last = now; due >= 1; due-- {
				ask := rest
				if n++; n%5 == 0 {
					ask = rpc
				}
				all.Go(func() {
					inFlight.Add(1)
					defer inFlight.Add(-1)
					l.one(ask)
				})
			}
		}
	}()
	const system = "seldon-system"
	faults := []struct {
		name string
		do   func()
	}{
		{"nothing", func() {}},
		{"a rolling update", func() {
			w.kubectl("patch", "sdep", "waves", "--type=json", "-p", `[{"op": "add", "path": "/spec/predictors/0/componentSpecs/0/spec/containers/0/env/-", "value": {"name": "BIAS", "value": "1"}}]`)
		}},
		{"a pod is deleted", func() {
			if pods := w.podNames(podsOf("waves")); len(pods) > 0 {
				w.kubectl("delete", "pod", "--wait=false", pods[0])
			} else {
				t.Error("there is no pod to delete in the midst of a wave")
			}
		}},
		{"the operator is restarted", func() {
			w.kubectl("--namespace", system, "rollout", "restart", "deployment/seldon-controller-manager")
		}},
		{"an activator is deleted", func() {
			pod := w.kubectl("--namespace", system, "get", "pods", "-l", "app.kubernetes.io/name=radiant-activator", "-o", "jsonpath={.items[0].metadata.name}")
			w.kubectl("--namespace", system, "delete", "pod", "--wait=false", pod)
		}},
	}
	for i, f := range faults {
		time.Sleep(time.Until(l.start.Add(time.Duration(i)*wave + slope + crest/2)))
		t.Logf("%.0f s: %s", time.Since(l.start).Seconds(), f.name)
		series.mark(f.name)
		f.do()
	}
	<-over
	all.Wait()
	l.stop(t)
	charts, zeros := series.stop()
	if zeros < waves-1 {
		t.Errorf("there were no pods %d times, want %d at least", zeros, waves-1)
	}
	keep(t, "scaling.svg", picture(charts))
	w.delete("waves")
}

// waveSeries is how many pods there should be, how many serve, and how many requests
// are under way, over time.
type waveSeries struct {
	start  time.Time
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu                      sync.Mutex
	desired, ready, flights chart
	zeros                   int
}

func (w *world) watchWaves(deployment string, inFlight *atomic.Int64) *waveSeries {
	ctx, cancel := context.WithCancel(context.Background())
	s := &waveSeries{
		start: time.Now(), cancel: cancel,
		desired: chart{title: "pods that are wanted", stepped: true}, ready: chart{title: "pods that are ready", stepped: true},
		flights: chart{title: "requests under way"},
	}
	s.done.Go(func() {
		last := int32(0)
		for ctx.Err() == nil {
			d := &appsv1.Deployment{}
			if err := w.client.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: deployment}, d); err == nil {
				s.mu.Lock()
				at := time.Since(s.start)
				s.desired.points = append(s.desired.points, sample{at, float64(*d.Spec.Replicas)})
				s.ready.points = append(s.ready.points, sample{at, float64(d.Status.ReadyReplicas)})
				s.flights.points = append(s.flights.points, sample{at, float64(inFlight.Load())})
				if *d.Spec.Replicas == 0 && last > 0 {
					s.zeros++
				}
				last = *d.Spec.Replicas
				s.mu.Unlock()
			}
			time.Sleep(time.Second)
		}
	})
	w.t.Cleanup(cancel)
	return s
}

// mark notes what happens now.
func (s *waveSeries) mark(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if what != "nothing" {
		s.flights.marks = append(s.flights.marks, mark{time.Since(s.start), what})
	}
}

// stop returns the charts, and how often it went to no pods.
func (s *waveSeries) stop() (charts []chart, zeros int) {
	s.cancel()
	s.done.Wait()
	return []chart{s.desired, s.ready, s.flights}, s.zeros
}
