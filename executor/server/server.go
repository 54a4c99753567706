// Package server is the way in: a REST and a gRPC listener in front of one
// predictor, and their orderly end.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prime-radiant/radiant/executor/certificate"
	"github.com/prime-radiant/radiant/executor/memory"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/executor/wire/http1"
	"github.com/prime-radiant/radiant/executor/wire/http2"
	"github.com/prime-radiant/radiant/executor/wire/socket"
)

// Engine answers requests.
type Engine interface {
	Predict(ctx context.Context, t protocol.Transport, m message.Message) (message.Message, error)
	Feedback(ctx context.Context, t protocol.Transport, m message.Message) (message.Message, error)
	Query(ctx context.Context, t protocol.Transport, q protocol.Query, m message.Message) (message.Message, error)
	// Repository asks a node's server for its models, or tells it to load one.
	Repository(ctx context.Context, t protocol.Transport, a protocol.Action, m message.Message) (message.Message, error)
	GraphMetadata(ctx context.Context, t protocol.Transport, m message.Message) (message.Message, error)
	// Stream answers the requests of a gRPC stream until it ends.
	Stream(ctx context.Context, method protocol.Method, client protocol.Stream) error
	// Ready reports what keeps it from answering.
	Ready(ctx context.Context) error
	// Reads reports whether it looks into what nodes answer.
	Reads() bool
}

// Options are all that a server depends on.
type Options struct {
	Engine   Engine
	Protocol *protocol.Protocol
	// Docs serves the page with the OpenAPI document; nil: there is none.
	Docs http.Handler
	// Prediction is the path that clients should ask for a prediction, for those
	// who ask elsewhere.
	Prediction string
	// Deployment and Namespace name what is served in event headers.
	Deployment, Namespace string
	// Predictor is named in the header of each answer; empty: in none.
	Predictor string
	// Host is the address to listen on; empty: all interfaces.
	Host string
	// CORSOrigins and CORSHeaders are sent as they are; with the origins "none"
	// neither is.
	CORSOrigins, CORSHeaders string
	// MaxRequestBytes bounds a message from a client, MaxGRPCBytes one over
	// gRPC.
	MaxRequestBytes, MaxGRPCBytes int64
	// AnswerHeaders says which headers of a node's answer reach the client.
	AnswerHeaders Passing
	// LeastRate is the bytes a second that a client must send or read, 0: no
	// bound. Slow, if not nil, is told of each that was cut off.
	LeastRate int64
	Slow      func()
	// Budget bounds what all messages take together, Regions hold large ones; nil
	// of either: there is none.
	Budget  *memory.Budget
	Regions *memory.Regions
	// MaxHeaderBytes bounds the header of a request, MaxStreams the requests
	// that one HTTP/2 connection has under way.
	MaxHeaderBytes, MaxStreams int
	// V1 tells of errors as Seldon Core v1 does.
	V1 bool
	// OnePort serves gRPC on the REST port too.
	OnePort bool
	// TLS, if not nil, secures the listeners.
	TLS *certificate.Pair
	// Observe, if not nil, makes the observer of an operation or method; service
	// says what it does. See [Observer].
	Observe func(t protocol.Transport, service, method string) Observer
	// Trace, if not nil, is the id of the trace that a request belongs to; empty:
	// to none.
	Trace func(ctx context.Context) string
	// Pages are served over REST besides the protocol's operations, by path.
	Pages map[string]http.Handler
	// NewPuid makes request ids.
	NewPuid func() string
	Log     *slog.Logger
	// ShutdownDelay passes between the end of Run's context and the closing of
	// the listeners; GracefulTimeout is what requests then have to finish.
	ShutdownDelay, GracefulTimeout time.Duration
}

// lend lets a pool use the memory for messages.
func (o *Options) lend(pool *message.Pool) {
	if o.Budget != nil {
		pool.Budget = o.Budget
	}
	if o.Regions != nil {
		pool.Regions = o.Regions
	}
}

// Server is listening, but not serving yet.
type Server struct {
	options  Options
	rest     net.Listener
	grpc     net.Listener
	draining *atomic.Bool
	pace     *pacer
}

// idleTimeout closes REST connections that nobody uses. It is longer than
// gateways keep theirs (nginx 60 s; Traefik, and what else is in Go, 90 s): a
// request that a gateway sends while we close its connection is lost.
const idleTimeout = 100 * time.Second

// headerTimeout bounds how long a client may take to write its headers.
const headerTimeout = 60 * time.Second

// streamWindow and connWindow are the bytes that may be under way to us in one
// request and on one HTTP/2 connection before the sender waits. With the 64 KiB
// of the standard, images take several round trips.
const (
	streamWindow = 1 << 20
	connWindow   = 4 << 20
)

// Listen opens both ports. Port 0 takes any free one. Equal ports are one,
// which serves REST and gRPC.
func Listen(httpPort, grpcPort int, o Options) (*Server, error) {
	one := httpPort == grpcPort && httpPort != 0
	o.OnePort = o.OnePort || one
	s := &Server{options: o, draining: new(atomic.Bool)}
	var restErr, grpcErr error
	s.rest, restErr = listen("REST", o.Host, httpPort)
	if !one {
		s.grpc, grpcErr = listen("gRPC", o.Host, grpcPort)
	}
	if err := errors.Join(restErr, grpcErr); err != nil {
		for _, l := range []net.Listener{s.rest, s.grpc} {
			if l != nil {
				_ = l.Close()
			}
		}
		return nil, err
	}
	s.pace = newPacer(o.LeastRate, o.Slow)
	s.rest = s.pace.listener(socket.Listener(s.rest))
	if s.grpc != nil {
		s.grpc = s.pace.listener(socket.Listener(s.grpc))
	}
	return s, nil
}

