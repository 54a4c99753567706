package graph

import (
	"sync"
	"sync/atomic"
)

// crew runs the branches of a plan's fan-outs, each on a goroutine. Some of these
// wait for another branch when theirs has ended: a new one would have to let its
// stack grow first, which is a good part of what a branch costs.
type crew struct {
	work chan runner
	idle atomic.Int32
	// ran is set once there was a member.
	ran  atomic.Bool
	over chan struct{}
	ends sync.Once
}

// runner is a branch of any type of messages.
type runner interface{ run() }

// mostIdle is how many wait.
const mostIdle = 64

func newCrew() *crew { return &crew{work: make(chan runner), over: make(chan struct{})} }

// dismiss ends those who wait, if there ever were any: most plans have no fan-outs.
func (c *crew) dismiss() {
	c.ends.Do(func() {
		if c.ran.Load() {
			close(c.over)
		}
	})
}

// start has a branch run, and does not wait for it.
func (c *crew) start(r runner) {
	select {
	case c.work <- r:
	default:
		c.ran.Store(true)
		go c.member(r)
	}
}

func (c *crew) member(r runner) {
	enlarge(0)
	for {
		r.run()
		r = nil // Who waits keeps no plan.
		if c.idle.Add(1) > mostIdle {
			c.idle.Add(-1)
			return
		}
		select {
		case r = <-c.work:
			c.idle.Add(-1)
		case <-c.over:
			return
		}
	}
}

// stackRoom is what calls on a node need of the stack.
const stackRoom = 8 << 10

// enlarge makes the stack of a goroutine that has just begun as large as a call on a
// node will need it. It would else grow in steps, each of which copies all that is on it.
//
//go:noinline
func enlarge(i int) byte {
	var room [stackRoom]byte
	return room[i&(stackRoom-1)]
}
