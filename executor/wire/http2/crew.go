package http2

import "sync/atomic"

// crew answers calls, each by a goroutine. Some of these wait for another call
// when theirs is answered: a new one would have to let its stack grow first,
// which costs as much as all of the rest.
type crew struct {
	work chan *Call
	idle atomic.Int32
	over chan struct{}
}

// mostIdle is how many wait.
const mostIdle = 64

func newCrew() *crew { return &crew{work: make(chan *Call), over: make(chan struct{})} }

// answer has a call answered, and does not wait for it.
func (w *crew) answer(c *Call) {
	select {
	case w.work <- c:
	default:
		go w.member(c)
	}
}

func (w *crew) member(c *Call) {
	for {
		c.run()
		if w.idle.Add(1) > mostIdle {
			w.idle.Add(-1)
			return
		}
		select {
		case c = <-w.work:
			w.idle.Add(-1)
		case <-w.over:
			return
		}
	}
}
