package http1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// body is the body of a request. A proxy reads it in one goroutine while it
// answers in another, and may read on when it has answered.
type body struct {
	c       *conn
	chunked bool
	// expect is true while the client waits to be asked for the body.
	expect atomic.Bool
	// closed is set once the request has been answered.
	closed atomic.Bool
	// left is what is to come of the body, or of the present chunk.
	left atomic.Int64

	mu     sync.Mutex
	within bool // a chunk has begun
	excess int64
	err    error
}

// ErrBody is in each error of a body that breaks the rules of chunks.
var ErrBody = errors.New("request body")

func badBody(reason string) error { return fmt.Errorf("%w: %s", ErrBody, reason) }

// newBody is the body that a connection's head announces. Each request has one of
// its own: who reads on in an old one must not get what belongs to the next.
func newBody(c *conn) *body {
	h := &c.head
	b := &body{c: c, chunked: h.chunked}
	b.left.Store(max(h.length, 0))
	b.expect.Store(h.expect && h.minor == 1)
	return b
}

const (
	// chunkLine bounds the line before a chunk, trailers all that comes behind the
	// last one.
	chunkLine = 4 << 10
	trailers  = 4 << 10
	// chunkExcess bounds what comes beside the data of chunks.
	chunkExcess = 16 << 10
	// chunkDigits bounds the size of a chunk: all such numbers fit.
	chunkDigits = 15
)

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
	if b.chunked {
		n, err = b.chunks(p)
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

// chunks reads data of chunks: what has come, or else what comes first.
func (b *body) chunks(p []byte) (n int, err error) {
	for n < len(p) {
		if b.left.Load() > 0 {
			if n > 0 && b.c.in.buffered() == 0 {
				return n, nil
			}
			m, err := b.c.readBody(p[n : n+int(min(int64(len(p)-n), b.left.Load()))])
			n += m
			b.left.Add(-int64(m))
			if err != nil {
				return n, cut(err)
			}
			continue
		}
		if n > 0 && !b.lineCame() {
			return n, nil
		}
		if err := b.chunk(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// lineCame reports whether the line before the next chunk has come.
func (b *body) lineCame() bool {
	came := b.c.in.b[b.c.in.r:b.c.in.w]
	if b.within {
		came = came[min(2, len(came)):]
	}
	return bytes.IndexByte(came, '\n') >= 0
}

// chunk reads what stands between the data of chunks; its error is EOF behind the
// last one.
func (b *body) chunk() error {
	b.c.openBody()
	if b.within {
		end, err := b.lineOf(chunkLine)
		if err != nil {
			return err
		}
		if len(end) > 0 {
			return badBody("malformed chunked encoding")
		}
		b.within = false
	}
	line, err := b.lineOf(chunkLine)
	if err != nil {
		return err
	}
	size, err := chunkSize(line)
	if err != nil {
		return err
	}
	if b.excess = max(b.excess+int64(len(line))+2-16-2*size, 0); b.excess > chunkExcess {
		return badBody("chunked encoding contains too much non-data")
	}
	if size == 0 {
		return b.trailer()
	}
	b.within = true
	b.left.Store(size)
	return nil
}

// lineOf takes the next line out of the buffer.
func (b *body) lineOf(most int) ([]byte, error) {
	line, next, err := b.c.in.line(0, most)
	switch {
	case errors.Is(err, errLong), errors.Is(err, errBare):
		return nil, badBody(err.Error())
	case err != nil:
		return nil, cut(err)
	}
	b.c.in.r += next
	return line, nil
}

// trailer reads the fields behind the last chunk, which nobody gets.
func (b *body) trailer() error {
	for left := trailers; left > 0; {
		line, err := b.lineOf(left)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return io.EOF
		}
		if _, refused := parseField(line); refused != nil {
			return badBody(refused.reason)
		}
		left -= len(line) + 2
	}
	return badBody(errLong.Error())
}

// chunkSize reads the line before a chunk. What follows the size means nothing
// here.
func chunkSize(line []byte) (size int64, err error) {
	digits := 0
	for ; digits < len(line); digits++ {
		d := hexDigit(line[digits])
		if d < 0 {
			break
		}
		if digits == chunkDigits {
			return 0, badBody("http chunk length too large")
		}
		size = size<<4 | d
	}
	if digits == 0 && len(line) == 0 {
		return 0, badBody("empty hex number for chunk length")
	}
	rest := line[digits:]
	for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		rest = rest[1:]
	}
	if digits == 0 || len(rest) > 0 && rest[0] != ';' {
		return 0, badBody("invalid byte in chunk length")
	}
	for _, c := range rest {
		if c < ' ' && c != '\t' || c == 0x7f {
			return 0, badBody("invalid byte in chunk extension")
		}
	}
	return size, nil
}

func hexDigit(c byte) int64 {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0')
	case 'a' <= c && c <= 'f':
		return int64(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int64(c-'A') + 10
	}
	return -1
}

func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
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
