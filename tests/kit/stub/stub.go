// Package stub is a component for tests: a server on real loopback sockets
// that speaks the component side of the wire protocols over HTTP and gRPC,
// gives the answers that a test prepares and remembers what it was asked.
package stub

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
)

// Call is one request that a server got, or one message of a stream of them:
// methods whose name ends in StreamInfer answer each message by one.
type Call struct {
	// GRPC is true for gRPC; Path then is the full method.
	GRPC bool
	// Method is the HTTP method.
	Method, Path string
	// Header holds HTTP headers or gRPC metadata.
	Header map[string][]string
	Body   []byte
	// Deadline is what the caller allows, over gRPC; 0: it does not say.
	Deadline time.Duration
	// Gone is closed when the caller gives up or has its answer.
	Gone <-chan struct{}
}

// Answer is what a server says.
type Answer struct {
	// Status is that of HTTP; 0 means 200.
	Status int
	// Code, Message and Details are those of gRPC.
	Code    codes.Code
	Message string
	Details []protoadapt.MessageV1
	// Compressor, if not empty, compresses the answer over gRPC; the program
	// must have registered it.
	Compressor string
	// Type is the Content-Type; empty means application/json.
	Type   string
	Header map[string]string
	// Trailer is gRPC metadata behind the answer.
	Trailer map[string]string
	Body    []byte
	// Delay passes before the answer, which is not given if the caller gives
	// up meanwhile.
	Delay time.Duration
	// Hang never answers.
	Hang bool
	// Cut closes the connection in the middle of an HTTP answer.
	Cut bool
}

// Handler makes an answer of a call.
type Handler func(c Call) Answer

// Server is a component that listens.
type Server struct {
	// HTTP and GRPC are the addresses, host:port.
	HTTP, GRPC string

	http  *http.Server
	grpc  *grpc.Server
	serve sync.WaitGroup

	// opened counts connections over HTTP.
	opened atomic.Int64

	mu       sync.Mutex
	handlers map[string]Handler
	fallback Handler
	before   func(c Call) (a Answer, answered bool)
	calls    []Call
	arrived  chan struct{}
}

// Start listens on two addresses; ":0" or "127.0.0.1:0" take a free port.
func Start(httpAddress, grpcAddress string) (*Server, error) {
	h, err := net.Listen("tcp", httpAddress)
	if err != nil {
		return nil, err
	}
	g, err := net.Listen("tcp", grpcAddress)
	if err != nil {
		_ = h.Close()
		return nil, err
	}
	s := &Server{HTTP: h.Addr().String(), GRPC: g.Addr().String(), handlers: map[string]Handler{}, arrived: make(chan struct{})}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serveHTTP), ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.opened.Add(1)
		}
	}}
	s.grpc = grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}), grpc.UnknownServiceHandler(s.serveGRPC), grpc.MaxRecvMsgSize(1<<30))
	s.serve.Go(func() { _ = s.http.Serve(h) })
	s.serve.Go(func() { _ = s.grpc.Serve(g) })
	return s, nil
}

// Opened returns how many connections have been opened over HTTP.
func (s *Server) Opened() int { return int(s.opened.Load()) }

// Close stops the server at once, calls under way included.
func (s *Server) Close() {
	_ = s.http.Close()
	s.grpc.Stop()
	s.serve.Wait()
}

// Handle answers a path or full gRPC method by h.
func (s *Server) Handle(path string, h Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[path] = h
}

// On answers a path or full gRPC method always the same.
func (s *Server) On(path string, a Answer) { s.Handle(path, func(Call) Answer { return a }) }

// Before lets f see each call first, which may answer it.
func (s *Server) Before(f func(c Call) (a Answer, answered bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// Otherwise answers all other paths by h.
func (s *Server) Otherwise(h Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fallback = h
}

// Calls returns what arrived so far, in order.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Await returns the first n calls once they have arrived.
func (s *Server) Await(ctx context.Context, n int) ([]Call, error) {
	for {
		s.mu.Lock()
		calls, arrived := s.calls, s.arrived
		s.mu.Unlock()
		if len(calls) >= n {
			return calls[:n], nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return calls, ctx.Err()
		}
	}
}

// Reset forgets the calls.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

func (s *Server) answer(c Call) Answer {
	s.mu.Lock()
	s.calls = append(s.calls, c)
	close(s.arrived)
	s.arrived = make(chan struct{})
	before := s.before
	h := s.handlers[c.Path]
	if h == nil {
		h = s.fallback
	}
	s.mu.Unlock()
	if before != nil {
		if a, answered := before(c); answered {
			return given(c, a)
		}
	}
	if h == nil {
		return Answer{Status: http.StatusNotFound, Type: "text/plain", Body: []byte("no such path\n"), Code: codes.Unimplemented, Message: "no such method"}
	}
	return given(c, h(c))
}

// given is an answer at its time.
func given(c Call, a Answer) Answer {
	if a.Hang {
		<-c.Gone
	}
	if a.Delay > 0 {
		select {
		case <-time.After(a.Delay):
		case <-c.Gone:
		}
	}
	return a
}

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	a := s.answer(Call{Method: r.Method, Path: r.URL.EscapedPath(), Header: maps.Clone(r.Header), Body: body, Gone: r.Context().Done()})
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	if a.Type == "" {
		a.Type = "application/json"
	}
	w.Header().Set("Content-Type", a.Type)
	if a.Cut {
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write(a.Body)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = w.Write(a.Body)
}

func (s *Server) serveGRPC(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var in raw
	if err := stream.RecvMsg(&in); err != nil {
		return err
	}
	md, _ := metadata.FromIncomingContext(stream.Context())
	for strings.HasSuffix(method, "StreamInfer") {
		a := s.answer(Call{GRPC: true, Path: method, Header: md, Body: in, Deadline: left(stream.Context()), Gone: stream.Context().Done()})
		if a.Code != codes.OK {
			return status.Error(a.Code, a.Message)
		}
		out := raw(a.Body)
		if err := errors.Join(stream.SendMsg(&out), stream.RecvMsg(&in)); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
	a := s.answer(Call{GRPC: true, Path: method, Header: md, Body: in, Deadline: left(stream.Context()), Gone: stream.Context().Done()})
	if err := stream.Context().Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	if err := errors.Join(grpc.SetHeader(stream.Context(), metadata.New(a.Header)), grpc.SetTrailer(stream.Context(), metadata.New(a.Trailer))); err != nil {
		return err
	}
	if a.Code != codes.OK {
		s, err := status.New(a.Code, a.Message).WithDetails(a.Details...)
		if err != nil {
			return err
		}
		return s.Err()
	}
	if a.Compressor != "" {
		if err := grpc.SetSendCompressor(stream.Context(), a.Compressor); err != nil {
			return err
		}
	}
	out := raw(a.Body)
	return errors.Join(stream.SendMsg(&out))
}

// left is the time to a context's deadline.
func left(ctx context.Context) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		return time.Until(end)
	}
	return 0
}
