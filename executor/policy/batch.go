package policy

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prime-radiant/radiant/graph"
)

// Batch joins calls: what comes within a short time, and is alike, is sent in one.
// It knows nothing of what a call is.
type Batch[Q, A any] struct {
	options BatchOptions[Q, A]
	size    int64
	delay   time.Duration

	mu sync.Mutex
	// open are those that may take another call, by what their calls are alike in.
	open map[string]*joint[Q, A]
}

// BatchOptions are what a [Batch] depends on.
type BatchOptions[Q, A any] struct {
	// Send makes one call of several, at least two, and returns their answers in the
	// same order. ctx ends when the last of the calls does.
	Send func(ctx context.Context, calls []Q) ([]A, error)
	// Alone judges a failure of Send: true if it may be the doing of one of the calls,
	// so that each has to be made by itself.
	Alone func(err error) bool
	// Hold keeps what a call uses until Drop.
	Hold, Drop func(call Q)
	// Meter counts; nil: nobody does.
	Meter *BatchMeter
}

// batchDelay is the delay that a user left out.
const batchDelay = 5 * time.Millisecond

// NewBatch makes what a user wrote, after [graph.Policy.Problems] found none.
func NewBatch[Q, A any](g *graph.Batch, o BatchOptions[Q, A]) (*Batch[Q, A], error) {
	b := &Batch[Q, A]{options: o, size: int64(g.MaxSize), delay: batchDelay, open: map[string]*joint[Q, A]{}}
	if g.MaxDelay != "" {
		var err error
		if b.delay, err = time.ParseDuration(g.MaxDelay); err != nil {
			return nil, fmt.Errorf("policy.batch.maxDelay: %w", err)
		}
	}
	return b, nil
}

// joint is calls that go together.
type joint[Q, A any] struct {
	like   string
	rows   int64
	timer  *time.Timer
	places []*place[Q, A]

	// mu guards what follows: calls leave when their context ends.
	mu     sync.Mutex
	left   int
	cancel context.CancelFunc
}

// place is a call's in a joint.
type place[Q, A any] struct {
	call     Q
	rows     int64
	deadline time.Time
	gone     bool
	done     chan outcome[A]
}

type outcome[A any] struct {
	answer A
	alone  bool
	err    error
}

// Do makes a call of so many rows together with others that are like it. alone is
// true if it was not made and is to be made by itself.
func (b *Batch[Q, A]) Do(ctx context.Context, like string, rows int64, call Q) (answer A, alone bool, err error) {
	if rows >= b.size {
		return answer, true, nil
	}
	p := &place[Q, A]{call: call, rows: rows, done: make(chan outcome[A], 1)}
	p.deadline, _ = ctx.Deadline()
	b.options.Hold(call)
	j := b.join(like, p)
	select {
	case o := <-p.done:
		return o.answer, o.alone, o.err
	case <-ctx.Done():
		j.leave(p)
		return answer, false, ctx.Err()
	}
}

// join finds a place, and sends what is full by it.
func (b *Batch[Q, A]) join(like string, p *place[Q, A]) *joint[Q, A] {
	b.mu.Lock()
	defer b.mu.Unlock()
	j := b.open[like]
	if j != nil && j.rows+p.rows > b.size {
		b.close(j)
		j = nil
	}
	if j == nil {
		j = &joint[Q, A]{like: like}
		b.open[like] = j
		j.timer = time.AfterFunc(b.delay, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.open[like] == j {
				b.close(j)
			}
		})
	}
	j.rows += p.rows
	j.places = append(j.places, p)
	if j.rows == b.size {
		b.close(j)
	}
	return j
}

// close sends the calls of a joint, which takes no more.
func (b *Batch[Q, A]) close(j *joint[Q, A]) {
	delete(b.open, j.like)
	j.timer.Stop()
	go b.run(j)
}

// leave is told of a call whose context has ended. With the last one, the joined
// call ends.
func (j *joint[Q, A]) leave(p *place[Q, A]) {
	j.mu.Lock()
	defer j.mu.Unlock()
	p.gone = true
	if j.left--; j.left == 0 && j.cancel != nil {
		j.cancel()
	}
}

// begin returns the calls that have not left, and the context of all of them: it
// ends with the last deadline, if each has one.
func (j *joint[Q, A]) begin() (present []*place[Q, A], ctx context.Context) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var last time.Time
	bounded := true
	for _, p := range j.places {
		if p.gone {
			continue
		}
		present = append(present, p)
		bounded = bounded && !p.deadline.IsZero()
		if p.deadline.After(last) {
			last = p.deadline
		}
	}
	j.left = len(present)
	if bounded && len(present) > 0 {
		ctx, j.cancel = context.WithDeadline(context.Background(), last) //nolint:gosec // run calls it.
	} else {
		ctx, j.cancel = context.WithCancel(context.Background()) //nolint:gosec // run calls it.
	}
	return present, ctx
}

func (b *Batch[Q, A]) run(j *joint[Q, A]) {
	present, ctx := j.begin()
	defer j.cancel()
	defer func() {
		for _, p := range j.places {
			b.options.Drop(p.call)
		}
	}()
	if len(present) < 2 {
		for _, p := range present {
			p.done <- outcome[A]{alone: true}
		}
		return
	}
	answers, err := b.send(ctx, present)
	alone := err != nil && ctx.Err() == nil && b.options.Alone(err)
	rows := int64(0)
	for _, p := range present {
		rows += p.rows
	}
	b.options.Meter.joined(len(present), rows, alone)
	for i, p := range present {
		o := outcome[A]{err: err, alone: alone}
		if err == nil {
			o.answer = answers[i]
		}
		p.done <- o
	}
}

// send turns a panic into an error, since nobody else is on this goroutine to
// recover.
func (b *Batch[Q, A]) send(ctx context.Context, present []*place[Q, A]) (answers []A, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = Recovered(v)
		}
	}()
	calls := make([]Q, len(present))
	for i, p := range present {
		calls[i] = p.call
	}
	return b.options.Send(ctx, calls)
}
