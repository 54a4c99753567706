package conformance

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/wire/http2"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// TestInterop has gRPC's own client for tests of interoperation call gRPC's own
// server for them through both halves of the executor's wire, as a node is
// called; the methods are none of a predictor's. Streams take the way of streams,
// to a handler of net/http.
func TestInterop(t *testing.T) {
	client, server := tools.Path(t, "grpc-interop-client"), tools.Path(t, "grpc-interop-server")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	behind := free.Addr().String()
	_ = free.Close()
	_, port, _ := net.SplitHostPort(behind)
	c := exec.CommandContext(t.Context(), server, "--port", port)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	for range 400 {
		conn, err := net.Dial("tcp", behind)
		if err == nil {
			_ = conn.Close()
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := passing(behind)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Drain(ctx)
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	host, port, _ := net.SplitHostPort(l.Addr().String())
	for _, name := range []string{
		"empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
		"timeout_on_sleeping_server", "cancel_after_begin", "cancel_after_first_response",
		"custom_metadata", "status_code_and_message", "special_status_message", "unimplemented_method", "unimplemented_service",
	} {
		t.Run(name, func(t *testing.T) {
			out, err := exec.CommandContext(soon(t), client, "--server_host", host, "--server_port", port, "--test_case", name).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// passing passes calls on to an address.
func passing(to string) *http2.Server {
	forward := http2.NewClient(http2.ClientOptions{
		Address: to, MaxMessage: 4 << 20, MaxHeader: 16 << 10, Agent: "test",
		Dial: func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", to) },
	})
	unary := func(ctx context.Context, c *http2.Call) http2.Answer {
		reply, refused := forward.Call(ctx, &http2.Request{Path: c.Path, Fields: c.Fields, Message: [][]byte{c.Message}, Lease: c.Lease})
		if refused != nil {
			return http2.Answer{Status: *refused}
		}
		return http2.Answer{Header: reply.Header, Trailer: reply.Trailer, Message: [][]byte{reply.Message}}
	}
	return http2.NewServer(http2.Options{
		MaxMessage: 4 << 20, MaxHeader: 16 << 10, MaxStreams: 100, Pool: &message.Pool{}, Other: relaying(to),
		Unary: func(path string) http2.Unary {
			if strings.HasSuffix(path, "/EmptyCall") || strings.HasSuffix(path, "/UnaryCall") || strings.HasSuffix(path, "/UnimplementedCall") {
				return unary
			}
			return nil
		},
	})
}

// relaying relays streams to an address.
func relaying(to string) http.Handler {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme, r.URL.Host, r.RequestURI = "http", to, ""
		answer, err := transport.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = answer.Body.Close() }()
		maps.Copy(w.Header(), answer.Header)
		if answer.Header.Get("Grpc-Status") != "" {
			return // It is all of the answer.
		}
		w.(http.Flusher).Flush()
		if _, err := io.Copy(w, answer.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		for name, values := range answer.Trailer {
			w.Header()[http.TrailerPrefix+name] = values
		}
	})
}
