package policy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/prime-radiant/radiant/graph"
)

// doubling is a batch of numbers, which answers each by its double. It notes which
// went together.
type doubling struct {
	*Batch[int, int]
	held  atomic.Int32
	mu    sync.Mutex
	sent  [][]int
	meter *BatchMeter
}

func newDoubling(t *testing.T, g *graph.Batch, send func(ctx context.Context, calls []int) error) *doubling {
	t.Helper()
	meters, err := NewMeters(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	d := &doubling{meter: meters.Batch("m")}
	d.Batch, err = NewBatch(g, BatchOptions[int, int]{
		Send: func(ctx context.Context, calls []int) ([]int, error) {
			d.mu.Lock()
			d.sent = append(d.sent, calls)
			d.mu.Unlock()
			if err := send(ctx, calls); err != nil {
				return nil, err
			}
			answers := make([]int, len(calls))
			for i, n := range calls {
				answers[i] = 2 * n
			}
			return answers, nil
		},
		Alone: func(err error) bool { return errors.Is(err, errNever) },
		Hold:  func(int) { d.held.Add(1) }, Drop: func(int) { d.held.Add(-1) },
		Meter: d.meter,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// ask sends numbers, a millisecond after each other, and returns what came.
func (d *doubling) ask(ctx context.Context, like string, rows int64, numbers ...int) map[int]string {
	var mu sync.Mutex
	var wait sync.WaitGroup
	came := map[int]string{}
	for _, n := range numbers {
		wait.Go(func() {
			answer, alone, err := d.Do(ctx, like, rows, n)
			mu.Lock()
			defer mu.Unlock()
			if came[n] = fmt.Sprint(answer, err); alone {
				came[n] = "alone"
			}
		})
		time.Sleep(time.Millisecond)
	}
	wait.Wait()
	return came
}

func good(context.Context, []int) error { return nil }

func TestBatch(t *testing.T) {
	for name, c := range map[string]struct {
		size int32
		rows int64
		send func(context.Context, []int) error
		want map[int]string
		sent [][]int
	}{
		"when full":           {2, 1, good, map[int]string{1: "2 <nil>", 2: "4 <nil>"}, [][]int{{1, 2}}},
		"when time is over":   {9, 1, good, map[int]string{1: "2 <nil>", 2: "4 <nil>"}, [][]int{{1, 2}}},
		"one":                 {9, 1, good, map[int]string{1: "alone"}, nil},
		"no room for another": {5, 2, good, map[int]string{1: "2 <nil>", 2: "4 <nil>", 3: "alone"}, [][]int{{1, 2}}},
		"full by itself":      {2, 2, good, map[int]string{1: "alone", 2: "alone"}, nil},
		"fails": {2, 1, func(context.Context, []int) error { return errAgain },
			map[int]string{1: "0 not now", 2: "0 not now"}, [][]int{{1, 2}}},
		"fails by one": {2, 1, func(context.Context, []int) error { return errNever },
			map[int]string{1: "alone", 2: "alone"}, [][]int{{1, 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDoubling(t, &graph.Batch{MaxSize: c.size}, c.send)
				var numbers []int
				for n := range len(c.want) {
					numbers = append(numbers, n+1)
				}
				if diff := cmp.Diff(c.want, d.ask(t.Context(), "x", c.rows, numbers...)); diff != "" {
					t.Error(diff)
				}
				synctest.Wait()
				if diff := cmp.Diff(c.sent, d.sent); diff != "" || d.held.Load() != 0 || len(d.open) > 0 {
					t.Errorf("%d held, %d open: %s", d.held.Load(), len(d.open), diff)
				}
				if n := testutil.ToFloat64(d.meter.batches); int(n) != len(c.sent) {
					t.Errorf("%v were counted", n)
				}
			})
		})
	}
}

// Calls that are not alike go by themselves; a call whose time is over leaves the
// others alone, and the joined call has the time of the last.
func TestBatchOfSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left time.Duration
		d := newDoubling(t, &graph.Batch{MaxSize: 9, MaxDelay: "10ms"}, func(ctx context.Context, _ []int) error {
			end, _ := ctx.Deadline()
			left = time.Until(end)
			time.Sleep(100 * time.Millisecond)
			return ctx.Err()
		})
		var wait sync.WaitGroup
		wait.Go(func() { d.ask(t.Context(), "y", 1, 8) })
		for n, allowed := range map[int]time.Duration{1: 50 * time.Millisecond, 2: 200 * time.Millisecond, 3: 300 * time.Millisecond} {
			wait.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), allowed)
				defer cancel()
				answer, alone, err := d.Do(ctx, "x", 1, n)
				if late := errors.Is(err, context.DeadlineExceeded); late != (n == 1) || alone || err == nil && answer != 2*n {
					t.Errorf("%d became %d, alone %v, %v", n, answer, alone, err)
				}
			})
		}
		wait.Wait()
		synctest.Wait()
		if len(d.sent) != 1 || len(d.sent[0]) != 3 || left != 290*time.Millisecond || d.held.Load() != 0 {
			t.Errorf("sent were %v with %v left, %d are held", d.sent, left, d.held.Load())
		}
	})
}

// With its last call, the joined call ends.
func TestBatchLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		d := newDoubling(t, &graph.Batch{MaxSize: 2}, func(ctx context.Context, _ []int) error {
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		d.ask(ctx, "x", 1, 1, 2)
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestBatchPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoubling(t, &graph.Batch{MaxSize: 2}, func(context.Context, []int) error { panic("boom") })
		for n, came := range d.ask(t.Context(), "x", 1, 1, 2) {
			if len(came) < 13 || came[:13] != "0 panic: boom" {
				t.Errorf("%d: %s", n, came)
			}
		}
	})
}

func TestCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters, err := NewMeters(prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		meter := meters.Cache("m")
		c, err := NewCache[string](&graph.Cache{TTL: "1m", MaxBytes: 2 * (entryBytes + 10)}, meter)
		if err != nil {
			t.Fatal(err)
		}
		key := func(n byte) Key { return Key{n} }
		holds := func(want map[byte]string) {
			t.Helper()
			for n := range byte(5) {
				if got, ok := c.Find(key(n)); ok != (want[n] != "") || got != want[n] {
					t.Errorf("%d is %q, %v, want %q", n, got, ok, want[n])
				}
			}
		}
		c.Keep(key(1), "one", 10)
		c.Keep(key(2), "two", 10)
		holds(map[byte]string{1: "one", 2: "two"})
		if _, ok := c.Find(key(1)); !ok {
			t.Error("1 is gone")
		}
		c.Keep(key(3), "three", 10) // 2 was not asked for longest.
		c.Keep(key(4), "too large", 4*entryBytes)
		holds(map[byte]string{1: "one", 3: "three"})
		time.Sleep(30 * time.Second)
		c.Keep(key(3), "new", 5)
		if n := testutil.ToFloat64(meter.kept); n != 2*entryBytes+15 {
			t.Errorf("%v bytes are kept", n)
		}
		time.Sleep(30 * time.Second)
		holds(map[byte]string{3: "new"})
		if hits, n := testutil.ToFloat64(meter.hits), testutil.ToFloat64(meter.kept); hits != 6 || n != entryBytes+5 {
			t.Errorf("%v hits, %v bytes", hits, n)
		}
	})
}
