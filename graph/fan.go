package graph

import (
	"context"
	"runtime/debug"
	"slices"
	"sync"
)

// fan holds the branches of one fan-out. Fans are pooled, so that starting a branch
// allocates nothing.
type fan[M any] struct {
	walk     walk[M]
	ctx      context.Context
	in       M
	branches []*branch[M]
	results  []M
	wait     sync.WaitGroup
	// ballot decides when enough have answered; nil: all have to.
	ballot *ballot
}

type branch[M any] struct {
	fan   *fan[M]
	step  *Step
	index int
	err   error
}

func newFan[M any](plan *Plan, n int) *fan[M] {
	f, ok := plan.fans.Get().(*fan[M])
	if !ok {
		f = new(fan[M])
	}
	for len(f.branches) < n {
		f.branches = append(f.branches, &branch[M]{fan: f, index: len(f.branches)})
	}
	f.results = slices.Grow(f.results[:0], n)[:n]
	return f
}

// run awaits all children, the last of which runs on the caller's goroutine.
func (f *fan[M]) run(ctx context.Context, w *walk[M], children []int, m M) error {
	f.walk, f.ctx, f.in = *w, ctx, m
	f.wait.Add(len(children))
	for i, child := range children {
		b := f.branches[i]
		b.step, b.err = &w.plan.Steps[child], nil
		if i < len(children)-1 {
			w.plan.crew.start(b)
		} else {
			b.run()
		}
	}
	f.wait.Wait()
	for _, b := range f.branches[:len(children)] {
		if b.err != nil {
			return b.err
		}
	}
	return nil
}

func (b *branch[M]) run() {
	f := b.fan
	defer f.wait.Done()
	defer func() {
		if v := recover(); v != nil {
			b.err = &PanicError{Node: b.step.Name, Value: v, Stack: debug.Stack()}
		}
		if f.ballot != nil {
			f.ballot.came(b.index, b.err)
		}
	}()
	f.results[b.index], b.err = f.walk.node(f.ctx, b.step, f.in)
}

// free drops every reference to the request before the fan is used again.
func (f *fan[M]) free() {
	var none M
	pool := &f.walk.plan.fans
	f.walk, f.ctx, f.in, f.ballot = walk[M]{}, nil, none, nil
	clear(f.results)
	pool.Put(f)
}
