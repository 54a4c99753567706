package server

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// budget bounds bytes.
type budget struct {
	limit int64
	used  atomic.Int64
}

func (b *budget) take(n int64) bool {
	if b.used.Add(n) > b.limit {
		b.used.Add(-n)
		return false
	}
	return true
}

// left is what may still be taken.
func (b *budget) left() int64 { return b.limit - b.used.Load() }

func (b *budget) give(n int64) { b.used.Add(-n) }

// errMemory is the error of a body that finds no room while its request waits.
var errMemory = errors.New("the bodies of requests that wait take all the memory that they may")

// body is that of a request that waits. It is read meanwhile: who has many requests
// on one connection of HTTP/2 could else not send any of them. Once the request has
// gone on, no more is read than goes on as well.
type body struct {
	source io.ReadCloser
	memory *budget
	// full is closed when there is no room.
	full chan struct{}
	// done is closed when nothing more is read.
	done chan struct{}

	mu     sync.Mutex
	change sync.Cond
	// unread is what came and was not sent; read is true once some of it was.
	unread bytes.Buffer
	read   bool
	// flowing is set when the request has gone on, over when it has ended.
	flowing, over bool
	err           error
}

// ahead is how much is read of a body before it is sent, once its request has gone
// on.
const ahead = 64 << 10

func newBody(source io.ReadCloser, length int64, memory *budget) *body {
	b := &body{source: source, memory: memory, full: make(chan struct{}), done: make(chan struct{})}
	b.change.L = &b.mu
	piece := int64(32 << 10)
	if length >= 0 {
		piece = min(piece, length+1) // The end is seen with the last piece.
	}
	go b.pump(make([]byte, piece))
	return b
}

func (b *body) pump(piece []byte) {
	defer close(b.done)
	for b.wants() {
		n, err := b.source.Read(piece)
		if n > 0 && !b.memory.take(int64(n)) {
			n, err = 0, errMemory
			close(b.full)
		}
		b.mu.Lock()
		b.unread.Write(piece[:n])
		b.err = err
		b.change.Broadcast()
		b.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// wants waits until more is to be read; false: nothing ever is.
func (b *body) wants() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.over && b.flowing && b.unread.Len() >= ahead {
		b.change.Wait()
	}
	return !b.over
}

// flow is told that the request goes on. whole is the body if all of it is there
// and none was sent; nil: it has to be read.
func (b *body) flow() (whole []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flowing = true
	if errors.Is(b.err, io.EOF) && !b.read {
		return b.unread.Bytes()
	}
	return nil
}

// untouched reports whether nothing of it was sent.
func (b *body) untouched() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.read
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.unread.Len() == 0 && b.err == nil && !b.over {
		b.change.Wait()
	}
	switch {
	case b.over:
		return 0, io.ErrClosedPipe
	case b.unread.Len() == 0:
		return 0, b.err
	}
	n, _ := b.unread.Read(p) // There is some.
	b.read = true
	b.memory.give(int64(n))
	b.change.Broadcast()
	return n, nil
}

// Close does nothing: another server may be tried.
func (*body) Close() error { return nil }

// end gives all memory back, and waits until nothing more is read; hurry ends a
// reading that is under way.
func (b *body) end(hurry func()) {
	b.mu.Lock()
	b.over = true
	b.memory.give(int64(b.unread.Len()))
	b.unread = bytes.Buffer{}
	b.change.Broadcast()
	b.mu.Unlock()
	select {
	case <-b.done:
	default:
		hurry()
		<-b.done
	}
	b.mu.Lock()
	b.memory.give(int64(b.unread.Len()))
	b.unread = bytes.Buffer{}
	b.mu.Unlock()
}
