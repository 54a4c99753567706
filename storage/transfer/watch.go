package transfer

import (
	"context"
	"fmt"
	"time"
)

// watch ends a stream that has been silent for too long.
type watch struct {
	timer *time.Timer
	limit time.Duration
	last  time.Time
}

func newWatch(limit time.Duration, cancel context.CancelCauseFunc) *watch {
	return &watch{limit: limit, last: time.Now(), timer: time.AfterFunc(limit, func() {
		cancel(fmt.Errorf("the server sent nothing for %s", limit))
	})}
}

// heard is called for each piece that arrives; setting a timer for each would
// cost more than reading it.
func (w *watch) heard() {
	if now := time.Now(); now.Sub(w.last) > w.limit/8 {
		w.last = now
		w.timer.Reset(w.limit)
	}
}

func (w *watch) stop() { w.timer.Stop() }
