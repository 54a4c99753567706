package http2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/executor/memory"
	"github.com/prime-radiant/radiant/executor/message"
)

// raw is a message as bytes.
type raw []byte

type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*raw))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*raw) = data.Materialize()
	return nil
}

const special = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001F608 100% 5%4"

// answered is what the tests' servers do by the name of a method.
func answered(ctx context.Context, method string, body []byte) ([]byte, codes.Code, string) {
	switch method {
	case "/t.T/Echo":
		return body, 0, ""
	case "/t.T/Fail":
		return nil, codes.Aborted, special
	case "/t.T/Hang":
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Code(), "gone"
	case "/t.T/Size":
		return fmt.Append(nil, len(body)), 0, ""
	case "/t.T/Large":
		return bytes.Repeat([]byte("x"), 5<<20), 0, ""
	}
	return nil, codes.Unimplemented, "no " + method
}

// ours serves the methods of [answered] by this package.
func ours(t *testing.T, change func(*Options)) (address string, s *Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		MaxMessage: 64 << 20, MaxHeader: 16 << 10, MaxStreams: 100, Pool: &message.Pool{},
		Other: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Trailer", "Grpc-Status")
			_, _ = io.Copy(w, r.Body)
			w.Header().Set("Grpc-Status", "0")
		}),
	}
	o.Unary = func(path string) Unary {
		if path == "/t.T/Stream" {
			return nil
		}
		return func(ctx context.Context, c *Call) Answer {
			m, code, text := answered(ctx, c.Path, c.Message)
			return Answer{Header: c.Fields, Trailer: []Field{{Name: "x-end", Value: "yes"}}, Message: [][]byte{m}, Status: Status{Code: uint32(code), Message: text}}
		}
	}
	if change != nil {
		change(&o)
	}
	if o.Budget != nil {
		o.Pool.Budget = o.Budget
	}
	s = NewServer(o)
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
	return l.Addr().String(), s
}

// theirs serves the same by grpc-go.
func theirs(t *testing.T, options ...grpc.ServerOption) (address string, s *grpc.Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	options = append(options, grpc.ForceServerCodecV2(rawCodec{}), grpc.MaxRecvMsgSize(math.MaxInt32), grpc.UnknownServiceHandler(func(_ any, g grpc.ServerStream) error {
		var in raw
		if err := g.RecvMsg(&in); err != nil {
			return err
		}
		method, _ := grpc.MethodFromServerStream(g)
		md, _ := metadata.FromIncomingContext(g.Context())
		for name := range md {
			if Reserved(name) {
				delete(md, name)
			}
		}
		_ = g.SetHeader(md)
		g.SetTrailer(metadata.Pairs("x-end", "yes"))
		if len(md["compress"]) > 0 {
			_ = grpc.SetSendCompressor(g.Context(), gzip.Name)
		}
		m, code, text := answered(g.Context(), method, in)
		if code != 0 {
			return status.Error(code, text)
		}
		return g.SendMsg((*raw)(&m))
	}))
	s = grpc.NewServer(options...)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return l.Addr().String(), s
}

// caller makes a call, by this package or by grpc-go.
type caller func(ctx context.Context, method string, body []byte, md metadata.MD) (answer []byte, header, trailer metadata.MD, err error)

