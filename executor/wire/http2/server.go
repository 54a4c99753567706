package http2

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"github.com/prime-radiant/radiant/executor/memory"
	"github.com/prime-radiant/radiant/executor/message"
)

// Options are what a server depends on.
type Options struct {
	// Unary returns what answers a unary method by its path; nil: it is none.
	Unary func(path string) Unary
	// Other answers all other methods: those that stream, and those that are not
	// served.
	Other http.Handler
	// MaxMessage is the largest message that is taken, in bytes, packed or not;
	// MaxHeader bounds a header, and MaxStreams the calls that a connection has
	// under way.
	MaxMessage            int64
	MaxHeader, MaxStreams uint32
	// Pool lends the memory of messages, which are taken of the Budget before
	// they come. Nil: nothing bounds them.
	Pool   *message.Pool
	Budget *memory.Budget
	// LeastRate is the bytes a second that a client must send of a message or
	// take of an answer, 0: no bound. Slow, if not nil, is told of each call that
	// is ended for it.
	LeastRate int64
	Slow      func()
	// TLS, if not nil, secures the connections.
	TLS *tls.Config
	// Panicked is told what Other panicked with, but for [http.ErrAbortHandler],
	// which breaks off an answer and is no fault; nil: the panic goes on.
	Panicked func(value any)
}

// Unary answers a call whose message has come. What it returns must not change
// before the call's lease is given back, which the server does.
type Unary func(ctx context.Context, c *Call) Answer

// Answer is what a call is answered by.
type Answer struct {
	// Header and Trailer are fields that the client gets beside gRPC's own.
	Header, Trailer []Field
	// Message is the answer in any number of pieces, if Status is OK.
	Message [][]byte
	Status  Status
}

// Server serves gRPC on connections of HTTP/2.
type Server struct {
	options Options
	crew    *crew

	mu       sync.Mutex
	conns    map[*serverConn]struct{}
	listener net.Listener
	draining bool
	looking  bool
	// gone is told whenever a connection has ended.
	gone chan struct{}
}

// NewServer makes a server.
func NewServer(o Options) *Server {
	return &Server{options: o, crew: newCrew(), conns: map[*serverConn]struct{}{}, gone: make(chan struct{}, 1)}
}

// Serve takes connections until the listener fails, or until [Server.Drain],
// which is no error.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.listener = l
	if s.draining {
		_ = l.Close()
	}
	s.mu.Unlock()
	for {
		conn, err := l.Accept()
		if err == nil {
			go s.serve(conn)
			continue
		}
		s.mu.Lock()
		draining := s.draining
		s.mu.Unlock()
		if draining {
			return nil
		}
		var temporary interface{ Temporary() bool }
		if !errors.As(err, &temporary) || !temporary.Temporary() {
			return err
		}
		time.Sleep(acceptPause)
	}
}

// acceptPause is waited when there are too many open files.
const acceptPause = 50 * time.Millisecond

// serve serves one connection to its end.
func (s *Server) serve(to net.Conn) {
	secured, err := s.secure(to)
	if err != nil {
		_ = to.Close()
		return
	}
	c := &serverConn{server: s}
	c.begins = true
	c.init(secured, limits{MaxMessage: s.options.MaxMessage, MaxHeader: s.options.MaxHeader, Budget: s.options.Budget}, c)
	if !s.add(c) {
		_ = to.Close()
		return
	}
	defer s.remove(c)
	if err := c.greet(); err != nil {
		c.mu.Lock()
		c.end(err)
		c.mu.Unlock()
		return
	}
	_ = c.read()
	c.settle()
}

func (s *Server) secure(to net.Conn) (net.Conn, error) {
	if s.options.TLS == nil {
		return to, nil
	}
	secured := tls.Server(to, s.options.TLS)
	ctx, cancel := context.WithTimeout(context.Background(), headerTimeout)
	defer cancel()
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if p := secured.ConnectionState().NegotiatedProtocol; p != http2.NextProtoTLS {
		return nil, fmt.Errorf("the client speaks %q", p)
	}
	return secured, nil
}

func (s *Server) add(c *serverConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.conns[c] = struct{}{}
	if !s.looking {
		s.looking = true
		go s.look()
	}
	return true
}

func (s *Server) remove(c *serverConn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	select {
	case s.gone <- struct{}{}:
	default:
	}
}

func (s *Server) all() []*serverConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*serverConn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}

// lookInterval is how often calls are looked at that may be slow.
const lookInterval = time.Second

