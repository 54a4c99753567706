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
	if none.Load() != (Load{}) {
		t.Error("nobody counts, and something was counted")
	}
}
