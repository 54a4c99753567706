// Package http1 is HTTP/1.1 on the wire: a strict reader of requests over a
// connection's own buffer, and the writing of answers. It knows bytes, limits and
// deadlines, and nothing of payloads or graphs.
//
// Each connection has one goroutine, which reads, answers and waits for the next
// request. A request whose extent two readers could see differently is refused,
// and its connection ends: head.go says which these are.
package http1

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves HTTP/1.1, and HTTP/1.0, on listeners. Its exported fields are set
// before [Server.Serve] is called.
type Server struct {
	// Handler answers requests.
	Handler http.Handler
	// Direct, if not nil, is shown requests of the usual form first, see [Exchange].
	// It reports false of one that Handler is to answer, and has not touched it
	// then.
	Direct func(x *Exchange) bool
	// HTTP2 takes the connections of clients that begin with the preface of
	// HTTP/2, or have agreed on it by TLS; nil: they are refused. It returns at
	// once.
	HTTP2 func(conn net.Conn)
	// ConnContext makes the context of a connection's requests; nil: it is the
	// background's.
	ConnContext func(ctx context.Context, conn net.Conn) context.Context
	// HeaderBytes bounds the head of a request; a little more is let through.
	HeaderBytes int
	// HeaderTimeout bounds the time that a head takes from its first byte, and the
	// first head of a connection altogether. IdleTimeout ends connections on
	// which nothing comes.
	HeaderTimeout, IdleTimeout time.Duration
	// Log is told at its debug level of clients' errors and handlers' panics; nil:
	// nobody is.
	Log *slog.Logger

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	// emptied is closed when the last connection of an ending server has gone.
	emptied chan struct{}
	ending  atomic.Bool
	date    atomic.Pointer[date]
	// outs and ins are buffers that nobody uses.
	outs, ins sync.Pool
}

// Serve accepts connections until [Server.Shutdown] or [Server.Close] is called,
// and returns [http.ErrServerClosed] then.
func (s *Server) Serve(l net.Listener) error {
	if !s.listening(l) {
		_ = l.Close()
		return http.ErrServerClosed
	}
	pause := time.Duration(0)
	for {
		raw, err := l.Accept()
		var temporary interface{ Temporary() bool }
		switch {
		case err == nil:
			pause = 0
			s.accept(raw)
		case s.ending.Load():
			return http.ErrServerClosed
		case errors.As(err, &temporary) && temporary.Temporary():
			// Too many open files, for one.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.debug("accepting", "error", err.Error())
			time.Sleep(pause)
		default:
			return err
		}
	}
}

// listening takes a listener in, unless the server is ending.
func (s *Server) listening(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending.Load() {
		return false
	}
	if s.listeners == nil {
		s.listeners = map[net.Listener]struct{}{}
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) accept(raw net.Conn) {
	c := newConn(s, raw)
	s.mu.Lock()
	if s.conns == nil {
		s.conns = map[*conn]struct{}{}
	}
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	go c.serve()
}

// forget is called when a connection has ended, or has been handed on.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) == 0 && s.emptied != nil {
		close(s.emptied)
		s.emptied = nil
	}
}

// Shutdown closes the listeners and lets requests in flight be answered. It
// returns when the last connection has ended, or with the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	emptied := s.end()
	select {
	case <-emptied:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end begins the end. The channel that it returns is closed when no connection
// is left.
func (s *Server) end() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending.Store(true)
	for l := range s.listeners {
		_ = l.Close()
	}
	for c := range s.conns {
		c.wake()
	}
	if s.emptied == nil {
		s.emptied = make(chan struct{})
	}
	emptied := s.emptied
	if len(s.conns) == 0 {
		close(emptied)
		s.emptied = nil
	}
	return emptied
}

// Close ends all connections at once.
func (s *Server) Close() error {
	s.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.raw.Close()
	}
	return nil
}

func (s *Server) debug(text string, about ...any) {
	if s.Log != nil {
		s.Log.Debug(text, about...)
	}
}

// date is the value of the header Date for one second.
type date struct {
	second int64
	text   string
}

func (s *Server) dateNow() string {
	now := time.Now()
	if d := s.date.Load(); d != nil && d.second == now.Unix() {
		return d.text
	}
	d := &date{now.Unix(), now.UTC().Format(http.TimeFormat)}
	s.date.Store(d)
	return d.text
}

// out is a buffer for what is sent.
func (s *Server) out() *[]byte {
	if old, ok := s.outs.Get().(*[]byte); ok {
		return old
	}
	b := make([]byte, 0, outSize)
	return &b
}
