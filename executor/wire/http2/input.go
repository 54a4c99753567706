package http2

import (
	"io"
	"net"
)

// input is what has come on a connection and was not taken yet. Its buffer is
// small where little comes, since many connections are idle, and grows with what
// comes at once.
type input struct {
	conn net.Conn
	// buffer holds what has come from at to end.
	buffer  []byte
	at, end int
}

// The sizes of an input's buffer.
const (
	firstInput = 4 << 10
	mostInput  = 64 << 10
)

// Buffered is how much has come.
func (in *input) Buffered() int { return in.end - in.at }

// Peek returns the next n bytes, and waits for them. n is at most [firstInput].
// The bytes stay until something else is asked for.
func (in *input) Peek(n int) ([]byte, error) {
	for in.Buffered() < n {
		if err := in.fill(); err != nil {
			return nil, err
		}
	}
	return in.buffer[in.at : in.at+n], nil
}

// fill reads more.
func (in *input) fill() error {
	switch {
	case in.buffer == nil:
		in.buffer = make([]byte, firstInput)
	case in.at == in.end && in.end == len(in.buffer) && len(in.buffer) < mostInput:
		// It was full, and more may wait.
		in.buffer = make([]byte, 4*len(in.buffer))
		in.at, in.end = 0, 0
	case in.at > 0:
		in.end = copy(in.buffer, in.buffer[in.at:in.end])
		in.at = 0
	}
	n, err := in.conn.Read(in.buffer[in.end:])
	in.end += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// Discard takes n bytes that have come.
func (in *input) Discard(n int) { in.at += n }

// Read takes what has come, and waits if that is nothing.
func (in *input) Read(p []byte) (int, error) {
	if in.at == in.end && len(p) > 0 {
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.buffer[in.at:in.end])
	in.at += n
	return n, nil
}

// ReadByte takes one byte.
func (in *input) ReadByte() (byte, error) {
	p, err := in.Peek(1)
	if err != nil {
		return 0, err
	}
	in.at++
	return p[0], nil
}