func dialed(t *testing.T, address string, options ...grpc.CallOption) caller {
	t.Helper()
	options = append(options, grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(math.MaxInt32))
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(options...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return func(ctx context.Context, method string, body []byte, md metadata.MD) (answer []byte, header, trailer metadata.MD, err error) {
		in, out := raw(body), raw(nil)
		err = conn.Invoke(metadata.NewOutgoingContext(ctx, md), method, &in, &out, grpc.Header(&header), grpc.Trailer(&trailer))
		return out, header, trailer, err
	}
}

func client(t *testing.T, address string, change func(*ClientOptions)) *Client {
	t.Helper()
	o := ClientOptions{
		Address: address, MaxMessage: 64 << 20, MaxHeader: 64 << 10, Agent: "test",
		Dial: func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", address) },
	}
	if change != nil {
		change(&o)
	}
	c := NewClient(o)
	t.Cleanup(c.Close)
	return c
}

func called(c *Client) caller {
	var pool message.Pool
	return func(ctx context.Context, method string, body []byte, md metadata.MD) ([]byte, metadata.MD, metadata.MD, error) {
		r := &Request{Path: method, Message: [][]byte{body}, Lease: pool.Lease()}
		for name, values := range md {
			for _, v := range values {
				if Binary(name) {
					v = EncodeBinary(v)
				}
				r.Fields = append(r.Fields, Field{Name: name, Value: v})
			}
		}
		a, s := c.Call(ctx, r)
		if s != nil {
			return nil, nil, nil, status.Error(codes.Code(s.Code), s.Message)
		}
		return a.Message, metadataOf(a.Header), metadataOf(a.Trailer), nil
	}
}

func metadataOf(fields []Field) metadata.MD {
	md := metadata.MD{}
	for _, f := range fields {
		if Binary(f.Name) {
			f.Value, _ = DecodeBinary(f.Value)
		}
		md.Append(f.Name, f.Value)
	}
	return md
}

// pairs are this package's halves with each other and with grpc-go's.
func pairs(t *testing.T, check func(t *testing.T, call caller)) {
	t.Run("our server, their client", func(t *testing.T) {
		address, _ := ours(t, nil)
		check(t, dialed(t, address))
	})
	t.Run("their server, our client", func(t *testing.T) {
		address, _ := theirs(t)
		check(t, called(client(t, address, nil)))
	})
	t.Run("both ours", func(t *testing.T) {
		address, _ := ours(t, nil)
		check(t, called(client(t, address, nil)))
	})
}

func TestUnary(t *testing.T) {
	pairs(t, func(t *testing.T, call caller) {
		for _, size := range []int{0, 1, 1000, 16379, 16380, 65530, 65531, 100_000, 1 << 20, 20 << 20} {
			body := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
			for range 3 {
				got, _, _, err := call(t.Context(), "/t.T/Echo", body, nil)
				if err != nil || !bytes.Equal(got, body) {
					t.Fatalf("%d bytes came back as %d, %v", size, len(got), err)
				}
			}
		}
	})
}

func TestMetadata(t *testing.T) {
	pairs(t, func(t *testing.T, call caller) {
		sent := metadata.MD{"authorization": {"Bearer x"}, "many": {"1", "2"}, "trace-bin": {"\x00\x01\xff"}, "long": {strings.Repeat("l", 5000)}}
		for range 3 {
			_, header, trailer, err := call(t.Context(), "/t.T/Echo", []byte("x"), sent)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range sent {
				if got := header[name]; strings.Join(got, ",") != strings.Join(want, ",") {
					t.Errorf("%s came back as %.50q", name, got)
				}
			}
			if got := trailer["x-end"]; len(got) != 1 || got[0] != "yes" {
				t.Errorf("trailer is %v", trailer)
			}
		}
	})
}

func TestStatus(t *testing.T) {
	pairs(t, func(t *testing.T, call caller) {
		for range 2 {
			_, _, _, err := call(t.Context(), "/t.T/Fail", nil, nil)
			if s := status.Convert(err); s.Code() != codes.Aborted || s.Message() != special {
				t.Errorf("status is %v", s)
			}
		}
		if _, _, _, err := call(t.Context(), "/t.T/None", nil, nil); status.Code(err) != codes.Unimplemented {
			t.Errorf("status is %v", err)
		}
	})
}

func TestDeadline(t *testing.T) {
	pairs(t, func(t *testing.T, call caller) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, _, _, err := call(ctx, "/t.T/Hang", nil, nil)
		if took := time.Since(start); status.Code(err) != codes.DeadlineExceeded || took < 50*time.Millisecond || took > time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	pairs(t, func(t *testing.T, call caller) {
		var wait sync.WaitGroup
		for i := range 50 {
			wait.Go(func() {
				for j := range 40 {
					body := bytes.Repeat([]byte{byte(i)}, 1+(i*j*97)%40_000)
					got, _, _, err := call(t.Context(), "/t.T/Echo", body, nil)
					if err != nil || !bytes.Equal(got, body) {
						t.Errorf("%d bytes came back as %d, %v", len(body), len(got), err)
						return
					}
				}
			})
		}
		wait.Wait()
	})
}

func TestCompressed(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 200_000)
	address, _ := ours(t, nil)
	if got, _, _, err := dialed(t, address, grpc.UseCompressor(gzip.Name))(t.Context(), "/t.T/Echo", body, nil); err != nil || !bytes.Equal(got, body) {
		t.Errorf("our server: %d bytes, %v", len(got), err)
	}
	address, _ = theirs(t)
	if got, _, _, err := called(client(t, address, nil))(t.Context(), "/t.T/Echo", body, metadata.Pairs("compress", "1")); err != nil || !bytes.Equal(got, body) {
		t.Errorf("our client: %d bytes, %v", len(got), err)
	}
}

// A compressed message is unpacked no further than a message may be, and within
// the budget.
func TestBomb(t *testing.T) {
	bomb := make([]byte, 50<<20)
	for name, c := range map[string]struct{ limit, budget int64 }{"limit": {1 << 20, 0}, "budget": {100 << 20, 10 << 20}} {
		address, _ := ours(t, func(o *Options) {
			o.MaxMessage, o.Budget = c.limit, memory.NewBudget(c.budget)
		})
		_, _, _, err := dialed(t, address, grpc.UseCompressor(gzip.Name))(t.Context(), "/t.T/Size", bomb, nil)
		if status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A handler that panics breaks off its call, and no other.
func TestPanic(t *testing.T) {
	var told atomic.Int32
	address, _ := ours(t, func(o *Options) {
		o.Other = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Abort") != "" {
				panic(http.ErrAbortHandler)
			}
			panic("boom")
		})
		o.Panicked = func(any) { told.Add(1) }
	})
	call := dialed(t, address)
	for range 2 {
		for _, md := range []metadata.MD{nil, metadata.Pairs("abort", "1")} {
			if _, _, _, err := call(t.Context(), "/t.T/Stream", nil, md); status.Code(err) != codes.Internal {
				t.Errorf("the call ends with %v", err)
			}
		}
		if _, _, _, err := call(t.Context(), "/t.T/Echo", nil, nil); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
	if told.Load() != 2 {
		t.Errorf("%d panics were told", told.Load())
	}
}

func TestStream(t *testing.T) {
	address, _ := ours(t, nil)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{})))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	s, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/t.T/Stream")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		in, out := raw(bytes.Repeat([]byte{byte(i)}, i*100)), raw(nil)
		if err := s.SendMsg(&in); err != nil {
			t.Fatal(err)
		}
		if err := s.RecvMsg(&out); err != nil || !bytes.Equal(in, out) {
			t.Fatalf("message %d: %d bytes came back as %d, %v", i, len(in), len(out), err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	var out raw
	if err := s.RecvMsg(&out); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
}
