package scaling

import (
	"sync"
	"time"
)

// Meter sums up a [Load] by a clock. Its methods on nil do nothing.
type Meter struct {
	now func() time.Time

	mu   sync.Mutex
	load Load
	// at is when BusySeconds was summed up last.
	at time.Time
}

// NewMeter makes a meter that reads the clock now.
func NewMeter(now func() time.Time) *Meter { return &Meter{now: now, at: now()} }

// Begin counts a request in.
func (m *Meter) Begin() {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.sum()
	m.load.InFlight++
	m.load.Requests++
	m.mu.Unlock()
}

// End counts a request out.
func (m *Meter) End() {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.sum()
	m.load.InFlight--
	m.mu.Unlock()
}

// Load is the load until now.
func (m *Meter) Load() Load {
	if m == nil {
		return Load{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sum()
	return m.load
}

// LoadAt is the load until a time that the clock has told just before, so that what
// passes between that reading and this one does not count.
func (m *Meter) LoadAt(at time.Time) Load {
	if m == nil {
		return Load{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sum()
	l := m.load
	l.BusySeconds = max(l.BusySeconds-max(m.at.Sub(at).Seconds(), 0)*float64(l.InFlight), 0)
	return l
}

// sum adds the time since it was summed up last. The caller holds mu.
func (m *Meter) sum() {
	now := m.now()
	if passed := now.Sub(m.at); passed > 0 {
		m.load.BusySeconds += passed.Seconds() * float64(m.load.InFlight)
		m.at = now
	}
}
