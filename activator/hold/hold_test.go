package hold

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// However many come at once, each gets a place once, no server has more than it
// takes, and the first that came is the first that gets one.
func TestQueueHandsToServersThatCome(t *testing.T) {
	const all, capacity = 200, 2
	q := New(Limits{Most: all}, capacity)
	var served sync.WaitGroup
	var now [2]atomic.Int64
	var done atomic.Int64
	index := map[string]int{"a": 0, "b": 1}
	for range all {
		served.Go(func() {
			key, err := q.Wait(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			n := &now[index[key]]
			if got := n.Add(1); got > capacity {
				t.Errorf("server %s has %d requests at once", key, got)
			}
			time.Sleep(time.Millisecond)
			n.Add(-1)
			done.Add(1)
			q.Done(key)
		})
	}
	for q.Waiting() < all {
		time.Sleep(time.Millisecond)
	}
	q.Serve([]string{"a"})
	q.Serve([]string{"a", "b"})
	served.Wait()
	if done.Load() != all || q.Active() != 0 || q.Waiting() != 0 {
		t.Errorf("%d of %d were served; %d are at servers and %d wait", done.Load(), all, q.Active(), q.Waiting())
	}
}

func TestQueueRefuses(t *testing.T) {
	q := New(Limits{Most: 1, Patience: 10 * time.Millisecond}, 0)
	if _, err := q.Wait(t.Context()); !errors.Is(err, ErrLate) {
		t.Errorf("without a server: %v", err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := q.Wait(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that has left: %v", err)
	}
	q.Bound(Limits{Most: 1}, 0)
	got := make(chan string)
	go func() {
		key, _ := q.Wait(t.Context())
		got <- key
	}()
	for q.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, err := q.Wait(t.Context()); !errors.Is(err, ErrFull) {
		t.Errorf("one more than may wait: %v", err)
	}
	q.Serve([]string{"a"})
	if key := <-got; key != "a" {
		t.Errorf("who waited got %q", key)
	}
}

// The least busy server is chosen, the first of equally busy ones, and none that
// could not be reached.
func TestQueueChooses(t *testing.T) {
	q := New(Limits{}, 2)
	q.Serve([]string{"a", "b", "c"})
	take := func(want string) {
		t.Helper()
		if key, ok := q.Try(); !ok || key != want {
			t.Errorf("got %q, %v; want %q", key, ok, want)
		}
	}
	take("a")
	take("b")
	take("c")
	q.Done("b")
	take("b")
	q.Unreachable("a")
	take("b")
	take("c")
	if key, ok := q.Try(); ok {
		t.Errorf("got %q where all are busy", key)
	}
	// A server that is named again gets requests again; one that is not keeps those
	// that it has.
	q.Serve([]string{"a"})
	take("a")
	take("a")
	if n := q.Active(); n != 6 {
		t.Errorf("%d are under way, want 6", n)
	}
	q.Bound(Limits{}, 3)
	take("a")
}
