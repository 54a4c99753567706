package http2

import (
	"encoding/binary"
	"time"

	"golang.org/x/net/http2"

	"github.com/prime-radiant/radiant/executor/message"
)

// prefixSize is what comes before a gRPC message: whether it is compressed, and
// its length.
const prefixSize = 5

func prefixOf(length int) (head [prefixSize]byte) {
	binary.BigEndian.PutUint32(head[1:], uint32(length)) //nolint:gosec // no message has 4 GiB
	return head
}

// incoming is the one message of a stream, on its way in. Its memory is taken of
// the budget when its length is known; until it is there, the other side may
// send no more than firstWindow.
type incoming struct {
	head       [prefixSize]byte
	known      int
	length     int64
	got        int64
	compressed bool
	buffer     message.Arriving
	// taken is what is had of the budget, parked is true while more is waited
	// for.
	taken  int64
	parked bool
	// done is true when the message was handed on.
	done bool
	// received and allowed are the bytes of DATA frames, so far and in all;
	// padding is the part of the former that is no message.
	received, allowed, padding int64
	pace                       gauge
	// last is how much had come when the message was last looked at.
	last int64
}

// firstWindow is how much a stream may bring before its length is known, and
// ahead how much beyond what has come when memory has been taken.
const (
	firstWindow = 65535
	ahead       = 1 << 20
	connWindow  = 4 << 20
)

func (in *incoming) begun() bool { return in.known == prefixSize }
func (in *incoming) whole() bool { return in.begun() && in.got == in.length && !in.parked }

// receive takes the next bytes of a stream's message. It returns why the stream
// cannot go on.
func (s *stream) receive(p []byte) *Status {
	in := &s.in
	if !in.begun() {
		n := copy(in.head[in.known:], p)
		in.known += n
		p = p[n:]
		if !in.begun() {
			return nil
		}
		in.compressed, in.length = in.head[0] == 1, int64(binary.BigEndian.Uint32(in.head[1:]))
		if in.head[0] > 1 {
			return statusf(internal, "the flag of the message is %d", in.head[0])
		}
		if refused := s.announced(); refused != nil {
			return refused
		}
	}
	if int64(len(p)) > in.length-in.got {
		return statusf(internal, "more than one message was sent to a method that takes one")
	}
	if len(p) == 0 {
		return nil
	}
	in.got += int64(len(p))
	if err := in.buffer.Add(p); err != nil {
		return statusf(resourceExhausted, "%v", err)
	}
	return nil
}

// announced is called when the length of a message is known. It takes memory for
// all of it, so that nothing begins that cannot be ended.
func (s *stream) announced() *Status {
	in, limits := &s.in, s.conn.limits
	if in.length > limits.MaxMessage {
		return statusf(resourceExhausted, "grpc: received message larger than max (%d vs. %d)", in.length, limits.MaxMessage)
	}
	in.buffer = s.lease.Arriving(in.length)
	if limits.Budget.Try(in.length, s.conn.begins) {
		in.taken = in.length
		return nil
	}
	// What may come meanwhile is on the account in any case.
	early := min(in.length, firstWindow)
	limits.Budget.Force(early)
	in.taken = early
	s.park(in.length, early)
	return nil
}

// park waits for n bytes of the budget, aside from the connection's reader. They
// come in the place of those that the message has taken instead.
func (s *stream) park(n, instead int64) {
	s.in.parked = true
	go func() {
		c, budget := s.conn, s.conn.limits.Budget
		take := budget.Take
		if c.begins {
			take = budget.Begin
		}
		err := take(n)
		c.mu.Lock()
		defer c.mu.Unlock()
		s.in.parked = false
		switch {
		case err != nil:
			if s.err == nil {
				s.owner.refused(statusf(resourceExhausted, "%v (--max_inflight_bytes)", err))
			}
		case s.err != nil:
			budget.Give(n)
		default:
			budget.Give(instead)
			s.in.taken += n - instead
			s.moved()
		}
		c.kick()
	}()
}

// moved is called when more of a message has come, or memory for it.
func (s *stream) moved() {
	switch {
	case s.in.done || s.in.parked:
	case s.in.whole():
		s.in.done = true
		s.owner.arrived()
	case s.ended:
		s.owner.refused(statusf(internal, "the stream ended before its message"))
	default:
		s.extend()
	}
}

// extend lets the other side send on, as far as there is memory.
func (s *stream) extend() {
	in := &s.in
	need := in.length + prefixSize + in.padding
	if in.padding > 0 {
		need += firstWindow // There may be more of it.
	}
	if !in.begun() || in.parked || s.ended || in.allowed >= need || in.allowed-in.received > ahead/2 {
		return
	}
	next := min(need, in.received+ahead)
	if more := min(in.length, in.got+ahead) - in.taken; more > 0 {
		if !s.conn.limits.Budget.Try(more, false) {
			s.park(more, 0)
			return
		}
		in.taken += more
	}
	s.conn.windowUpdate(s.id, next-in.allowed)
	in.allowed = next
}

// look is called once a second. A message of which little comes gives back what
// it has no bytes for: who announces much and sends little holds little.
func (s *stream) look() {
	in := &s.in
	if in.parked || !in.begun() || in.got == in.length {
		return
	}
	if surplus := in.taken - in.got - ahead; in.got-in.last < ahead && surplus > 0 {
		in.taken -= surplus
		s.conn.limits.Budget.Give(surplus)
	}
	in.last = in.got
}

// take hands the message over to its lease.
func (s *stream) take() []byte {
	if !s.lease.Owe(s.in.taken) {
		s.conn.limits.Budget.Give(s.in.taken)
	}
	s.in.taken = 0
	return s.in.buffer.Done()
}

// drop gives back what a message has that did not come whole.
func (s *stream) drop() {
	s.in.buffer.Done()
	s.conn.limits.Budget.Give(s.in.taken)
	s.in.taken = 0
}

// account counts bytes of DATA frames, padding of them that is none of the
// message.
func (s *stream) account(n, padding int64) error {
	s.in.received += n
	s.in.padding += padding
	if s.body != nil && padding > 0 {
		// Nobody reads it.
		s.in.allowed += padding
		s.conn.windowUpdate(s.id, padding)
	}
	if s.in.received > s.in.allowed {
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeFlowControl}
	}
	return nil
}

// gauge is the progress of something in the present window.
type gauge struct {
	since time.Time
	from  int64
}

// paceWindow is the time over which a rate counts.
const paceWindow = 10 * time.Second

// tooSlow reports whether a window has passed in which less than least bytes a
// second were done.
func (g *gauge) tooSlow(now time.Time, busy bool, done, least int64) bool {
	if !busy || g.since.IsZero() {
		g.since, g.from = now, done
		return false
	}
	passed := now.Sub(g.since)
	if passed < paceWindow {
		return false
	}
	slow := done-g.from < least*int64(passed/time.Second)
	g.since, g.from = now, done
	return slow
}
