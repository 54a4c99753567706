package http1

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// preface is what a client of HTTP/2 begins with.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

const (
	// lastWait is how long an idle connection is heard when the server ends: a
	// request that was under way then is answered.
	// lastHandshake is what agreeing on TLS may take then.
	lastWait      = 50 * time.Millisecond
	lastHandshake = time.Second
	// refreshed is the part of its time by which an idle connection may be ended
	// earlier, so that its deadline is not set anew for each request.
	refreshed = 20
	// mostDiscarded is what is read of a body that the handler left, to use the
	// connection again, within discardTime.
	mostDiscarded = 256 << 10
	discardTime   = 5 * time.Second
	// lingerPause is how long an ended connection is heard while nothing comes,
	// lingerTime how long altogether: it would else be reset, and the client might
	// not see the answer.
	lingerPause = 500 * time.Millisecond
	lingerTime  = 30 * time.Second
	// mostSkipped is how many line ends are passed over that old clients send behind
	// the body of a POST.
	mostSkipped = 2
	// refusalTime bounds the writing of a refusal.
	refusalTime = 5 * time.Second
)

// conn is a connection of a client's.
type conn struct {
	server *Server
	raw    net.Conn
	tls    *tls.ConnectionState
	remote string
	base   context.Context
	in     buffer
	quiet  quiet
	head   head
	// body is that of the present request; nil: it has none.
	body  *body
	watch watch
	// present is the context of the present request.
	present *requestContext
	// direct is what the server's Direct gets; nil: it has been kept by somebody, or
	// none has been needed yet.
	direct *Exchange
	// begun is true once the present request's answer has a head.
	begun atomic.Bool
	// failed is set when a write has failed.
	failed atomic.Bool
	// deadline is that of reads; zero: there is none, or nobody knows.
	deadline time.Time
	idle     atomic.Bool
	// shaking is true while TLS is agreed on, discarding while a body is read that
	// nobody wants.
	shaking    atomic.Bool
	discarding bool
	// writing is held while bytes go out.
	writing sync.Mutex
	posted  bool
}

func newConn(s *Server, raw net.Conn) *conn {
	c := &conn{server: s, raw: raw}
	c.watch.c = c
	return c
}

// serve answers the requests of a connection until it ends.
func (c *conn) serve() {
	defer c.server.forget(c)
	handed := false
	defer func() {
		if v := recover(); v != nil {
			c.server.debug("panic", "client", c.remote, "value", v, "stack", string(debug.Stack()))
		}
		if !handed {
			_ = c.raw.Close()
		}
	}()
	c.remote = c.raw.RemoteAddr().String()
	ctx := context.WithValue(context.Background(), http.ServerContextKey, &http.Server{Handler: c.server.Handler}) //nolint:gosec // It serves nothing: net/http/httputil looks whether there is one.
	if c.server.ConnContext != nil {
		ctx = c.server.ConnContext(ctx, c.raw)
	}
	c.base = ctx
	c.setDeadline(c.server.HeaderTimeout)
	if secured, ok := c.raw.(*tls.Conn); ok {
		if handed, ok = c.handshake(secured); handed || !ok {
			return
		}
	}
	c.in = buffer{from: c.raw}
	c.quiet.look(c.raw)
	if !c.wait(c.server.HeaderTimeout) {
		return
	}
	if handed = c.startsHTTP2(); handed {
		c.server.HTTP2(&replayed{Conn: c.raw, first: c.in.b[c.in.r:c.in.w]})
		return
	}
	for c.next() && c.wait(c.server.IdleTimeout) {
	}
}

// handshake agrees on TLS. handed is true if the client wants HTTP/2.
func (c *conn) handshake(secured *tls.Conn) (handed, ok bool) {
	c.shaking.Store(true)
	if c.server.ending.Load() {
		c.wake()
	}
	err := secured.Handshake()
	c.shaking.Store(false)
	if err != nil {
		var plain tls.RecordHeaderError
		if errors.As(err, &plain) && plain.Conn != nil {
			_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
			_ = plain.Conn.Close()
		}
		c.server.debug("TLS", "client", c.remote, "error", err.Error())
		return false, false
	}
	state := secured.ConnectionState()
	c.tls = &state
	if state.NegotiatedProtocol == "h2" && c.server.HTTP2 != nil {
		_ = secured.SetReadDeadline(time.Time{})
		c.server.HTTP2(secured)
		return true, true
	}
	return false, true
}

// startsHTTP2 reports whether a connection begins with the preface of HTTP/2, and
// somebody takes it then.
func (c *conn) startsHTTP2() bool {
	if c.server.HTTP2 == nil || c.tls != nil {
		return false
	}
	for {
		came := c.in.b[c.in.r:c.in.w]
		n := min(len(came), len(preface))
		if string(came[:n]) != preface[:n] {
			return false
		}
		if n == len(preface) {
			_ = c.raw.SetReadDeadline(time.Time{})
			return true
		}
		if c.in.fill(readSize) != nil {
			return false
		}
	}
}

// replayed is a connection of which some bytes have been read already.
type replayed struct {
	net.Conn
	first []byte
}

// NetConn is the connection beneath, as with [tls.Conn].
func (r *replayed) NetConn() net.Conn { return r.Conn }

// Read implements [net.Conn].
func (r *replayed) Read(p []byte) (int, error) {
	if len(r.first) > 0 {
		n := copy(p, r.first)
		r.first = r.first[n:]
		return n, nil
	}
	return r.Conn.Read(p)
}

