package scaling

import (
	"strings"
	"testing"
	"time"
)

// run is a component by a clock of its own, a tick every two seconds; pods are
// ready at the tick after they are asked for.
type run struct {
	*Component
	now time.Time
	o   Observed
}

func newRun(p Policy, o Observed) *run {
	start := time.Unix(1_800_000_000, 0)
	return &run{Component: NewComponent(p, start, o), now: start, o: o}
}

// ticks lets time pass with a load, and returns the decisions.
func (r *run) ticks(seconds int, load float64) []Decision {
	var all []Decision
	for range seconds / 2 {
		r.now = r.now.Add(Tick)
		r.Record(r.now, load)
		d := r.Decide(r.now, r.o)
		r.o.Ready, r.o.Replicas = r.o.Replicas, d.Replicas
		all = append(all, d)
	}
	return all
}

func zeroPolicy() Policy {
	p := testPolicies()[0]
	p.InitialReplicas = 1
	return p
}

// TestFiveAtOnceAreFivePods is the case of the documentation: target 1, five
// requests held, utilization 100 %. At 70 % they are eight.
func TestFiveAtOnceAreFivePods(t *testing.T) {
	for percent, want := range map[float64]int32{100: 5, 70: 8} {
		p := zeroPolicy()
		p.Target = percent / 100
		r := newRun(p, Observed{Replicas: 1, Ready: 1})
		all := r.ticks(60, 5)
		if first := all[0]; first.Replicas != want || !first.Panic {
			t.Errorf("at %v %%: %+v at the first tick, want %d pods in panic", percent, first, want)
		}
		if last := all[len(all)-1]; last.Replicas != want {
			t.Errorf("at %v %%: %+v after a minute, want %d pods", percent, last, want)
		}
	}
}

// TestIdleGoesAfterWindowAndGrace: nothing goes before, and activators keep
// requests before the last pod goes.
func TestIdleGoesAfterWindowAndGrace(t *testing.T) {
	r := newRun(zeroPolicy(), Observed{Replicas: 1, Ready: 1})
	r.ticks(120, 0.5)
	all := r.ticks(100, 0)
	for i, d := range all {
		seconds := (i + 1) * 2
		switch {
		case seconds < 58 && (d.Replicas != 1 || d.Keep):
			t.Fatalf("%d s after the last request: %+v", seconds, d)
		case seconds >= 62 && seconds < 88 && (d.Replicas != 1 || !d.Keep || d.Reason != ReasonIdle):
			t.Fatalf("%d s after the last request: %+v", seconds, d)
		case seconds >= 94 && (d.Replicas != 0 || !d.Keep || d.Reason != ReasonZero):
			t.Fatalf("%d s after the last request: %+v", seconds, d)
		}
	}
	if got := r.Wake(r.now); got != 1 {
		t.Errorf("a request wakes %d pods", got)
	}
	r.o = Observed{Replicas: 1}
	if d := r.ticks(2, 0)[0]; d.Replicas != 1 || !d.Keep {
		t.Errorf("woken, no pod ready: %+v", d)
	}
	if d := r.ticks(40, 0); d[len(d)-1].Replicas != 1 || d[len(d)-1].Keep {
		t.Errorf("woken 40 s ago: %+v", d[len(d)-1])
	}
	if d := r.ticks(60, 0); d[len(d)-1].Replicas != 0 {
		t.Errorf("woken 102 s ago, and no request since: %+v", d[len(d)-1])
	}
}

// TestStartAgainForgetsNothingThatMatters: a scaler that begins with eight pods
// and a load for eight neither jumps to the least nor to the most.
func TestStartAgainForgetsNothingThatMatters(t *testing.T) {
	p := zeroPolicy()
	p.MaxReplicas = 20
	r := newRun(p, Observed{Replicas: 8, Ready: 8})
	if d := r.Decide(r.now, r.o); d.Replicas != 8 || d.Reason != ReasonNoData {
		t.Errorf("nothing is known: %+v", d)
	}
	for i, d := range r.ticks(180, 7.9) {
		if d.Replicas != 8 {
			t.Fatalf("after %d s: %+v", (i+1)*2, d)
		}
	}
	r = newRun(p, Observed{Replicas: 8, Ready: 8})
	all := r.ticks(180, 2)
	if all[25].Replicas != 8 {
		t.Errorf("after 50 s, before the window is full: %+v", all[25])
	}
	if last := all[len(all)-1]; last.Replicas != 2 {
		t.Errorf("after the window: %+v", last)
	}
}

func TestBoundsAreSaid(t *testing.T) {
	p := zeroPolicy()
	p.MinReplicas, p.MaxReplicas = 2, 4
	r := newRun(p, Observed{Replicas: 2, Ready: 2})
	d := r.ticks(20, 0)
	if last := d[len(d)-1]; last.Replicas != 2 || last.Keep {
		t.Errorf("no load, at least 2: %+v", last)
	}
	d = r.ticks(20, 9)
	last := d[len(d)-1]
	if last.Replicas != 4 || last.Reason != ReasonMaximum || !strings.Contains(last.Message, "the most that there may be; 9 are wanted") {
		t.Errorf("load for 9, at most 4: %+v", last)
	}
}

// TestZeroStaysZero: nothing is decided anew, however long nobody asks, so that
// nothing is written.
func TestZeroStaysZero(t *testing.T) {
	r := newRun(zeroPolicy(), Observed{})
	for range 300 {
		r.now = r.now.Add(Tick)
		if d := r.Decide(r.now, r.o); d.Replicas != 0 || !d.Keep {
			t.Fatalf("%+v", d)
		}
	}
}
