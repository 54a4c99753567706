// Package memory bounds what messages take of the process's memory: a budget of
// bytes, regions outside the garbage-collected heap for large messages, and the
// limit of the container that all of it has to fit.
package memory

import (
	"container/list"
	"sync"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
)

// Wait is how long bytes are waited for. Messages of the usual size are done
// within it.
const Wait = 2 * time.Second

// passing is the size up to which a message does not queue behind larger ones
// if there is room for it.
const passing = 64 << 10

// Budget is the number of bytes that all messages under way may take together.
// It is safe for several goroutines; a nil one bounds nothing.
type Budget struct {
	limit int64

	mu      sync.Mutex
	used    int64
	waiting list.List // of *waiter
	refused int64
}

type waiter struct {
	bytes int64
	begin bool
	ready chan struct{}
}

// fits reports whether n bytes can be had. What begins something leaves half for
// what is under way, which needs memory for its answer; otherwise all would wait
// for each other. What is larger than that begins alone.
func (b *Budget) fits(n int64, begin bool) bool {
	if begin && b.used+n > b.limit/2 && (n <= b.limit/2 || b.used > b.limit/16) {
		return false
	}
	return b.used+n <= b.limit
}

// NewBudget makes a budget of so many bytes. Not above 0: it bounds nothing and
// is nil.
func NewBudget(limit int64) *Budget {
	if limit <= 0 {
		return nil
	}
	return &Budget{limit: limit}
}

// Limit is the number of bytes in all; 0: there is no bound.
func (b *Budget) Limit() int64 {
	if b == nil {
		return 0
	}
	return b.limit
}

// Begin is [Budget.Take] for what a request begins with, which leaves memory for
// those that have begun.
func (b *Budget) Begin(n int64) error { return b.take(n, true) }

// Try takes n bytes as [Budget.Begin] does, or as [Budget.Take] if begin is false,
// and reports whether they were there. It does not wait.
func (b *Budget) Try(n int64, begin bool) bool {
	if b == nil || n <= 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now(n, begin)
}

// now takes n bytes if they are there and nobody waits who comes first.
func (b *Budget) now(n int64, begin bool) bool {
	if !b.fits(n, begin) || b.waiting.Len() > 0 && n > passing && (begin || b.waits(false)) {
		return false
	}
	b.used += n
	return true
}

// Take takes n bytes, which [Budget.Give] gives back. It waits for them for a
// while, in the order in which they were asked for, and fails with
// [message.ErrFull], or at once with [message.ErrNever].
func (b *Budget) Take(n int64) error { return b.take(n, false) }

func (b *Budget) take(n int64, begin bool) error {
	if b == nil || n <= 0 {
		return nil
	}
	b.mu.Lock()
	if b.now(n, begin) {
		b.mu.Unlock()
		return nil
	}
	if n > b.limit {
		b.refused++
		b.mu.Unlock()
		return message.ErrNever
	}
	w := &waiter{bytes: n, begin: begin, ready: make(chan struct{})}
	place := b.waiting.PushBack(w)
	b.mu.Unlock()
	timer := time.NewTimer(Wait)
	defer timer.Stop()
	select {
	case <-w.ready:
		return nil
	case <-timer.C:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	default:
	}
	b.waiting.Remove(place)
	b.refused++
	// Those behind may fit where this one did not.
	b.serve()
	return message.ErrFull
}

// Force takes n bytes whether they are there or not: of what has been received
// already.
func (b *Budget) Force(n int64) {
	if b != nil {
		b.mu.Lock()
		b.used += n
		b.mu.Unlock()
	}
}

// Give gives bytes back.
func (b *Budget) Give(n int64) {
	if b == nil || n <= 0 {
		return
	}
	b.mu.Lock()
	b.used -= n
	b.serve()
	b.mu.Unlock()
}

// waits reports whether somebody of one kind waits.
func (b *Budget) waits(begin bool) bool {
	for e := b.waiting.Front(); e != nil; e = e.Next() {
		if e.Value.(*waiter).begin == begin {
			return true
		}
	}
	return false
}

// serve lets those go on that wait and fit, in their order: first those that
// have begun.
func (b *Budget) serve() {
	for _, begin := range [...]bool{false, true} {
		var next *list.Element
		for e := b.waiting.Front(); e != nil; e = next {
			next = e.Next()
			w := e.Value.(*waiter)
			if w.begin != begin {
				continue
			}
			if !b.fits(w.bytes, begin) {
				break
			}
			b.used += w.bytes
			b.waiting.Remove(e)
			close(w.ready)
		}
	}
}

// State is what is taken of the budget, how many requests wait and how many
// were refused so far.
func (b *Budget) State() (used int64, waiting int, refused int64) {
	if b == nil {
		return 0, 0, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used, b.waiting.Len(), b.refused
}
