package policy

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/prime-radiant/radiant/graph"
)

var (
	errAgain = errors.New("not now")
	errNever = errors.New("no")
)

// policy makes a policy whose back-off is never random.
func policy(t *testing.T, g *graph.Policy) (*Policy, *Meter) {
	t.Helper()
	meters, err := NewMeters(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	meter := meters.Node("m")
	p, err := New(g, Options{
		Again:  func(err error) Verdict { return Verdict{Safe: errors.Is(err, errAgain)} },
		Random: func() float64 { return 1 },
		Meter:  meter,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, meter
}

// flaky fails so many times, then answers the number of attempts.
func flaky(failures int32, err error) Call[int32] {
	var n atomic.Int32
	return Call[int32]{Hold: func() {}, Drop: func() {}, Attempt: func(context.Context) (int32, error) {
		if i := n.Add(1); i > failures {
			return i, nil
		}
		return n.Load(), err
	}}
}

func TestRetries(t *testing.T) {
	for name, c := range map[string]struct {
		call     Call[int32]
		attempts int32
		fails    bool
	}{
		"at once":        {flaky(0, errAgain), 1, false},
		"after two":      {flaky(2, errAgain), 3, false},
		"too often":      {flaky(9, errAgain), 3, true},
		"not repeatable": {flaky(1, errNever), 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _ := policy(t, &graph.Policy{Retries: &graph.Retries{Attempts: 2}})
				n, err := Do(t.Context(), p, c.call)
				if n != c.attempts || (err != nil) != c.fails {
					t.Errorf("%d attempts, %v", n, err)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		p, _ := policy(t, &graph.Policy{Retries: &graph.Retries{Attempts: 2}})
		c := flaky(1, errAgain)
		c.Once = true
		if _, err := Do(t.Context(), p, c); !errors.Is(err, errAgain) {
			t.Errorf("a call that must not be repeated: %v", err)
		}
	})
}

// TestRetryBudget sends many calls to a node that is down.
func TestRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, meter := policy(t, &graph.Policy{Retries: &graph.Retries{Attempts: 3, BudgetPercent: 10}})
		attempts := 0
		const calls = 1000
		for range calls {
			n, _ := Do(t.Context(), p, flaky(99, errAgain))
			attempts += int(n)
		}
		if want := calls + freeRetries + calls/10; attempts > want || attempts < want-freeRetries {
			t.Errorf("%d calls made %d attempts, want %d", calls, attempts, want)
		}
		if n := testutil.ToFloat64(meter.retries); int(n) != attempts-calls {
			t.Errorf("%v retries were counted, want %d", n, attempts-calls)
		}
		if testutil.ToFloat64(meter.unaffordable) == 0 {
			t.Error("no retry was refused")
		}
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := policy(t, &graph.Policy{Timeout: "100ms", Retries: &graph.Retries{Attempts: 9, BudgetPercent: 100}})
		start := time.Now()
		_, err := Do(t.Context(), p, Call[int]{Attempt: func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}})
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != 100*time.Millisecond {
			t.Errorf("it took %v: %v", took, err)
		}
		start = time.Now()
		if _, err = Do(t.Context(), p, flaky(9, errAgain)); !errors.Is(err, errAgain) || time.Since(start) >= 100*time.Millisecond {
			t.Errorf("retries went on for %v: %v", time.Since(start), err)
		}
	})
}

// TestHedge hangs more first attempts than may be repeated.
func TestHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const maxPercent = 3
		p, meter := policy(t, &graph.Policy{Hedge: &graph.Hedge{Percentile: 90, MaxPercent: maxPercent}})
		call := func(d time.Duration) Call[string] {
			var begun atomic.Bool
			return Call[string]{Hold: func() {}, Drop: func() {}, Attempt: func(ctx context.Context) (string, error) {
				if !begun.Swap(true) {
					select {
					case <-time.After(d):
						return "first", nil
					case <-ctx.Done():
						return "", ctx.Err()
					}
				}
				time.Sleep(time.Millisecond)
				return "second", nil
			}}
		}
		// One of twenty calls hangs.
		const calls = 800
		won := 0
		for i := range calls {
			slow := i%20 == 19
			d, start := 10*time.Millisecond, time.Now()
			if slow {
				d = time.Hour
			}
			got, err := Do(t.Context(), p, call(d))
			switch {
			case err != nil, got == "second" && !slow:
				t.Fatalf("call %d, slow %v: %q, %v", i, slow, got, err)
			case got == "second":
				won++
				if took := time.Since(start); took > 20*time.Millisecond {
					t.Errorf("the second attempt answered after %v", took)
				}
			}
		}
		if most := calls * maxPercent / 100; won > most || won < most/2 {
			t.Errorf("%d slow calls were answered by a second attempt; at most %d may be", won, most)
		}
		if h, w := testutil.ToFloat64(meter.hedges), testutil.ToFloat64(meter.won); int(h) != won || int(w) != won {
			t.Errorf("%v second attempts were counted, %v of them first, want %d", h, w, won)
		}
	})
}

func TestHedgeFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := policy(t, &graph.Policy{Hedge: &graph.Hedge{MaxPercent: 100}})
		for range 100 {
			_, _ = Do(t.Context(), p, flaky(0, nil))
		}
		var held, n atomic.Int32
		call := Call[int]{Hold: func() { held.Add(1) }, Drop: func() { held.Add(-1) }}
		call.Attempt = func(context.Context) (int, error) {
			if n.Add(1) == 1 {
				time.Sleep(time.Minute)
				return 0, errNever
			}
			panic("odd")
		}
		_, err := Do(t.Context(), p, call)
		if err == nil || n.Load() != 2 {
			t.Errorf("%d attempts failed with %v", n.Load(), err)
		}
		var panicked *Panicked
		if err.Error() != "panic: odd" || !errors.As(err, &panicked) || !strings.Contains(panicked.Stack(), "policy_test.go") {
			t.Errorf("a panic is told by %v", err)
		}
		synctest.Wait()
		if held.Load() != 0 {
			t.Errorf("%d attempts are still held", held.Load())
		}
	})
}

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, meter := policy(t, &graph.Policy{Concurrency: &graph.Concurrency{Limit: 2, Queue: 3}})
		release := make(chan struct{})
		var order []int
		begun := make(chan int, 10)
		for i := range 5 {
			go func() {
				_, _ = Do(t.Context(), p, Call[int]{Attempt: func(context.Context) (int, error) {
					begun <- i
					<-release
					return 0, nil
				}})
			}()
			synctest.Wait()
		}
		if n := p.limit.Waiting(); n != 3 {
			t.Errorf("%d calls wait, want 3", n)
		}
		if _, err := Do(t.Context(), p, flaky(0, nil)); !errors.Is(err, ErrBusy) {
			t.Errorf("a call beyond the queue: %v", err)
		}
		if testutil.ToFloat64(meter.refused) != 1 {
			t.Error("the rejection was not counted")
		}
		for range 5 {
			release <- struct{}{}
			synctest.Wait()
		}
		close(begun)
		for i := range begun {
			order = append(order, i)
		}
		for i, n := range order {
			if i > 1 && n != i {
				t.Errorf("calls were served in the order %v", order)
				break
			}
		}
		// One that gives up leaves its place in the queue.
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		hold := func(context.Context) (int, error) { <-release; return 0, nil }
		for range 2 {
			go func() { _, _ = Do(t.Context(), p, Call[int]{Attempt: hold}) }()
		}
		synctest.Wait()
		if _, err := Do(ctx, p, flaky(0, nil)); !errors.Is(err, context.DeadlineExceeded) || p.limit.Waiting() != 0 {
			t.Errorf("a call that waited too long: %v; %d wait", err, p.limit.Waiting())
		}
		close(release)
	})
}

func TestLatency(t *testing.T) {
	for _, d := range []time.Duration{0, time.Microsecond, 7 * time.Microsecond, 8 * time.Microsecond, 100 * time.Microsecond, 12345 * time.Microsecond, time.Hour} {
		if e := end(bucket(d)); e < d || float64(e) > 1.13*float64(d)+float64(time.Microsecond) {
			t.Errorf("%v is in the bucket that ends at %v", d, e)
		}
	}
	l := &latency{percentile: 90}
	for i := range 10_000 {
		if i == 5_000 && (l.known() < 90*time.Millisecond || l.known() > 102*time.Millisecond) {
			t.Errorf("the 90th percentile of 1 to 100 ms is %v", l.known())
		}
		if i < 5_000 {
			l.observe(time.Duration(i%100+1) * time.Millisecond)
		} else {
			l.observe(time.Second)
		}
	}
	if l.known() < time.Second {
		t.Errorf("old times still count: %v", l.known())
	}
}

// What a node asks to be waited is bounded by the policy's timeout, or by a
// bound of our own.
func TestLongestPause(t *testing.T) {
	for name, c := range map[string]struct {
		timeout     string
		after, want time.Duration
		attempts    int32
	}{
		"an hour":                     {"", time.Hour, longestPause, 2},
		"what may be waited":          {"", 2 * time.Second, 2 * time.Second, 2},
		"an hour within a timeout":    {"30s", time.Hour, 0, 1},
		"seconds within a timeout":    {"30s", 20 * time.Second, 20 * time.Second, 2},
		"more than fits the timeout":  {"10s", 20 * time.Second, 0, 1},
		"nothing that has been asked": {"", 0, firstBackOff, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, err := New(&graph.Policy{Timeout: c.timeout, Retries: &graph.Retries{Attempts: 1}}, Options{
					Again:  func(error) Verdict { return Verdict{Safe: true, After: c.after} },
					Random: func() float64 { return 1 },
				})
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				n, _ := Do(t.Context(), p, flaky(9, errAgain))
				if took := time.Since(start); n != c.attempts || took != c.want {
					t.Errorf("%d attempts took %s, want %d and %s", n, took, c.attempts, c.want)
				}
			})
		})
	}
}

// A request that ends its workers meets as many as there are attempts.
func TestTaken(t *testing.T) {
	for attempts, want := range map[int32]int32{1: 2, 2: 2, 3: 3, 10: 10} {
		synctest.Test(t, func(t *testing.T) {
			p, err := New(&graph.Policy{Retries: &graph.Retries{Attempts: attempts}}, Options{
				Again:  func(error) Verdict { return Verdict{Safe: true, Taken: true} },
				Random: func() float64 { return 1 },
			})
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := Do(t.Context(), p, flaky(99, errAgain)); n != want {
				t.Errorf("with %d attempts, %d workers were lost, want %d", attempts, n, want)
			}
		})
	}
}
