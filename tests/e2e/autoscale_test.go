//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/operator/controller"
)

// load sends one request again and again, from several clients, until stop is
// called, and counts.
type load struct {
	sent, failed atomic.Int64
	firstFailure atomic.Value
	cancel       context.CancelFunc
	clients      sync.WaitGroup
}

// startLoad paces each client by pause between two requests.
func startLoad(url, body string, clients int, pause time.Duration) *load {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	l := &load{cancel: cancel}
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	for range clients {
		l.clients.Go(func() {
			c := &http.Client{Transport: transport, Timeout: time.Minute}
			for ctx.Err() == nil {
				if err := l.one(c, url, body); err != nil {
					l.failed.Add(1)
					l.firstFailure.CompareAndSwap(nil, fmt.Sprintf("%s: %v", time.Now().Format(time.TimeOnly), err))
				}
				l.sent.Add(1)
				time.Sleep(pause)
			}
		})
	}
	return l
}

func (l *load) one(c *http.Client, url, body string) error {
	resp, err := c.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return err
}

func (l *load) stop(t *testing.T) {
	l.cancel()
	l.clients.Wait()
	t.Logf("%d requests, %d failed", l.sent.Load(), l.failed.Load())
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%d of %d requests failed, the first: %v", n, l.sent.Load(), l.firstFailure.Load())
	}
}

// An unchanged manifest with an hpaSpec of a removed shape scales from one pod
// to three under load, and back, and no request fails on the way.
func TestAutoscale(t *testing.T) {
	w := newWorld(t, "default")
	w.kubectl("apply", "-f", "testdata/autoscale.yaml")
	w.available("seldon-model")
	const url = "http://" + gatewayREST + "/seldon/default/seldon-model/api/v1.0/predictions"
	const body = `{"data":{"names":["a","b"],"ndarray":[[0.5,1.5]]}}`
	w.eventually("the gateway answers", func() error { return (&load{}).one(http.DefaultClient, url, body) })

	series := w.watchReplicas("seldon-model-example-0-classifier")
	l := startLoad(url, body, 8, 0)
	w.eventually("there are three pods", func() error { return series.want(3) })
	time.Sleep(10 * time.Second) // All three are asked for a while.
	l.stop(t)
	w.eventually("there is one pod again", func() error { return series.want(1) })
	t.Log("ready pods over time:\n" + series.stop())
	w.writesNoReplicas("seldon-model-example-0-classifier")
	w.delete("seldon-model")
}

// series is the number of a Deployment's ready pods over time.
type series struct {
	mu     sync.Mutex
	points []point
	cancel context.CancelFunc
	done   sync.WaitGroup
}

type point struct {
	since time.Duration
	ready int32
}

func (w *world) watchReplicas(name string) *series {
	ctx, cancel := context.WithCancel(context.Background())
	s := &series{cancel: cancel}
	start := time.Now()
	s.done.Go(func() {
		for ctx.Err() == nil {
			d := &appsv1.Deployment{}
			if err := w.client.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, d); err == nil {
				s.add(point{time.Since(start), d.Status.ReadyReplicas})
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

// writesNoReplicas: the number of pods is the autoscaler's.
func (w *world) writesNoReplicas(name string) {
	w.t.Helper()
	d := &appsv1.Deployment{}
	if err := w.client.Get(context.Background(), client.ObjectKey{Namespace: w.namespace, Name: name}, d); err != nil {
		w.t.Fatal(err)
	}
	for _, m := range d.ManagedFields {
		if m.Manager == controller.FieldManager && strings.Contains(string(m.FieldsV1.Raw), `"f:replicas"`) {
			w.t.Errorf("the operator owns the replicas of %s: %s", name, m.FieldsV1.Raw)
		}
	}
}
