package http2

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/executor/memory"
)

// A server that takes one call at a time gets no more.
func TestConcurrentStreamsAreHeeded(t *testing.T) {
	address, _ := theirs(t, grpc.MaxConcurrentStreams(1))
	call := called(client(t, address, nil))
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			for range 20 {
				if _, _, _, err := call(t.Context(), "/t.T/Echo", []byte("x"), nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
}

// fake is a server whose connections do as a test likes; calls counts what came.
func fake(t *testing.T, serve func(f *http2.Framer, id uint32, nth int32)) (address string, calls *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	calls = new(atomic.Int32)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = io.ReadFull(conn, make([]byte, len(http2.ClientPreface)))
				f := http2.NewFramer(conn, conn)
				_ = f.WriteSettings()
				for {
					frame, err := f.ReadFrame()
					if err != nil {
						return
					}
					if d, ok := frame.(*http2.DataFrame); ok && d.StreamEnded() {
						serve(f, d.StreamID, calls.Add(1))
					}
				}
			}()
		}
	}()
	return l.Addr().String(), calls
}

// answerBlock is a header and a message with trailers, as they are sent.
func answerPlain(f *http2.Framer, id uint32) {
	table := newTable()
	block := appendField(append(table.begin(nil), status200), Field{Name: "content-type", Value: grpcType})
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true})
	_ = f.WriteData(id, false, []byte{0, 0, 0, 0, 1, 'y'})
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: appendField(nil, Field{Name: "grpc-status", Value: "0"}), EndHeaders: true, EndStream: true})
}

// A call is made again where the server has said that it has processed nothing of
// it, and only there.
func TestRetries(t *testing.T) {
	for name, c := range map[string]struct {
		first func(f *http2.Framer, id uint32)
		calls int32
		code  codes.Code
	}{
		"refused":               {func(f *http2.Framer, id uint32) { _ = f.WriteRSTStream(id, http2.ErrCodeRefusedStream) }, 2, codes.OK},
		"gone away before it":   {func(f *http2.Framer, id uint32) { _ = f.WriteGoAway(id-1, http2.ErrCodeNo, nil) }, 2, codes.OK},
		"gone away after it":    {func(f *http2.Framer, id uint32) { _ = f.WriteGoAway(id, http2.ErrCodeNo, nil); answerPlain(f, id) }, 1, codes.OK},
		"reset":                 {func(f *http2.Framer, id uint32) { _ = f.WriteRSTStream(id, http2.ErrCodeInternal) }, 1, codes.Internal},
		"reset with CANCEL":     {func(f *http2.Framer, id uint32) { _ = f.WriteRSTStream(id, http2.ErrCodeCancel) }, 1, codes.Canceled},
		"a frame that is wrong": {func(f *http2.Framer, _ uint32) { _ = f.WriteRawFrame(http2.FrameSettings, 0, 0, []byte{1}) }, 1, codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			address, calls := fake(t, func(f *http2.Framer, id uint32, nth int32) {
				if nth == 1 {
					c.first(f, id)
					return
				}
				answerPlain(f, id)
			})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			got, _, _, err := called(client(t, address, nil))(ctx, "/t.T/Echo", []byte("x"), nil)
			if status.Code(err) != c.code || err == nil && string(got) != "y" || calls.Load() != c.calls {
				t.Errorf("after %d calls: %q, %v", calls.Load(), got, err)
			}
		})
	}
}

// A server that ends is not there, and is again as soon as it listens.
func TestReconnect(t *testing.T) {
	address, s := theirs(t)
	c := client(t, address, nil)
	call := called(c)
	if _, _, _, err := call(t.Context(), "/t.T/Echo", nil, nil); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	eventually(t, "a server that is gone is missed", func() bool {
		_, _, _, err := call(t.Context(), "/t.T/Echo", nil, nil)
		return status.Code(err) == codes.Unavailable && strings.Contains(err.Error(), "refused")
	})
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip(err)
	}
	again := grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}), grpc.UnknownServiceHandler(func(_ any, g grpc.ServerStream) error {
		var in raw
		_ = g.RecvMsg(&in)
		return g.SendMsg(&in)
	}))
	defer again.Stop()
	go func() { _ = again.Serve(l) }()
	start := time.Now()
	eventually(t, "the server is back", func() bool { _, _, _, err := call(t.Context(), "/t.T/Echo", nil, nil); return err == nil })
	if took := time.Since(start); took > 2*longestPause {
		t.Errorf("after %v", took)
	}
}

// Who waits no longer ends the server's work at once.
func TestCancelReachesTheServer(t *testing.T) {
	gone, began := make(chan struct{}, 1), make(chan struct{}, 1)
	address, _ := ours(t, func(o *Options) {
		o.Unary = func(string) Unary {
			return func(ctx context.Context, _ *Call) Answer {
				began <- struct{}{}
				<-ctx.Done()
				gone <- struct{}{}
				return Answer{}
			}
		}
	})
	call := called(client(t, address, nil))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, _, _, err := call(ctx, "/t.T/Hang", nil, nil); done <- err }()
	<-began
	start := time.Now()
	cancel()
	<-gone
	if took := time.Since(start); took > 50*time.Millisecond {
		t.Errorf("the server's work ended after %v", took)
	}
	if err := <-done; status.Code(err) != codes.Canceled {
		t.Errorf("the call ended with %v", err)
	}
}

// A message that the server takes no longer does not hold its sender.
func TestCancelOfALargeMessage(t *testing.T) {
	address, _ := fake(t, func(*http2.Framer, uint32, int32) {})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, _, _, err := called(client(t, address, nil))(ctx, "/t.T/Echo", make([]byte, 10<<20), nil)
	if took := time.Since(start); status.Code(err) != codes.DeadlineExceeded || took > 2*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
}

// Answers keep to their limit and to the budget, which is given back.
func TestAnswerLimits(t *testing.T) {
	address, _ := theirs(t)
	budget := memory.NewBudget(40 << 20)
	call := called(client(t, address, func(o *ClientOptions) { o.MaxMessage, o.Budget = 6<<20, budget }))
	if _, _, _, err := call(t.Context(), "/t.T/Large", nil, nil); err != nil {
		t.Error(err)
	}
	if _, _, _, err := call(t.Context(), "/t.T/Echo", make([]byte, 7<<20), nil); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "larger than max") {
		t.Errorf("a large answer: %v", err)
	}
	_ = budget.Take(38 << 20)
	if _, _, _, err := call(t.Context(), "/t.T/Large", nil, nil); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("an answer without memory: %v", err)
	}
	budget.Give(38 << 20)
	eventually(t, "the budget is given back", func() bool { used, _, _ := budget.State(); return used == 0 })
}

// A server that reads nothing any more holds no call beyond its time.
func TestStalledServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f := http2.NewFramer(conn, conn)
			_ = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
			_ = f.WriteWindowUpdate(0, 1<<31-1-65535)
		}
	}()
	for _, size := range []int{100, 20 << 20} {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, _, _, err := called(client(t, l.Addr().String(), nil))(ctx, "/t.T/Echo", make([]byte, size), nil)
		cancel()
		if took := time.Since(start); status.Code(err) != codes.DeadlineExceeded || took > 3*time.Second {
			t.Errorf("%d bytes, after %v: %v", size, took, err)
		}
	}
}
