package server

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/peer"

	"github.com/prime-radiant/radiant/executor/upstream"
)

// pacer cuts off clients that send or read too little. What they have under way
// is held in memory meanwhile; the kernel's buffers are not, so that what counts
// is what the client's side has acknowledged.
type pacer struct {
	// least is in bytes a second.
	least int64
	// slow is told of each connection that is cut off; it may be nil.
	slow func()

	mu      sync.Mutex
	conns   map[*pacedConn]struct{}
	running bool
}

const (
	// paceWindow is the time over which a rate counts, paceLook how often
	// connections are looked at.
	paceWindow = 10 * time.Second
	paceLook   = time.Second
)

// newPacer makes a pacer; without a rate it is nil and does nothing.
func newPacer(least int64, slow func()) *pacer {
	if least <= 0 {
		return nil
	}
	return &pacer{least: least, slow: slow, conns: map[*pacedConn]struct{}{}}
}

// listener paces the connections of l.
func (p *pacer) listener(l net.Listener) net.Listener {
	if p == nil {
		return l
	}
	return &pacedListener{l, p}
}

type pacedListener struct {
	net.Listener
	pacer *pacer
}

func (l *pacedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &pacedConn{Conn: conn, pacer: l.pacer}
	l.pacer.mu.Lock()
	l.pacer.conns[c] = struct{}{}
	if !l.pacer.running {
		l.pacer.running = true
		go l.pacer.run()
	}
	l.pacer.mu.Unlock()
	return c, nil
}

// run looks at the connections for as long as there are any.
func (p *pacer) run() {
	ticker := time.NewTicker(paceLook)
	defer ticker.Stop()
	for now := range ticker.C {
		if !p.look(now) {
			return
		}
	}
}

func (p *pacer) look(now time.Time) (more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.look(now)
	}
	p.running = len(p.conns) > 0
	return p.running
}

// pacedConn is a connection of a client's.
type pacedConn struct {
	net.Conn
	pacer *pacer
	// writing is above 0 while bytes wait to be sent, expecting while a body is
	// being read.
	writing, expecting atomic.Int32
	received, written  atomic.Int64
	// late is true once the client has sent too little.
	late     atomic.Bool
	sent, in gauge
}

// gauge is the progress of one direction in the present window.
type gauge struct {
	since time.Time
	from  int64
}

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

// look is called by one goroutine.
func (c *pacedConn) look(now time.Time) {
	writing := c.writing.Load() > 0
	sent := int64(0)
	if writing {
		sent = upstream.Acknowledged(c.Conn)
		if sent < 0 {
			sent = c.written.Load()
		}
	}
	if c.sent.tooSlow(now, writing, sent, c.pacer.least) {
		c.cut()
		if tcp, ok := c.Conn.(interface{ SetLinger(seconds int) error }); ok {
			// What the kernel still holds is not sent either.
			_ = tcp.SetLinger(0)
		}
		_ = c.Conn.Close()
	}
	if c.in.tooSlow(now, c.expecting.Load() > 0, c.received.Load(), c.pacer.least) {
		c.cut()
		c.late.Store(true)
		_ = c.SetReadDeadline(now)
	}
}

func (c *pacedConn) cut() {
	if c.pacer.slow != nil {
		c.pacer.slow()
	}
}

func (c *pacedConn) Read(p []byte) (int, error) {
	if c.late.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := c.Conn.Read(p)
	c.received.Add(int64(n))
	return n, err
}

// paceWrite is what is written at once: progress shows between.
const paceWrite = 256 << 10

func (c *pacedConn) Write(p []byte) (int, error) {
	c.writing.Add(1)
	defer c.writing.Add(-1)
	total := 0
	for {
		n, err := c.Conn.Write(p[:min(len(p), paceWrite)])
		c.written.Add(int64(n))
		total += n
		p = p[n:]
		if err != nil || len(p) == 0 {
			return total, err
		}
	}
}

// NetConn is the connection beneath, as with crypto/tls.
func (c *pacedConn) NetConn() net.Conn { return c.Conn }

// WriteBuffers writes pieces at once, where no progress needs to show between.
func (c *pacedConn) WriteBuffers(pieces *net.Buffers) (int64, error) {
	total := 0
	for _, p := range *pieces {
		total += len(p)
	}
	if total > paceWrite {
		return pieces.WriteTo(struct{ io.Writer }{c})
	}
	c.writing.Add(1)
	defer c.writing.Add(-1)
	n, err := pieces.WriteTo(c.Conn)
	c.written.Add(n)
	return n, err
}

func (c *pacedConn) Close() error {
	c.pacer.mu.Lock()
	delete(c.pacer.conns, c)
	c.pacer.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite lets net/http end an answer before it ends the connection.
func (c *pacedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

type pacedKey struct{}

// pacedContext hands a connection to its requests.
func pacedContext(ctx context.Context, conn net.Conn) context.Context {
	for {
		_, found := conn.(*pacedConn)
		over, ok := conn.(interface{ NetConn() net.Conn })
		if found || !ok {
			break
		}
		conn = over.NetConn()
	}
	if c, ok := conn.(*pacedConn); ok {
		return context.WithValue(ctx, pacedKey{}, c)
	}
	return ctx
}

// pacedOf is the connection of a request; nil: nobody looks at it.
func pacedOf(ctx context.Context) *pacedConn {
	c, _ := ctx.Value(pacedKey{}).(*pacedConn)
	return c
}

// expect says that a body is read of a connection, until gotBody is called.
func (c *pacedConn) expect() {
	if c != nil {
		c.expecting.Add(1)
	}
}

func (c *pacedConn) gotBody() {
	if c != nil {
		c.expecting.Add(-1)
	}
}

// patience ends the connection of a call when it does not take an answer of so
// many bytes in the time that they need, until done is called. HTTP/2 lets a
// client stop one answer and take others.
func (p *pacer) patience(ctx context.Context, n int64) (done func()) {
	from, ok := peer.FromContext(ctx)
	if p == nil || !ok {
		return func() {}
	}
	timer := time.AfterFunc(paceWindow+time.Duration(n/p.least)*time.Second, func() { p.end(from.Addr.String()) })
	return func() { timer.Stop() }
}

// end cuts off the client at an address.
func (p *pacer) end(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if c.RemoteAddr().String() == address {
			c.cut()
			_ = c.Conn.Close()
		}
	}
}
