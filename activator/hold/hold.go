// Package hold keeps requests until a server can take them: a queue in front of
// servers that come and go, each of which takes so many at once.
package hold

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Limits bound what waits.
type Limits struct {
	// Most are the requests that wait at once; 0: any number.
	Most int
	// Patience is how long one waits; 0: for as long as its client does.
	Patience time.Duration
}

// Errors of a request that nothing was sent of.
var (
	ErrFull = errors.New("too many requests wait already")
	ErrLate = errors.New("no server became ready in time")
)

// Queue hands requests to servers, the first that came first. Servers are known by
// their keys, such as addresses.
type Queue struct {
	mu     sync.Mutex
	limits Limits
	// capacity is how many requests a server takes at once; 0: any number.
	capacity int
	// servers are in the order in which those that are equally busy are chosen.
	servers []*server
	// active are the servers that have requests, those that are gone among them.
	active  map[string]int
	waiting []*waiter
}

type server struct {
	key string
	// resting is set when it could not be reached: it gets nothing until it is set
	// anew.
	resting bool
}

// waiter is a request that waits for a server.
type waiter struct {
	// got has the key of the server that it got; it is closed when it gets none, since err.
	got chan string
	err error
}

// New makes a queue without servers.
func New(l Limits, capacity int) *Queue {
	return &Queue{limits: l, capacity: capacity, active: map[string]int{}}
}

// Bound changes the limits, and how many requests a server takes at once (0: any
// number).
func (q *Queue) Bound(l Limits, capacity int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.limits, q.capacity = l, capacity
	q.hand()
}

// Serve says which servers are ready. Of equally busy ones the first is chosen.
func (q *Queue) Serve(keys []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.servers = q.servers[:0:0]
	for _, key := range keys {
		q.servers = append(q.servers, &server{key: key})
	}
	q.hand()
}

// Try takes a place at a server if there is one, and nobody waits for it.
func (q *Queue) Try() (key string, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 {
		return "", false
	}
	return q.take()
}

// Wait waits for a place at a server. It fails with [ErrFull], with [ErrLate], with the
// error of [Queue.Refuse], or with the context's; [Queue.Done] gives the place back.
func (q *Queue) Wait(ctx context.Context) (key string, err error) {
	q.mu.Lock()
	if len(q.waiting) == 0 {
		if key, ok := q.take(); ok {
			q.mu.Unlock()
			return key, nil
		}
	}
	if q.limits.Most > 0 && len(q.waiting) >= q.limits.Most {
		q.mu.Unlock()
		return "", ErrFull
	}
	w := &waiter{got: make(chan string, 1)}
	q.waiting = append(q.waiting, w)
	patience := q.limits.Patience
	q.mu.Unlock()
	var late <-chan time.Time
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case key, ok := <-w.got:
		if !ok {
			return "", w.err
		}
		return key, nil
	case <-late:
		err = ErrLate
	case <-ctx.Done():
		err = ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.waiting, w); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		return "", err
	}
	if key, ok := <-w.got; ok {
		return key, nil // It got one meanwhile.
	}
	return "", w.err
}

// Refuse has all that wait fail with an error.
func (q *Queue) Refuse(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range q.waiting {
		w.err = err
		close(w.got)
	}
	q.waiting = nil
}

// Done gives a place back.
func (q *Queue) Done(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.free(key)
	q.hand()
}

// Unreachable gives a place back at a server that could not be reached, which gets
// nothing until [Queue.Serve] names it again.
func (q *Queue) Unreachable(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.free(key)
	for _, s := range q.servers {
		s.resting = s.resting || s.key == key
	}
	q.hand()
}

// Waiting is the number of requests that wait.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Active is the number of requests that servers have.
func (q *Queue) Active() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for _, active := range q.active {
		n += active
	}
	return n
}

// take takes a place at the least busy server. The caller holds mu.
func (q *Queue) take() (key string, ok bool) {
	var best *server
	for _, s := range q.servers {
		if s.resting || q.capacity > 0 && q.active[s.key] >= q.capacity {
			continue
		}
		if best == nil || q.active[s.key] < q.active[best.key] {
			best = s
		}
	}
	if best == nil {
		return "", false
	}
	q.active[best.key]++
	return best.key, true
}

// free gives a place back. The caller holds mu.
func (q *Queue) free(key string) {
	if q.active[key]--; q.active[key] <= 0 {
		delete(q.active, key)
	}
}

// hand gives places to those that wait. The caller holds mu.
func (q *Queue) hand() {
	for len(q.waiting) > 0 {
		key, ok := q.take()
		if !ok {
			return
		}
		q.waiting[0].got <- key
		q.waiting = slices.Delete(q.waiting, 0, 1)
	}
}
