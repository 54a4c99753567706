package conformance

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// ends checks that an executor loses no request after SIGTERM.
func ends(t *testing.T, start Start) {
	t.Run("requests in flight finish", func(t *testing.T) { finishes(t, start) })
	t.Run("a stream finishes", func(t *testing.T) { streamFinishes(t, start) })
	t.Run("under load nothing is lost", func(t *testing.T) { underLoad(t, start) })
	t.Run("a request that does not end is cut off", func(t *testing.T) { cutOff(t, start) })
}

// outcome is what became of requests sent in the background.
type outcome struct {
	wait   sync.WaitGroup
	mu     sync.Mutex
	errs   []error
	served atomic.Int64
}

func (o *outcome) send(f func() error) {
	o.wait.Go(func() {
		err := f()
		if err == nil {
			o.served.Add(1)
			return
		}
		o.mu.Lock()
		o.errs = append(o.errs, err)
		o.mu.Unlock()
	})
}

func finishes(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1))
	release := make(chan struct{})
	cs["a"].Otherwise(func(c stub.Call) stub.Answer {
		<-release
		return stub.Answer{}
	})
	ctx := soon(t)
	var o outcome
	for range 5 {
		o.send(func() error { _, _, err := post(ctx, predictions(e), "application/json", []byte(`{}`)); return err })
		o.send(func() error {
			_, err := seldonRPC(ctx, e, 7)
			if err != nil && err.Error() == "answer holds the numbers []: want one" {
				return nil
			}
			return err
		})
	}
	if _, err := cs["a"].Await(ctx, 10); err != nil {
		t.Fatal(err)
	}
	e.Stop()
	// The listeners are closed while the requests are still at the component.
	for _, address := range []string{e.REST, e.GRPC} {
		for {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				break
			}
			_ = conn.Close()
			if ctx.Err() != nil {
				t.Fatalf("%s still listens", address)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	close(release)
	o.wait.Wait()
	if len(o.errs) > 0 {
		t.Errorf("%d of 10 requests were lost: %v", len(o.errs), o.errs[0])
	}
	if code := e.Wait(); code != 0 {
		t.Errorf("exit code is %d", code)
	}
}

// streamFinishes ends an executor in the middle of streams, whose requests are
// answered until their clients end them.
func streamFinishes(t *testing.T, start Start) {
	for name, g := range map[string]Node{"relayed": model("a", 1), "through nodes": model("a", 1, model("b", 2))} {
		t.Run(name, func(t *testing.T) {
			e, _ := launch(t, start, "v2", g)
			s := streaming(soon(t), t, e)
			ask := func() {
				t.Helper()
				if err := s.Send(v2Request(7)); err != nil {
					t.Fatal(err)
				}
				if r, err := s.Recv(); err != nil || r.ErrorMessage != "" {
					t.Fatalf("answer is %v, %v", r, err)
				}
			}
			ask()
			e.Stop()
			for {
				conn, err := net.Dial("tcp", e.GRPC)
				if err != nil {
					break
				}
				_ = conn.Close()
				time.Sleep(5 * time.Millisecond)
			}
			ask()
			if err := s.CloseSend(); err != nil {
				t.Fatal(err)
			}
			if r, err := s.Recv(); !errors.Is(err, io.EOF) {
				t.Errorf("the stream ended with %v, %v", r, err)
			}
			if code := e.Wait(); code != 0 {
				t.Errorf("exit code is %d", code)
			}
		})
	}
}

// underLoad sends without pause, as long as the executor says that it is
// ready, which is what a load balancer goes by.
func underLoad(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1), "--shutdown_delay", "500ms")
	cs["a"].On("/predict", stub.Answer{Body: []byte(`{}`), Delay: 2 * time.Millisecond})
	ctx := soon(t)
	var unready atomic.Bool
	var o outcome
	for range 8 {
		o.send(func() error {
			return repeat(ctx, &unready, &o, func() error { _, _, err := post(ctx, predictions(e), "application/json", []byte(`{}`)); return err })
		})
	}
	conn, err := dial(e)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for range 4 {
		o.send(func() error {
			return repeat(ctx, &unready, &o, func() error { _, err := seldonRPC(ctx, e, 7); return err })
		})
	}
	for o.served.Load() < 50 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	e.Stop()
	for {
		_, _, err := get(ctx, "http://"+e.REST+"/ready")
		if s, ok := err.(*status); ok && s.code == http.StatusServiceUnavailable { //nolint:errorlint // do returns it bare
			break
		}
		if err != nil {
			t.Fatalf("before it was unready: %v", err)
		}
	}
	unready.Store(true)
	o.wait.Wait()
	if len(o.errs) > 0 {
		t.Errorf("%d requests were lost: %v", len(o.errs), o.errs[0])
	}
	if code := e.Wait(); code != 0 {
		t.Errorf("exit code is %d", code)
	}
	t.Logf("%d requests were served", o.served.Load())
}

func repeat(ctx context.Context, stop *atomic.Bool, o *outcome, f func() error) error {
	for !stop.Load() && ctx.Err() == nil {
		if err := f(); err != nil {
			return err
		}
		o.served.Add(1)
	}
	return ctx.Err()
}

func cutOff(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1), "--graceful_timeout", "100ms")
	cs["a"].Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Hang: true} })
	ctx := soon(t)
	var o outcome
	o.send(func() error { _, _, err := post(ctx, predictions(e), "application/json", []byte(`{}`)); return err })
	calls, err := cs["a"].Await(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	e.Stop()
	if code := e.Wait(); code != 1 {
		t.Errorf("exit code is %d, want 1", code)
	}
	select {
	case <-calls[0].Gone:
	case <-ctx.Done():
		t.Error("the component still works")
	}
	o.wait.Wait()
	if len(o.errs) != 1 {
		t.Error("the request was answered")
	}
}
