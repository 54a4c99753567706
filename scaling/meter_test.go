package scaling

import (
	"sync"
	"testing"
	"time"
)

// A load is weighted by time.
func TestMeterSumsUpTime(t *testing.T) {
	now := time.Unix(1000, 0)
	pass := func(d time.Duration) { now = now.Add(d) }
	m := NewMeter(func() time.Time { return now })
	pass(time.Second)
	m.Begin()
	m.Begin()
	pass(2 * time.Second)
	if got, want := m.Load(), (Load{InFlight: 2, BusySeconds: 4, Requests: 2}); got != want {
		t.Errorf("two for two seconds are %+v, want %+v", got, want)
	}
	m.End()
	pass(500 * time.Millisecond)
	m.End()
	pass(time.Second)
	if got, want := m.Load(), (Load{BusySeconds: 4.5, Requests: 2}); got != want {
		t.Errorf("and one for half a second, %+v, want %+v", got, want)
	}
}

// What passes after a time does not count for it.
func TestMeterAtATime(t *testing.T) {
	now := time.Unix(1000, 0)
	m := NewMeter(func() time.Time { return now })
	m.Begin()
	now = now.Add(2 * time.Second)
	at := now
	now = now.Add(time.Second) // Nobody has let this program go on.
	if got, want := m.LoadAt(at), (Load{InFlight: 1, BusySeconds: 2, Requests: 1}); got != want {
		t.Errorf("a second later %+v, want %+v", got, want)
	}
	if got, want := m.LoadAt(now), (Load{InFlight: 1, BusySeconds: 3, Requests: 1}); got != want {
		t.Errorf("then %+v, want %+v", got, want)
	}
}

// Many at once lose nothing; nobody who counts is no fault.
func TestMeterAtOnce(t *testing.T) {
	m := NewMeter(time.Now)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				m.Begin()
				m.End()
			}
		})
	}
	all.Wait()
	if got := m.Load(); got.Requests != 8000 || got.InFlight != 0 || got.BusySeconds < 0 {
		t.Errorf("load is %+v", got)
	}
	var none *Meter
	none.Begin()
	none.End()
	if none.Load() != (Load{}) || none.LoadAt(time.Now()) != (Load{}) {
		t.Error("nobody counts, and something was counted")
	}
}
