//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/operator/controller"
)

// An unchanged manifest with an hpaSpec of a removed shape scales from one pod
// to three under load, and back, and no request fails on the way.
func TestAutoscale(t *testing.T) {
	w := newWorld(t, "default")
	w.kubectl("apply", "-f", "testdata/autoscale.yaml")
	w.available("seldon-model")
	ask := w.rest("seldon-model", newTally(0))
	w.eventually("the gateway answers", func() error { return ask(t.Context()) })

	var asked atomic.Int64
	counted := func(ctx context.Context) error {
		defer asked.Add(1)
		return ask(ctx)
	}
	series := w.watchReplicas("seldon-model-example-0-classifier", &asked)
	l := startLoad("REST", 8, 0, counted)
	w.eventually("there are three pods", func() error { return series.want(3) })
	time.Sleep(20 * time.Second) // All three are asked for a while.
	// The manifest gives a pod one second to end, which is too little for what
	// is under way. TestKeda asks on.
	l.stop(t)
	w.eventually("there is one pod again", func() error { return series.want(1) })
	t.Log("ready pods over time:\n" + series.stop())
	keep(t, "autoscale.svg", series.picture())
	w.writesNoReplicas("seldon-model-example-0-classifier")
	w.delete("seldon-model")
}

// series is the number of a Deployment's ready pods over time, and that of the
// requests so far.
type series struct {
	mu     sync.Mutex
	points []point
	cancel context.CancelFunc
	done   sync.WaitGroup
}

type point struct {
	since time.Duration
	ready int32
	asked int64
}

func (w *world) watchReplicas(name string, asked *atomic.Int64) *series {
	ctx, cancel := context.WithCancel(context.Background())
	s := &series{cancel: cancel}
	start := time.Now()
	s.done.Go(func() {
		for ctx.Err() == nil {
			d := &appsv1.Deployment{}
			if err := w.client.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, d); err == nil {
				s.add(point{time.Since(start), d.Status.ReadyReplicas, asked.Load()})
			}
			time.Sleep(time.Second)
		}
	})
	w.t.Cleanup(cancel)
	return s
}

func (s *series) add(p point) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.points = append(s.points, p)
}

func (s *series) want(ready int32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.points) == 0 || s.points[len(s.points)-1].ready != ready {
		return fmt.Errorf("ready pods: %v", s.points)
	}
	return nil
}

// stop ends the watch, and returns when the number changed.
func (s *series) stop() string {
	s.cancel()
	s.done.Wait()
	var b strings.Builder
	last := int32(-1)
	for _, p := range s.points {
		if p.ready != last {
			fmt.Fprintf(&b, "%4.0fs %s %d\n", p.since.Seconds(), strings.Repeat("#", int(p.ready)), p.ready)
		}
		last = p.ready
	}
	return b.String()
}

// picture draws the pods and the requests of each second.
func (s *series) picture() string {
	pods := chart{title: "ready pods", stepped: true}
	rate := chart{title: "requests per second"}
	for i, p := range s.points {
		pods.points = append(pods.points, sample{p.since, float64(p.ready)})
		if i > 0 {
			before := s.points[i-1]
			rate.points = append(rate.points, sample{p.since, float64(p.asked-before.asked) / (p.since - before.since).Seconds()})
		}
	}
	return picture([]chart{pods, rate})
}

// writesNoReplicas: the number of pods is the autoscaler's.
func (w *world) writesNoReplicas(name string) {
	w.t.Helper()
	d := &appsv1.Deployment{}
	if err := w.client.Get(context.Background(), client.ObjectKey{Namespace: w.namespace, Name: name}, d); err != nil {
		w.t.Fatal(err)
	}
	for _, m := range d.ManagedFields {
		if m.Manager == controller.FieldManager && strings.Contains(m.FieldsV1.GetRawString(), `"f:replicas"`) {
			w.t.Errorf("the operator owns the replicas of %s: %s", name, m.FieldsV1.GetRawString())
		}
	}
}
