package http1

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// requestContext is the context of a request. It ends when the request has been
// answered, or its client has gone. A request whose context nobody waits for has
// no channel for that, and the connections on which it waits for nodes are told
// directly.
type requestContext struct {
	// base holds the values.
	base context.Context

	mu   sync.Mutex
	done chan struct{}
	err  error
	// waits are the connections to servers that the request waits for, first the
	// one that most have.
	first *Conn
	more  []*Conn
	calls []*afterCall
	// shared is true once somebody may wait for the end who is not known here, and
	// may do so when the request has been answered.
	shared atomic.Bool
}

// begin makes a context that is not shared that of another request. Who has looked at
// it since the last one ended has a channel of its own, which is closed.
func (r *requestContext) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err, r.done = nil, nil
	r.shared.Store(false)
}

// afterCall is a function to be called at the end.
type afterCall struct{ f func() }

// Deadline implements [context.Context].
func (r *requestContext) Deadline() (time.Time, bool) { return r.base.Deadline() }

// Value implements [context.Context].
func (r *requestContext) Value(key any) any {
	if key == (requestKey{}) {
		return r
	}
	return r.base.Value(key)
}

type requestKey struct{}

// Done implements [context.Context].
func (r *requestContext) Done() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shared.Store(true)
	if r.done == nil {
		r.done = make(chan struct{})
		if r.err != nil {
			close(r.done)
		}
	}
	return r.done
}

// Err implements [context.Context].
func (r *requestContext) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// AfterFunc has contexts that are made of this one end with it, without a goroutine
// that waits.
func (r *requestContext) AfterFunc(f func()) (stop func() bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shared.Store(true)
	if r.err != nil {
		go f()
		return func() bool { return false }
	}
	call := &afterCall{f}
	r.calls = append(r.calls, call)
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		i := slices.Index(r.calls, call)
		if i >= 0 {
			r.calls = slices.Delete(r.calls, i, i+1)
		}
		return i >= 0
	}
}

// wait has the end of the request interrupt a connection. It reports false if the
// end has come.
func (r *requestContext) wait(c *Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.err != nil:
		return false
	case r.first == nil:
		r.first = c
	default:
		r.more = append(r.more, c)
	}
	return true
}

// waited ends that. It reports false if the connection has been interrupted.
func (r *requestContext) waited(c *Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == c {
		r.first = nil
	} else if i := slices.Index(r.more, c); i >= 0 {
		r.more = slices.Delete(r.more, i, i+1)
	}
	return r.err == nil
}

// end ends the context.
func (r *requestContext) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	r.err = context.Canceled
	if r.done != nil {
		close(r.done)
	}
	if r.first != nil {
		r.first.interrupt()
	}
	for _, c := range r.more {
		c.interrupt()
	}
	for _, call := range r.calls {
		go call.f()
	}
	clear(r.more)
	r.first, r.more, r.calls = nil, r.more[:0], nil
}

// requestOf is the request's own context, if ctx ends when that does and not
// earlier; else nil.
func requestOf(ctx context.Context) *requestContext {
	r, ok := ctx.(*requestContext)
	if ok {
		return r
	}
	if r, ok = ctx.Value(requestKey{}).(*requestContext); ok && r.Done() == ctx.Done() {
		return r
	}
	return nil
}
