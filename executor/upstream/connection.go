package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prime-radiant/radiant/executor/wire/http1"
	"github.com/prime-radiant/radiant/executor/wire/socket"
)

// connection is a connection to a server that can tell, once it has broken,
// whether the server's side has accepted any of the last request.
type connection struct {
	net.Conn
	// acknowledged is what the peer had acknowledged before the first byte.
	acknowledged     int64
	written, writing atomic.Int64
	// ended is true once the peer has closed its end in order, reset if it has
	// broken the connection off: then it does not say what it accepted last.
	ended, reset atomic.Bool
	closing      sync.Once
	// accepted is the number of bytes that the peer's side had accepted at the
	// end; unknown: that cannot be told, or the connection still stands.
	accepted atomic.Int64
}

const unknown = -1

// settleTime bounds the wait for the peer's word on bytes that it has not
// acknowledged: it resets the connection if it has closed its end.
const settleTime = 50 * time.Millisecond

// counting makes connections of a dialer's.
func counting(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := &connection{Conn: socket.Of(conn)}
		c.accepted.Store(unknown)
		c.acknowledged, _ = acknowledged(conn)
		return c, nil
	}
}

func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.noted(err)
	// A reset of a connection that the peer has closed in order reads as EPIPE.
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) {
		c.ended.Store(true)
	}
	return n, err
}

func (c *connection) Write(p []byte) (int, error) {
	c.writing.Add(1)
	defer c.writing.Add(-1)
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	c.noted(err)
	return n, err
}

// WriteBuffers writes pieces at once.
func (c *connection) WriteBuffers(pieces *net.Buffers) (int64, error) {
	c.writing.Add(1)
	defer c.writing.Add(-1)
	n, err := pieces.WriteTo(c.Conn)
	c.written.Add(n)
	c.noted(err)
	return n, err
}

// NetConn is the connection beneath, as with [tls.Conn].
func (c *connection) NetConn() net.Conn { return c.Conn }

func (c *connection) noted(err error) {
	if errors.Is(err, syscall.ECONNRESET) {
		c.reset.Store(true)
	}
}

func (c *connection) Close() error {
	if c.ended.Load() || c.reset.Load() {
		c.closing.Do(func() { c.accepted.Store(c.settled()) })
	}
	return c.Conn.Close()
}

// settled is the number of bytes that the peer's side has accepted for good. The
// segment that closed its end acknowledged what it had accepted; a peer that
// has closed both ways resets the connection at the first byte after that.
func (c *connection) settled() int64 {
	for end := time.Now().Add(settleTime); ; time.Sleep(time.Millisecond) {
		n, dead := acknowledged(c.Conn)
		n -= c.acknowledged
		idle := c.writing.Load() == 0
		switch {
		case n < 0:
			return unknown
		case idle && (dead || n == c.written.Load()):
			return n
		case time.Now().After(end):
			// What is under way may still be accepted.
			return unknown
		}
	}
}

// Acknowledged is the number of bytes that the peer's side of a connection has
// accepted so far; negative: the kernel does not say.
func Acknowledged(conn net.Conn) int64 {
	n, _ := acknowledged(conn)
	return n
}

// use is what is known of the connection that a request was sent on.
type use struct {
	conn   *connection
	before int64
	reused bool
}

// usedBy is the use of a connection by its next request.
func usedBy(c *http1.Conn) use { return useOf(c.Raw, c.Reused) }

func useOf(conn net.Conn, reused bool) use {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	u := use{reused: reused}
	if u.conn, _ = conn.(*connection); u.conn != nil {
		u.before = u.conn.written.Load()
	}
	return u
}

// firstRead is the size that servers read of a request at once, at least.
const firstRead = 4 << 10

// untaken reports whether the request failed because the server had closed a
// kept connection before it took the first byte. Such a request can be sent
// again whatever it means; of any other, nobody knows what it has done. A
// connection that is reset before anything was acknowledged has been closed
// with bytes in its queue: none of them was read if the first read would have
// taken them all.
func (u use) untaken() bool {
	c := u.conn
	if c == nil || !u.reused {
		return false
	}
	sent := c.written.Load() - u.before
	return sent == 0 || c.accepted.Load() == u.before && (sent <= firstRead || !c.reset.Load())
}
