package http2

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prime-radiant/radiant/executor/memory"
	"github.com/prime-radiant/radiant/executor/message"
)

// ClientOptions are what a client depends on.
type ClientOptions struct {
	// Address is what the server is called, host:port.
	Address string
	// Dial makes a connection to it, secured if Secure is true, and has an end to
	// its patience.
	Dial   func(ctx context.Context) (net.Conn, error)
	Secure bool
	// MaxMessage is the largest answer that is taken, in bytes, packed or not;
	// MaxHeader bounds a header.
	MaxMessage int64
	MaxHeader  uint32
	// Budget is what answers take memory of before they come; nil: nothing bounds
	// them.
	Budget *memory.Budget
	// Agent is what the client says it is.
	Agent string
}

// Client makes calls on one server, over a few connections that are made when
// they are needed. It is safe for several goroutines.
type Client struct {
	options ClientOptions

	mu     sync.Mutex
	closed bool
	slots  [connections]slot
	// turn is the slot that was used last, run how often in a row.
	turn, run int
	// waiting is how many calls wait for a change, which is told by changed.
	waiting atomic.Int32
	changed chan struct{}
}

// connections spreads the calls on one server: one connection has a single
// writer and a single reader, and may end at one of several servers.
const connections = 4

type slot struct {
	conn *clientConn
	// dialing is a connection that is being made; nil: none is.
	dialing *dialing
	// failed is why the last one could not be made, if it could not; until then no
	// other is tried, which is longer each time by delay.
	failed error
	until  time.Time
	delay  time.Duration
}

// dialing is the making of a connection: err is why it failed when done is
// closed.
type dialing struct {
	done chan struct{}
	err  error
}

// NewClient makes a client, and no connection yet.
func NewClient(o ClientOptions) *Client { return &Client{options: o, changed: make(chan struct{})} }

// Request is a call to be made.
type Request struct {
	// Path is the full name of the method.
	Path string
	// Fields go with the request; none of them is one of [Reserved].
	Fields []Field
	// Message is the request in any number of pieces, which do not change before
	// the call returns, and the lease is given back: a call that is left may still
	// be being sent.
	Message [][]byte
	// Timeout is the time that the call has, besides that of its context; 0: no
	// bound.
	Timeout time.Duration
	// Lease gets the memory of the answer.
	Lease *message.Lease
}

// Reply is what a server has answered.
type Reply struct {
	// Header and Trailer are the fields that the server sent beside gRPC's own.
	Header, Trailer []Field
	Message         []byte
}

// mostAttempts bounds how often a call is sent of which the server has processed
// nothing.
const mostAttempts = 5

// Call makes a call. A status that is not nil is the server's own, or stands for
// what kept it from answering, in gRPC's words.
func (c *Client) Call(ctx context.Context, r *Request) (Reply, *Status) {
	end, _ := ctx.Deadline()
	if r.Timeout > 0 {
		if own := time.Now().Add(r.Timeout); end.IsZero() || own.Before(end) {
			end = own
		}
	}
	var k *call
	for attempts := 0; attempts < mostAttempts; {
		conn, status := c.pick(ctx, end)
		if status != nil {
			return Reply{}, status
		}
		k = newCall(conn, r, end)
		if !k.begin(ctx, r) {
			continue // It was taken, or has ended, since it was picked.
		}
		k.wait(ctx)
		if attempts++; !k.unprocessed {
			break
		}
	}
	if k.status.Code != 0 {
		return Reply{}, &k.status
	}
	return Reply{Header: k.header, Trailer: k.trailer, Message: k.message}, nil
}

// Close ends all connections.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for i := range c.slots {
		if conn := c.slots[i].conn; conn != nil {
			conn.mu.Lock()
			conn.end(errClosed)
			conn.mu.Unlock()
		}
	}
	c.tell()
}

var errClosed = errors.New("the connections are closed")

// inARow is how many calls may join each other on a connection, so that one write
// takes them all, before another has its turn.
const inARow = 16

