package http1

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// watch looks whether the client of a request that takes long is still there, by
// reading on behind the request. What comes is kept for later.
type watch struct {
	c     *conn
	timer *time.Timer
	armed atomic.Bool
	done  chan struct{}

	mu      sync.Mutex
	stopped bool
	// gone is true once nothing more can come.
	gone bool
}

// watchDelay is what a request takes before its client is watched. Most are
// answered earlier, and pay for a timer only.
const watchDelay = 20 * time.Millisecond

// arm begins to watch, when all of the request has been read.
func (c *conn) arm() {
	w := &c.watch
	if w.armed.Swap(true) {
		return
	}
	w.stopped = false
	if w.timer == nil {
		w.done = make(chan struct{}, 1)
		w.timer = time.AfterFunc(watchDelay, w.run)
	} else {
		w.timer.Reset(watchDelay)
	}
}

// disarm ends the watch. It reports whether the client may send more.
func (c *conn) disarm() bool {
	w := &c.watch
	if !w.armed.Swap(false) {
		return !w.gone
	}
	if w.timer.Stop() {
		return !w.gone
	}
	w.mu.Lock()
	w.stopped = true
	c.interrupt()
	w.mu.Unlock()
	<-w.done
	c.setDeadline(0)
	return !w.gone
}

func (w *watch) run() {
	defer func() { w.done <- struct{}{} }()
	c := w.c
	for w.begin() {
		if err := c.in.readBehind(); err != nil {
			if errors.Is(err, errLong) || errors.Is(err, os.ErrDeadlineExceeded) && w.ended() {
				return
			}
			w.gone = true
			c.present.end()
			return
		}
	}
}

// begin takes deadlines off, unless the watch has ended.
func (w *watch) begin() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		_ = w.c.raw.SetReadDeadline(time.Time{})
	}
	return !w.stopped
}

func (w *watch) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopped
}
