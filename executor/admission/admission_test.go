package admission

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/prime-radiant/radiant/scaling"
)

func gate(t *testing.T, o Options) *Gate {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Registry = prometheus.NewRegistry()
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// No more than so many are let in at once, however many come, and none is lost.
func TestGateBoundsWhatIsAtOnce(t *testing.T) {
	const most, all = 3, 200
	g := gate(t, Options{Most: most, Queue: all})
	var now, top, done atomic.Int64
	var clients sync.WaitGroup
	for range all {
		clients.Go(func() {
			if err := g.Enter(t.Context()); err != nil {
				t.Error(err)
				return
			}
			n := now.Add(1)
			for seen := top.Load(); n > seen && !top.CompareAndSwap(seen, n); seen = top.Load() {
			}
			time.Sleep(time.Millisecond)
			now.Add(-1)
			done.Add(1)
			g.Leave()
		})
	}
	clients.Wait()
	if top.Load() != most || done.Load() != all {
		t.Errorf("%d were let in at once and %d altogether, want %d and %d", top.Load(), done.Load(), most, all)
	}
	if l := g.Load(); l.InFlight != 0 || l.Requests != all {
		t.Errorf("load is %+v", l)
	}
}

// What the queue does not hold is refused at once; who waits too long, then; who
// leaves is out of the queue.
func TestGateRefuses(t *testing.T) {
	g := gate(t, Options{Most: 1, Queue: 1, Patience: 20 * time.Millisecond})
	if err := g.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Enter(t.Context()); !errors.Is(err, ErrTooLong) {
		t.Errorf("who waits too long: %v", err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := g.Enter(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("who has left: %v", err)
	}
	g.options.Patience = 0
	let := make(chan error)
	go func() { let <- g.Enter(t.Context()) }()
	for g.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := g.Enter(t.Context()); !errors.Is(err, ErrFull) {
		t.Errorf("beyond the queue: %v", err)
	}
	if l := g.Load(); l.InFlight != 2 {
		t.Errorf("with one that is answered and one that waits, load is %+v", l)
	}
	g.Leave()
	if err := <-let; err != nil {
		t.Error(err)
	}
	g.Leave()
	if full, late := testutil.ToFloat64(g.full), testutil.ToFloat64(g.late); full != 1 || late != 1 {
		t.Errorf("%g were refused by a full queue and %g were late, want 1 and 1", full, late)
	}
}

// A request that finds room costs nothing.
func TestEnteringAllocatesNothing(t *testing.T) {
	for _, most := range []int{0, 1} {
		g := gate(t, Options{Most: most, Patience: time.Second})
		ctx := t.Context()
		if n := testing.AllocsPerRun(100, func() {
			if g.Enter(ctx) == nil {
				g.Leave()
			}
		}); n != 0 {
			t.Errorf("with containerConcurrency %d: %g allocations", most, n)
		}
	}
}

func TestPage(t *testing.T) {
	at := time.Unix(100, 0)
	now := func() time.Time { return at }
	g, calls := gate(t, Options{Now: now}), NewCalls(now)
	p := &Page{Gate: g, Calls: calls, Process: "x", Began: at, Now: now}
	if err := g.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	calls.Node("n").Begin()
	at = at.Add(2 * time.Second)
	calls.Node("n").End()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest("GET", scaling.PathReport, nil))
	var told scaling.Report
	if err := json.Unmarshal(w.Body.Bytes(), &told); err != nil {
		t.Fatal(err)
	}
	if told.Started != "x" || told.Seconds != 2 || told.Predictor != (scaling.Load{InFlight: 1, BusySeconds: 2, Requests: 1}) || told.Nodes["n"] != (scaling.Load{BusySeconds: 2, Requests: 1}) {
		t.Errorf("told %s", w.Body)
	}
}
