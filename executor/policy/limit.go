package policy

import (
	"context"
	"errors"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// ErrBusy is the failure of a call that found all slots and the queue taken.
var ErrBusy = errors.New("too many calls are under way")

// Limit bounds how many calls are under way at once. Those that wait are served
// in the order in which they came.
type Limit struct {
	slots   *semaphore.Weighted
	queue   int64
	waiting atomic.Int64
}

// NewLimit allows this many calls under way, and this many more to wait.
func NewLimit(limit, queue int) *Limit {
	return &Limit{slots: semaphore.NewWeighted(int64(limit)), queue: int64(queue)}
}

// Acquire takes a slot, which [Limit.Release] gives back. It fails with
// [ErrBusy], or with the context's error if that ends while it waits.
func (l *Limit) Acquire(ctx context.Context) error {
	if l.Try() {
		return nil
	}
	if l.waiting.Add(1) > l.queue {
		l.waiting.Add(-1)
		return ErrBusy
	}
	defer l.waiting.Add(-1)
	return l.slots.Acquire(ctx, 1)
}

// Try takes a slot if one is free and nobody waits for it.
func (l *Limit) Try() bool { return l.slots.TryAcquire(1) }

// Release gives a slot back.
func (l *Limit) Release() { l.slots.Release(1) }

// Waiting is the number of calls in the queue.
func (l *Limit) Waiting() int { return int(l.waiting.Load()) }