// next answers one request, of which something has come. It reports whether the
// connection can take another.
func (c *conn) next() bool {
	if err := c.readHead(); err != nil {
		c.refuse(err)
		return false
	}
	if c.head.unexpected {
		c.refuse(&refusal{http.StatusExpectationFailed, "unknown expectation"})
		return false
	}
	return c.handle()
}

// readHead reads the head of a request and begins its body.
func (c *conn) readHead() error {
	c.head.reset()
	most := c.server.HeaderBytes + slack
	waited, skipped := false, 0
	for at := 0; ; {
		if !waited && bytes.IndexByte(c.in.b[c.in.r+at:c.in.w], '\n') < 0 {
			// The rest of the head has so long from here.
			waited = true
			c.setDeadline(c.server.HeaderTimeout)
		}
		line, next, err := c.in.line(at, most)
		switch {
		case errors.Is(err, errLong):
			return &refusal{http.StatusRequestHeaderFieldsTooLarge, "request header is too large"}
		case errors.Is(err, errBare):
			return bad(err.Error())
		case err != nil:
			return err
		}
		var refused *refusal
		switch {
		case at == 0 && len(line) == 0 && c.posted && skipped < mostSkipped:
			c.in.r += next
			skipped++
			continue
		case at == 0:
			refused = c.head.line(line)
		case len(line) == 0:
			c.head.size = next
			refused = c.head.end()
		default:
			refused = c.head.field(line, at)
		}
		if refused != nil {
			return refused
		}
		if c.head.size > 0 {
			return nil
		}
		at = next
	}
}

// refuse tells a client why its request is not answered, if it is still there,
// and ends the connection.
func (c *conn) refuse(err error) {
	var refused *refusal
	if !errors.As(err, &refused) {
		return
	}
	c.server.debug("refused", "client", c.remote, "reason", refused.reason)
	status := strconv.Itoa(refused.status) + " " + http.StatusText(refused.status)
	text := status
	if refused.status == http.StatusBadRequest {
		text += ": " + refused.reason
	}
	_ = c.raw.SetWriteDeadline(time.Now().Add(refusalTime))
	_, err = fmt.Fprintf(c.raw, "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, len(text), text)
	if err == nil {
		c.linger()
	}
}

// wait waits for the next request, for so long. It reports whether something of it
// has come.
func (c *conn) wait(atMost time.Duration) bool {
	c.in.shrink()
	if c.in.buffered() > 0 {
		return true
	}
	if left := time.Until(c.deadline); c.deadline.IsZero() || left < atMost-atMost/refreshed || left > atMost {
		c.setDeadline(atMost)
	}
	c.idle.Store(true)
	err := error(nil)
	if !c.server.ending.Load() {
		err = c.first()
	}
	c.idle.Store(false)
	if c.in.buffered() == 0 && c.server.ending.Load() && !errors.Is(err, io.EOF) {
		c.setDeadline(lastWait)
		err = c.first()
	}
	return err == nil && c.in.buffered() > 0
}

// first reads what comes first of a request. While nothing comes, the connection
// has no buffer, where the system lets it wait without one.
func (c *conn) first() error {
	if c.quiet.raw == nil {
		if c.in.b == nil {
			c.in.b = make([]byte, readSize)
		}
		return c.in.fill(readSize)
	}
	if len(c.in.b) == readSize {
		c.server.ins.Put((*[readSize]byte)(c.in.b))
	}
	c.in.b, c.in.r, c.in.w = nil, 0, 0
	err := c.quiet.wait(&c.in, &c.server.ins)
	if c.in.b == nil {
		c.in.b = make([]byte, readSize)
	}
	return err
}

// wake ends the wait of an idle connection, and bounds a handshake. The server calls it once it is
// ending.
func (c *conn) wake() {
	if c.shaking.Load() {
		_ = c.raw.SetDeadline(time.Now().Add(lastHandshake))
	} else if c.idle.Load() {
		_ = c.raw.SetReadDeadline(longAgo)
	}
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// setDeadline bounds reads from now on; 0: nothing does.
func (c *conn) setDeadline(after time.Duration) {
	c.deadline = time.Time{}
	if after > 0 {
		c.deadline = time.Now().Add(after)
	}
	_ = c.raw.SetReadDeadline(c.deadline)
}

// openBody takes the head's deadline off: bodies have none of their own but for
// those that nobody wants.
func (c *conn) openBody() {
	if !c.deadline.IsZero() && !c.discarding {
		c.setDeadline(0)
	}
}

// readBody reads a part of a body.
func (c *conn) readBody(p []byte) (int, error) {
	if c.in.buffered() == 0 {
		c.openBody()
	}
	return c.in.read(p)
}

// interrupt ends a read that another goroutine waits in.
func (c *conn) interrupt() { _ = c.raw.SetReadDeadline(longAgo) }

// askForBody tells a client to send the body that it has announced.
func (c *conn) askForBody() {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.body.expect.Swap(false) && !c.begun.Load() {
		_, err := io.WriteString(c.raw, "HTTP/1.1 100 Continue\r\n\r\n")
		c.wrote(err)
	}
}

// wrote notes the end of a write.
func (c *conn) wrote(err error) {
	if err != nil && !c.failed.Swap(true) && c.present != nil {
		c.present.end()
	}
}

// linger ends the answers of a connection and hears what the client still sends,
// so that it sees the last answer.
func (c *conn) linger() {
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	out := c.server.out()
	defer c.server.outs.Put(out)
	for end := time.Now().Add(lingerTime); time.Now().Before(end); {
		until := time.Now().Add(lingerPause)
		_ = c.raw.SetReadDeadline(until)
		if _, err := c.raw.Read((*out)[:cap(*out)]); err != nil {
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				// It may have been cut off before its time.
				time.Sleep(time.Until(until))
			}
			return
		}
	}
}
