package http1

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// body is the body of a request. A proxy reads it in one goroutine while it
// answers in another, and may read on when it has answered.
type body struct {
	c *conn
	// chunks are those that the body comes in; nil: it has a length.
	chunks *chunked
	// expect is true while the client waits to be asked for the body.
	expect atomic.Bool
	// closed is set once the request has been answered.
	closed atomic.Bool
	// left is what is to come of a body that has a length.
	left atomic.Int64

	mu  sync.Mutex
	err error
}

// begins makes b the body that a connection's head announces.
func (b *body) begins(c *conn) {
	h := &c.head
	b.c, b.chunks, b.err = c, nil, nil
	b.closed.Store(false)
	if h.chunked {
		b.chunks = new(chunked)
	}
	b.left.Store(max(h.length, 0))
	b.expect.Store(h.expect && h.minor == 1)
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	if b.expect.Load() {
		b.c.askForBody()
	}
	return b.next(p)
}

// next reads on, under the lock.
func (b *body) next(p []byte) (n int, err error) {
	if b.chunks != nil {
		b.c.openBody()
		n, err = b.chunks.read(&b.c.in, p)
	} else {
		n, err = b.c.readBody(p[:min(int64(len(p)), b.left.Load())])
		if b.left.Add(-int64(n)) == 0 {
			err = io.EOF
		} else if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		b.err = err
		if errors.Is(err, io.EOF) {
			b.c.arm()
		}
	}
	return n, err
}

// Close implements [io.Closer]. What is left of the body is dealt with when the
// request has been answered.
func (b *body) Close() error { return nil }

// whole reports whether all of the body has been read.
func (b *body) whole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return errors.Is(b.err, io.EOF)
}

// end keeps others from reading on, and waits for one that does.
func (b *body) end() {
	b.closed.Store(true)
	if !b.mu.TryLock() {
		b.c.interrupt()
		b.mu.Lock()
		// The next read gets a deadline of its own.
		var late interface{ Timeout() bool }
		if errors.As(b.err, &late) && late.Timeout() {
			b.err = nil
		}
	}
	b.mu.Unlock()
}

// discard reads what is left, up to a number of bytes, and reports whether that
// was all.
func (b *body) discard(most int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.c.server.out()
	defer b.c.server.outs.Put(out)
	for scratch := (*out)[:cap(*out)]; b.err == nil && most > 0; {
		n, _ := b.next(scratch[:min(most, len(scratch))])
		most -= n
	}
	return errors.Is(b.err, io.EOF)
}