// pick returns a connection that may take a call.
func (c *Client) pick(ctx context.Context, end time.Time) (*clientConn, *Status) {
	conn, _, status := c.ready()
	if conn != nil || status != nil {
		return conn, status
	}
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	var late <-chan time.Time
	if !end.IsZero() {
		timer := time.NewTimer(time.Until(end))
		defer timer.Stop()
		late = timer.C
	}
	for {
		// Again, since it may have changed before anybody knew of this one.
		conn, until, status := c.ready()
		if conn != nil || status != nil {
			return conn, status
		}
		select {
		case <-until.done:
			if err := until.made.err; err != nil {
				return nil, unreached(err)
			}
		case <-until.changed:
		case <-late:
			return nil, statusf(deadlineExceeded, "%v", context.DeadlineExceeded)
		case <-ctx.Done():
			return nil, ofContext(ctx)
		}
	}
}

func unreached(err error) *Status {
	return statusf(unavailable, "connection error: desc = \"transport: %v\"", err)
}

func ofContext(ctx context.Context) *Status {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return statusf(deadlineExceeded, "%v", ctx.Err())
	}
	return statusf(canceled, "%v", ctx.Err())
}

// pause is what a call waits for that has no connection.
type pause struct {
	made          *dialing
	done, changed <-chan struct{}
}

// ready returns a connection, what to wait for, or why there will be none.
func (c *Client) ready() (*clientConn, pause, *Status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	none := pause{changed: c.changed}
	if c.closed {
		return nil, none, statusf(unavailable, "%v", errClosed)
	}
	if last := c.slots[c.turn].conn; last != nil && c.run < inARow && last.busy.Load() && last.free.Load() {
		c.run++
		return last, none, nil
	}
	c.run = 0
	full := false
	for i := range c.slots {
		at := (c.turn + 1 + i) % len(c.slots)
		s := &c.slots[at]
		switch {
		case s.conn == nil:
			continue
		case !s.conn.free.Load():
			full = true
			continue
		}
		if i > 0 {
			// There is one; those that are missing are made meanwhile.
			c.connect(&c.slots[(c.turn+1)%len(c.slots)], time.Now())
		}
		c.turn = at
		return s.conn, none, nil
	}
	now := time.Now()
	for range c.slots {
		c.turn = (c.turn + 1) % len(c.slots)
		if s := &c.slots[c.turn]; c.connect(s, now) {
			return nil, pause{s.dialing, s.dialing.done, c.changed}, nil
		}
	}
	if full {
		return nil, none, nil
	}
	return nil, none, unreached(c.slots[c.turn].failed)
}

// tell wakes those who wait for a change.
func (c *Client) tell() {
	if c.waiting.Load() > 0 {
		close(c.changed)
		c.changed = make(chan struct{})
	}
}

// The pauses between attempts to connect: short, since a server that restarts is
// wanted again as soon as it listens.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = time.Second
)

// connect begins a connection, unless there is one or the last one failed a
// moment ago. It reports whether one is being made.
func (c *Client) connect(s *slot, now time.Time) bool {
	if s.conn != nil || s.dialing == nil && s.failed != nil && now.Before(s.until) {
		return false
	}
	if s.dialing != nil {
		return true
	}
	made := &dialing{done: make(chan struct{})}
	s.dialing = made
	go func() {
		conn, err := dial(c)
		c.mu.Lock()
		defer c.mu.Unlock()
		s.dialing = nil
		switch {
		case err != nil:
			made.err = err
			s.delay = min(max(firstPause, s.delay*8/5), longestPause)
			s.failed, s.until = err, time.Now().Add(time.Duration(float64(s.delay)*(0.8+0.4*rand.Float64()))) //nolint:gosec // no secret
		case c.closed:
			conn.mu.Lock()
			conn.end(errClosed)
			conn.mu.Unlock()
		default:
			s.failed, s.delay = nil, 0
			// It may be gone already.
			if conn.usable.Load() {
				s.conn = conn
			}
		}
		close(made.done)
		c.tell()
	}()
	return true
}

// forget takes a connection out of use.
func (c *Client) forget(conn *clientConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.slots {
		if c.slots[i].conn == conn {
			c.slots[i].conn = nil
		}
	}
	c.tell()
}