// look looks at the calls under way, for as long as there are connections.
func (s *Server) look() {
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for now := range ticker.C {
		for _, c := range s.all() {
			c.look(now)
		}
		s.mu.Lock()
		if s.looking = len(s.conns) > 0; !s.looking {
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
	}
}

// Drain takes no more connections, tells clients to make others elsewhere, and
// waits until all calls are answered, or until ctx ends, which is an error: what
// is still under way is cut off then.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	if !s.draining {
		defer close(s.crew.over)
	}
	s.draining = true
	if s.listener != nil {
		_ = s.listener.Close()
	}
	s.mu.Unlock()
	for _, c := range s.all() {
		c.drain()
	}
	for {
		all := s.all()
		if len(all) == 0 {
			return nil
		}
		select {
		case <-s.gone:
		case <-ctx.Done():
			for _, c := range all {
				c.mu.Lock()
				c.end(ctx.Err())
				c.mu.Unlock()
				_ = c.net.Close()
			}
			return ctx.Err()
		}
	}
}

// serverConn is a client's connection.
type serverConn struct {
	conn
	server *Server
	// latest is the last stream that the client began, active how many calls are
	// under way.
	latest uint32
	active uint32
	// early are streams that were ended here before the client had said all: what
	// still comes of them is no fault. It holds the last few.
	early [64]uint32
	next  int
	// leaving is true once the client was told to go, final once it has seen that.
	leaving, final bool
}

// drainPing is the ping whose answer says that the client knows to begin no more
// streams.
func drainPing() [8]byte { return [...]byte{'d', 'r', 'a', 'i', 'n', 'i', 'n', 'g'} }

// greet exchanges prefaces.
func (c *serverConn) greet() error {
	c.patience(headerTimeout)
	c.mu.Lock()
	_ = c.frames.WriteSettings(
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: c.server.options.MaxStreams},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: c.limits.MaxHeader})
	c.windowUpdate(0, connWindow-initialWindow)
	c.kick()
	c.mu.Unlock()
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(&c.in, preface); err != nil {
		return err
	}
	if string(preface) != http2.ClientPreface {
		return errors.New("the client does not speak HTTP/2")
	}
	head, err := c.in.Peek(frameHead)
	if err != nil {
		return err
	}
	if http2.FrameType(head[3]) != http2.FrameSettings {
		c.mu.Lock()
		_ = c.frames.WriteGoAway(0, http2.ErrCodeProtocol, nil)
		c.mu.Unlock()
		return errors.New("the client does not begin with its settings")
	}
	c.patience(0)
	return nil
}

// frameHead is the size of the head of a frame.
const frameHead = 9

// settle waits until what was sent last is with the kernel.
func (c *serverConn) settle() {
	c.mu.Lock()
	for c.flushing {
		c.wait()
	}
	c.mu.Unlock()
}

// lingering is how long a client has to hear that it is to go, and to go when all
// of its calls are answered. Who closes a connection with bytes unread has the
// kernel take back what was sent last; so it is the client that closes.
const lingering = time.Second

// drain tells the client to begin no more streams.
func (c *serverConn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving || c.err != nil {
		return
	}
	c.leaving = true
	_ = c.frames.WriteGoAway(largestWindow, http2.ErrCodeNo, nil)
	_ = c.frames.WritePing(false, drainPing())
	c.kick()
	time.AfterFunc(lingering, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.acknowledged(drainPing())
		c.kick()
	})
}

// acknowledged says which stream is the last one when the client has heard that
// it is to go: none that it began before is lost.
func (c *serverConn) acknowledged(data [8]byte) {
	if !c.leaving || c.final || data != drainPing() || c.err != nil {
		return
	}
	c.final = true
	_ = c.frames.WriteGoAway(c.latest, http2.ErrCodeNo, nil)
	c.quiet()
}

// quiet gives a client that is to go the time for it when nothing is under way.
func (c *serverConn) quiet() {
	if c.final && c.active == 0 && c.err == nil {
		c.hurried = true
		_ = c.net.SetReadDeadline(time.Now().Add(lingering))
	}
}

func (c *serverConn) look(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.kick()
	least := c.server.options.LeastRate
	for _, s := range c.streams {
		s.look()
		call := s.owner.(*Call)
		if !s.in.done && call.ctx.Err() != nil {
			call.refused(statusf(deadlineExceeded, "the time of the call is over"))
			continue
		}
		coming := s.in.begun() && !s.in.done && !s.in.parked
		switch {
		case least <= 0:
		case s.in.pace.tooSlow(now, coming, s.in.received, least):
			call.slow()
			call.refused(statusf(deadlineExceeded, "the request body comes too slowly"))
		case s.pace.tooSlow(now, s.sending && s.body == nil, s.out, least):
			call.slow()
			c.reset(s.id, http2.ErrCodeCancel)
		}
	}
}
