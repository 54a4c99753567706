package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/prime-radiant/radiant/executor/wire/socket"
)

// Pool keeps connections to one server, for one request at a time each.
type Pool struct {
	// Dial makes a connection.
	Dial func(ctx context.Context) (net.Conn, error)
	// HeaderBytes bounds the head of an answer.
	HeaderBytes int
	// MaxIdle bounds the connections that are kept while nobody uses them,
	// IdleTimeout how long.
	MaxIdle     int
	IdleTimeout time.Duration

	mu sync.Mutex
	// idle are in the order in which they were given back.
	idle   []*Conn
	sweeps *time.Timer
	closed bool
}

// Conn is a connection to a server.
type Conn struct {
	// Raw is what Dial made. Reused is true if it has had a request before.
	Raw    net.Conn
	Reused bool

	pool  *Pool
	in    buffer
	out   []byte
	since time.Time
	// timed is true while the connection has a deadline.
	timed  bool
	answer Answer
	// interrupt ends what waits for the connection.
	interrupt func()
	peek      peeker
}

// Take is a connection for one request: the one that was used last, or a new one.
func (p *Pool) Take(ctx context.Context) (*Conn, error) {
	for {
		c := p.last()
		if c == nil {
			return p.Fresh(ctx)
		}
		if c.peek.quiet() && time.Since(c.since) < p.IdleTimeout {
			return c, nil
		}
		// The server has closed it, is about to, or says what nobody has asked.
		_ = c.Raw.Close()
	}
}

// Fresh is a new connection for one request.
func (p *Pool) Fresh(ctx context.Context) (*Conn, error) {
	raw, err := p.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &Conn{Raw: raw, pool: p, in: buffer{from: raw, b: make([]byte, readSize)}}
	c.interrupt = func() { _ = raw.SetDeadline(longAgo) }
	c.peek.look(raw)
	return c, nil
}

func (p *Pool) last() *Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	c := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	return c
}

// keep takes a connection back whose answer has been read.
func (p *Pool) keep(c *Conn) {
	c.Reused = true
	c.since = time.Now()
	c.in.shrink()
	if cap(c.out) > 2*outSize {
		c.out = nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.MaxIdle {
		_ = c.Raw.Close()
		return
	}
	p.idle = append(p.idle, c)
	if p.sweeps == nil {
		p.sweeps = time.AfterFunc(p.IdleTimeout/2, p.sweep)
	}
}

// sweep closes connections that nobody has used for a while, and those that their
// server has closed.
func (p *Pool) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.idle[:0]
	for _, c := range p.idle {
		if time.Since(c.since) < p.IdleTimeout && c.peek.quiet() {
			kept = append(kept, c)
		} else {
			_ = c.Raw.Close()
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	if len(kept) == 0 || p.closed {
		p.sweeps = nil
		return
	}
	p.sweeps.Reset(p.IdleTimeout / 2)
}

// Close ends the connections that nobody uses, and keeps no more.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		_ = c.Raw.Close()
	}
	p.idle = nil
}

// peeker looks whether something has come on a connection that nobody reads.
type peeker struct {
	raw  syscall.RawConn
	read func(fd uintptr)
	came bool
	// secured may have what came with an answer, and has not been read; nil: there is
	// no TLS.
	secured *tls.Conn
	one     [1]byte
}

// look prepares for a connection, or what is beneath one of TLS. One of a kind that it does not know is taken to
// be quiet.
func (p *peeker) look(conn net.Conn) {
	p.secured, _ = conn.(*tls.Conn)
	for {
		over, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = over.NetConn()
	}
	if system, ok := conn.(syscall.Conn); ok {
		p.raw, _ = system.SyscallConn()
	}
	p.read = func(fd uintptr) { p.came = !socket.Quiet(fd) }
}

// quiet reports whether nothing has come: no byte, and no end.
func (p *peeker) quiet() bool {
	if p.raw != nil && (p.raw.Control(p.read) != nil || p.came) {
		return false
	}
	return p.secured == nil || p.unpacked()
}

// unpacked reports whether all has been read that TLS has of the connection.
func (p *peeker) unpacked() bool {
	_ = p.secured.SetReadDeadline(longAgo)
	_, err := p.secured.Read(p.one[:])
	_ = p.secured.SetReadDeadline(time.Time{})
	return errors.Is(err, os.ErrDeadlineExceeded)
}
