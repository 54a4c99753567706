package telemetry

import (
	"sync"
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of the histograms, those of Seldon Core v1.
var bounds = [...]time.Duration{
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 75 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, 750 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 7500 * time.Millisecond, 10 * time.Second,
}

// latency is how long requests of one kind took. A histogram and a summary are
// read from one record, whose writing takes a few atomic additions: the
// summary of the Prometheus library keeps samples under a lock and sorts them,
// with which a request was measured to cost five times as much.
type latency struct {
	// buckets count per bound, the last what is above all of them.
	buckets [len(bounds) + 1]atomic.Uint64
	nanos   atomic.Int64
	// windows count the last ten minutes for quantiles.
	mu      sync.Mutex
	windows [windowCount]atomic.Pointer[window]
}

// observe records one request. at is when it ended, since any fixed moment
// before.
func (l *latency) observe(took, at time.Duration) {
	took = max(took, 0)
	i := 0
	for i < len(bounds) && took > bounds[i] {
		i++
	}
	l.buckets[i].Add(1)
	l.nanos.Add(int64(took))
	period := at / windowTime
	w := l.windows[period%windowCount].Load()
	if w == nil || w.period.Load() != int64(period) {
		w = l.turn(period)
	}
	w.observe(took)
}

// turn makes room for a new period instead of the oldest.
func (l *latency) turn(period time.Duration) *window {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := &l.windows[period%windowCount]
	w := at.Load()
	if w == nil {
		w = &window{}
		w.period.Store(int64(period))
		at.Store(w)
	}
	// A request that ended late in an old period counts in the new one.
	if w.period.Load() < int64(period) {
		w.reset(int64(period))
	}
	return w
}

// histogram returns the counts up to each bound, and those of all.
func (l *latency) histogram() (upTo map[float64]uint64, count uint64, seconds float64) {
	upTo = make(map[float64]uint64, len(bounds))
	for i := range l.buckets {
		count += l.buckets[i].Load()
		if i < len(bounds) {
			upTo[bounds[i].Seconds()] = count
		}
	}
	return upTo, count, time.Duration(l.nanos.Load()).Seconds()
}