func listen(what, host string, port int) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listening for %s on port %d: %w", what, port, err)
	}
	return l, nil
}

// Addresses returns where the listeners listen.
func (s *Server) Addresses() (rest, grpc string) {
	rest = s.rest.Addr().String()
	if s.grpc == nil {
		return rest, rest
	}
	return rest, s.grpc.Addr().String()
}

// Run serves until ctx ends, then drains: it turns unready, waits the
// shutdown delay, closes the listeners and lets requests in flight finish. An
// error means that serving failed or that requests had to be cut off.
func (s *Server) Run(ctx context.Context) error {
	rest := s.restServer()
	calls := newRPC(s.options, s.draining, s.pace).wire()
	failed := make(chan error, 2)
	go func() {
		if err := rest.serve(s.secured(s.rest)); err != nil {
			failed <- fmt.Errorf("serving REST: %w", err)
		}
	}()
	if s.grpc != nil {
		go func() {
			if err := calls.Serve(s.grpc); err != nil {
				failed <- fmt.Errorf("serving gRPC: %w", err)
			}
		}()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	return errors.Join(err, s.drain(rest, calls))
}

func (s *Server) secured(l net.Listener) net.Listener {
	switch {
	case s.options.TLS == nil:
		return l
	case s.options.OnePort:
		return tls.NewListener(l, s.options.TLS.Server("h2", "http/1.1"))
	}
	return tls.NewListener(l, s.options.TLS.Server("http/1.1"))
}

// restServer serves REST: HTTP/1.1 on a wire of its own, and HTTP/2, where one
// port has both, by net/http.
type restServer struct {
	http1 *http1.Server
	// http2 gets its connections from http1; nil: there is none.
	http2  *http.Server
	handed *http1.Handover
}

func (s *Server) restServer() *restServer {
	handler := newREST(s.options, s.draining)
	h := &restServer{http1: &http1.Server{
		Handler:       handler,
		Direct:        handler.answerDirect,
		ConnContext:   pacedContext,
		HeaderBytes:   s.options.MaxHeaderBytes,
		HeaderTimeout: headerTimeout,
		IdleTimeout:   idleTimeout,
		Log:           s.options.Log,
	}}
	if !s.options.OnePort {
		return h
	}
	h.handed = http1.NewHandover(s.rest.Addr())
	h.http1.HTTP2 = h.handed.Give
	h.http2 = &http.Server{
		Handler:           onePort(handler, inflow(newRPC(s.options, s.draining, s.pace).handler(), s.options.Budget)),
		ConnContext:       pacedContext,
		IdleTimeout:       idleTimeout,
		ReadHeaderTimeout: headerTimeout,
		MaxHeaderBytes:    s.options.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
		Protocols:         new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          s.options.MaxStreams,
			MaxReceiveBufferPerConnection: connWindow,
			MaxReceiveBufferPerStream:     streamWindow,
		},
	}
	h.http2.Protocols.SetHTTP2(true)
	h.http2.Protocols.SetUnencryptedHTTP2(true)
	return h
}

// serve serves what comes to a listener until the end of the server, when its error
// is nil.
func (h *restServer) serve(l net.Listener) error {
	if h.http2 != nil {
		go func() { _ = h.http2.Serve(h.handed) }() // It ends with the other.
	}
	if err := h.http1.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (h *restServer) shutdown(ctx context.Context) error {
	if h.http2 == nil {
		return h.http1.Shutdown(ctx)
	}
	other := make(chan error, 1)
	go func() { other <- h.http2.Shutdown(ctx) }()
	return errors.Join(h.http1.Shutdown(ctx), <-other)
}

func (h *restServer) close() {
	_ = h.http1.Close()
	if h.http2 != nil {
		_ = h.http2.Close()
	}
}

// onePort gives gRPC requests to calls, and all others to rest.
func onePort(rest, calls http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && strings.HasPrefix(value(r.Header, contentType), "application/grpc") {
			calls.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// inflow has the messages of gRPC wait for memory.
func inflow(calls http.Handler, budget *memory.Budget) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = upstream.InflowBody(r.Body, budget)
		defer func() { _ = r.Body.Close() }()
		calls.ServeHTTP(w, r)
	})
}

func (s *Server) drain(rest *restServer, calls *http2.Server) error {
	s.draining.Store(true)
	s.options.Log.Info("draining", "delay", s.options.ShutdownDelay.String(), "timeout", s.options.GracefulTimeout.String())
	time.Sleep(s.options.ShutdownDelay)
	ctx, cancel := context.WithTimeout(context.Background(), s.options.GracefulTimeout)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- calls.Drain(ctx) }()
	if err := errors.Join(rest.shutdown(ctx), <-drained); err != nil {
		rest.close()
		return fmt.Errorf("requests were still in flight after the graceful timeout of %s", s.options.GracefulTimeout)
	}
	return nil
}
