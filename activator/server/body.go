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
// on one connection of HTTP/2 could else not send any of them. What is read while it
// waits is charged to the budget until it has gone on. Once the request has, no more is
// read than goes on as well: that is charged to nobody, so that what others keep waiting
// never breaks a stream that flows.
type body struct {
	source io.ReadCloser
	memory *budget
	// full is closed when there is no room.
	full chan struct{}
	// done is closed when nothing more is read.
	done chan struct{}

	mu     sync.Mutex
	change sync.Cond
	// unread is what came and was not sent, of which so many bytes are charged; read is
	// true once some of it was.
	unread  bytes.Buffer
	charged int64
	read    bool
	// flowing is set when the request has gone on, over when it has ended.
	flowing, over bool
	// sending are those that send the whole body, and answered is set when a server has
	// answered: nobody sends it anew then.
	sending  int
	answered bool
	err      error
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
		b.mu.Lock()
		switch {
		case n == 0 || b.flowing:
		case b.memory.take(int64(n)):
			b.charged += int64(n)
		default:
			n, err = 0, errMemory
			close(b.full)
		}
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

// stay is told that a request waits again of which nothing was sent: what was read of
// it while it seemed to go on is charged now.
func (b *body) stay() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flowing = false
	if more := int64(b.unread.Len()) - b.charged; more > 0 {
		if !b.memory.take(more) {
			return errMemory
		}
		b.charged += more
	}
	b.change.Broadcast()
	return nil
}

// whole is a body of which all is there, as one server gets it.
type whole struct {
	*bytes.Reader
	of   *body
	once sync.Once
}

// send is the whole body for a server.
func (b *body) send(all []byte) io.ReadCloser {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sending++
	return &whole{Reader: bytes.NewReader(all), of: b}
}

// Close implements [io.Closer]: nothing of it is needed any more.
func (w *whole) Close() error {
	w.once.Do(func() {
		w.of.mu.Lock()
		defer w.of.mu.Unlock()
		w.of.sending--
		w.of.sent()
	})
	return nil
}

// answer is told that a server has answered.
func (b *body) answer() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answered = true
	b.sent()
}

// sent drops a body that nobody sends any more, where all of it was. The caller
// holds mu.
func (b *body) sent() {
	if b.answered && b.sending == 0 && b.flowing && errors.Is(b.err, io.EOF) && !b.read {
		b.drop()
	}
}

// drop gives back what is kept. The caller holds mu.
func (b *body) drop() {
	b.memory.give(b.charged)
	b.unread, b.charged = bytes.Buffer{}, 0
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
	gone := min(int64(n), b.charged) // What came first is charged.
	b.charged -= gone
	b.memory.give(gone)
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
	b.drop()
	b.change.Broadcast()
	b.mu.Unlock()
	select {
	case <-b.done:
	default:
		hurry()
		<-b.done
	}
	b.mu.Lock()
	b.drop()
	b.mu.Unlock()
}
