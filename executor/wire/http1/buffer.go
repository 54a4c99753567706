package http1

import (
	"bytes"
	"errors"
	"io"
)

const (
	// readSize is the buffer of a connection that waits. Most requests with small
	// bodies fit.
	readSize = 4 << 10
	// outSize is the buffer for answers; longer bodies are not copied through it.
	outSize = 16 << 10
	// slack is how much more than the limit a head may have, as with net/http.
	slack = 4 << 10
)

// buffer holds what has come of a connection and has not been read.
type buffer struct {
	from io.Reader
	b    []byte
	r, w int
}

func (b *buffer) buffered() int { return b.w - b.r }

// fill reads more, and makes room before that, at most to a size of most bytes.
func (b *buffer) fill(most int) error {
	if b.w == len(b.b) && b.r > 0 {
		b.w = copy(b.b, b.b[b.r:b.w])
		b.r = 0
	}
	if b.w == len(b.b) {
		if len(b.b) >= most {
			return errLong
		}
		larger := make([]byte, min(2*len(b.b), most))
		copy(larger, b.b[:b.w])
		b.b = larger
	}
	return b.readBehind()
}

// readBehind reads more without moving what there is. Where all has been read, all of
// the buffer is free.
func (b *buffer) readBehind() error {
	if b.r == b.w {
		b.r, b.w = 0, 0
	}
	if b.w == len(b.b) {
		return errLong
	}
	n, err := b.from.Read(b.b[b.w:])
	b.w += n
	if n > 0 {
		// An error comes again.
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// Errors of lines.
var (
	errLong = errors.New("line is too long")
	errBare = errors.New("line ends without CR")
)

// line finds the line that begins at an offset from what is unread, reading more
// as needed, and returns it without CR LF, with the offset of the next. All that
// is unread until then has at most a number of bytes.
func (b *buffer) line(at, most int) (line []byte, next int, err error) {
	for seen := at; ; {
		if i := bytes.IndexByte(b.b[b.r+seen:b.w], '\n'); i >= 0 {
			end := seen + i
			if end >= most {
				return nil, 0, errLong
			}
			if end == at || b.b[b.r+end-1] != '\r' {
				return nil, 0, errBare
			}
			return b.b[b.r+at : b.r+end-1], end + 1, nil
		}
		seen = b.buffered()
		if seen >= most {
			return nil, 0, errLong
		}
		if err := b.fill(most + readSize); err != nil {
			return nil, 0, err
		}
	}
}

// read takes what has come, or else reads into p itself.
func (b *buffer) read(p []byte) (int, error) {
	if b.r == b.w {
		if len(p) >= len(b.b) {
			return b.from.Read(p)
		}
		if err := b.fill(len(b.b)); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.b[b.r:b.w])
	b.r += n
	return n, nil
}

// shrink gives back the room that a large head took.
func (b *buffer) shrink() {
	if len(b.b) > readSize && b.buffered() <= readSize {
		smaller := make([]byte, readSize)
		b.w = copy(smaller, b.b[b.r:b.w])
		b.r = 0
		b.b = smaller
	}
}
