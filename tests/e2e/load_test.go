//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load sends requests from several clients until stop is called, and counts.
type load struct {
	name    string
	start   time.Time
	sent    atomic.Int64
	cancel  context.CancelFunc
	clients sync.WaitGroup

	mu       sync.Mutex
	failures []failure
}

type failure struct {
	after time.Duration
	err   error
}

// request is one request; an error says why it failed.
type request func(context.Context) error

// answerTime bounds the wait for one answer: longer than activators keep a request, so
// that what they say of one that waited in vain is seen.
const answerTime = 3 * time.Minute

// startLoad sends perSecond requests a second, and fewer only while all clients
// wait for answers. 0: as many as the clients can.
func startLoad(name string, clients, perSecond int, send request) *load {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	l := &load{name: name, start: time.Now(), cancel: cancel}
	turn := turns(ctx, perSecond)
	for range clients {
		l.clients.Go(func() {
			for turn() {
				l.one(send)
			}
		})
	}
	return l
}

// turns returns what waits for the next turn to send; false: there is none.
func turns(ctx context.Context, perSecond int) func() bool {
	if perSecond == 0 {
		return func() bool { return ctx.Err() == nil }
	}
	ticker := time.NewTicker(time.Second / time.Duration(perSecond))
	context.AfterFunc(ctx, ticker.Stop)
	return func() bool {
		select {
		case <-ticker.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// one is not bound to the load's end: what is under way then is answered.
func (l *load) one(send request) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	after := time.Since(l.start)
	err := send(ctx)
	l.sent.Add(1)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failures = append(l.failures, failure{after, err})
	}
}

// end stops sending, and returns the failures.
func (l *load) end(t *testing.T) []failure {
	t.Helper()
	l.cancel()
	l.clients.Wait()
	took := time.Since(l.start)
	t.Logf("%s: %d requests in %.0f s, %.0f a second, %d failed", l.name, l.sent.Load(), took.Seconds(), float64(l.sent.Load())/took.Seconds(), len(l.failures))
	return l.failures
}

// stop ends the load; none of its requests may have failed.
func (l *load) stop(t *testing.T) {
	t.Helper()
	if failures := l.end(t); len(failures) > 0 {
		t.Errorf("%s: %d of %d requests failed: %s", l.name, len(failures), l.sent.Load(), summary(failures))
	}
}

// summary tells when the first and the last request failed, and how.
func summary(failures []failure) string {
	first, last := failures[0], failures[len(failures)-1]
	return fmt.Sprintf("from %.1f s (%v) to %.1f s (%v)", first.after.Seconds(), first.err, last.after.Seconds(), last.err)
}
