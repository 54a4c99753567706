package http1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// chunked reads a body that comes in chunks.
type chunked struct {
	// left is what is to come of the present chunk, within is true once one has
	// begun.
	left   int64
	within bool
	excess int64
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

// ErrBody is in each error of a body that breaks the rules of chunks.
var ErrBody = errors.New("malformed chunks")

func badBody(reason string) error { return fmt.Errorf("%w: %s", ErrBody, reason) }

// read reads data of chunks: what has come, or else what comes first.
func (d *chunked) read(in *buffer, p []byte) (n int, err error) {
	for n < len(p) {
		if d.left > 0 {
			if n > 0 && in.buffered() == 0 {
				return n, nil
			}
			m, err := in.read(p[n : n+int(min(int64(len(p)-n), d.left))])
			n += m
			d.left -= int64(m)
			if err != nil {
				return n, cut(err)
			}
			continue
		}
		if n > 0 && !d.lineCame(in) {
			return n, nil
		}
		if err := d.next(in); err != nil {
			return n, err
		}
	}
	return n, nil
}

// lineCame reports whether the line before the next chunk has come.
func (d *chunked) lineCame(in *buffer) bool {
	came := in.b[in.r:in.w]
	if d.within {
		came = came[min(2, len(came)):]
	}
	return bytes.IndexByte(came, '\n') >= 0
}

// next reads what stands between the data of chunks; its error is EOF behind the
// last one.
func (d *chunked) next(in *buffer) error {
	if d.within {
		end, err := lineOf(in, chunkLine)
		if err != nil {
			return err
		}
		if len(end) > 0 {
			return badBody("a chunk has no end")
		}
		d.within = false
	}
	line, err := lineOf(in, chunkLine)
	if err != nil {
		return err
	}
	size, err := chunkSize(line)
	if err != nil {
		return err
	}
	if d.excess = max(d.excess+int64(len(line))+2-16-2*size, 0); d.excess > chunkExcess {
		return badBody("too much non-data")
	}
	if size == 0 {
		return trailer(in)
	}
	d.within = true
	d.left = size
	return nil
}

// lineOf takes the next line out of the buffer.
func lineOf(in *buffer, most int) ([]byte, error) {
	line, next, err := in.line(0, most)
	switch {
	case errors.Is(err, errLong), errors.Is(err, errBare):
		return nil, badBody(err.Error())
	case err != nil:
		return nil, cut(err)
	}
	in.r += next
	return line, nil
}

// trailer reads the fields behind the last chunk, which nobody gets.
func trailer(in *buffer) error {
	for left := trailers; left > 0; {
		line, err := lineOf(in, left)
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
