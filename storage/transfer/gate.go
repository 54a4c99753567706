package transfer

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// More streams help against latency and against servers that bound each
// connection. Near a fast store they only compete for the CPU with it. So a
// download begins with few, and takes more as long as that clearly helps and
// there is CPU time for them.
const (
	firstStreams = 2
	// tuneEvery is how long each number of streams is looked at.
	tuneEvery = 400 * time.Millisecond
	// Twice the streams are kept if they do this much more.
	better = 1.6
	// busy is the part of all CPU time from which on more are not tried: what
	// is left of it the system needs for the connections.
	busy = 0.5
	// restTicks is the pause between two series of trials.
	restTicks = 25
	// requestWork is what a request counts for, in bytes: small files are
	// bounded by latency.
	requestWork = 256 << 10
)

// gate bounds how many streams run, to a number that changes.
type gate struct {
	mu            sync.Mutex
	changed       *sync.Cond
	limit, active int
}

func newGate(limit int) *gate {
	g := &gate{limit: limit}
	g.changed = sync.NewCond(&g.mu)
	return g
}

func (g *gate) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.active >= g.limit {
		g.changed.Wait()
	}
	g.active++
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active--
	g.changed.Broadcast()
}

func (g *gate) set(limit int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = limit
	g.changed.Broadcast()
}

// tune looks for the best number of streams, up to most, until ctx is done.
// work says how much has been done since the last call.
func (g *gate) tune(ctx context.Context, most int, work func() int64) {
	ticker := time.NewTicker(tuneEvery)
	defer ticker.Stop()
	t := tuner{limit: min(firstStreams, most), most: most, rest: 1}
	began, used := time.Now(), cpuTime()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			now, usedNow := time.Now(), cpuTime()
			share := float64(usedNow-used) / float64(now.Sub(began)) / float64(runtime.GOMAXPROCS(0))
			began, used = now, usedNow
			g.set(t.next(work(), share))
		}
	}
}

// tuner doubles the number of streams while that helps.
type tuner struct {
	limit, most int
	// rest counts down to the next trial. Connections are made in the first
	// interval, so that one tells nothing.
	rest int
	// before is the number that is compared with, 0 if none is, and work what
	// was done with it.
	before int
	work   int64
}

// next is the number of streams for the next interval, when work was done in
// the last one, with that share of all CPU time.
func (t *tuner) next(work int64, share float64) int {
	if t.before > 0 && float64(work) < better*float64(t.work) {
		t.limit, t.before, t.rest = t.before, 0, restTicks
		return t.limit
	}
	if t.rest > 0 {
		t.rest--
		return t.limit
	}
	if t.limit == t.most || share > busy {
		t.before = 0
		return t.limit
	}
	t.before, t.work = t.limit, work
	t.limit = min(2*t.limit, t.most)
	return t.limit
}
