package http2

import (
	"context"

	"golang.org/x/net/http2"
)

// data reads a DATA frame, whose payload goes from the connection's buffer to
// where its stream keeps it.
func (c *conn) data(head http2.FrameHeader) error {
	if head.StreamID == 0 {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	left, padding := int64(head.Length), int64(0)
	if head.Flags.Has(http2.FlagDataPadded) {
		if left == 0 {
			return http2.ConnectionError(http2.ErrCodeFrameSize)
		}
		n, err := c.in.ReadByte()
		if err != nil {
			return err
		}
		if left--; int64(n) > left {
			return http2.ConnectionError(http2.ErrCodeProtocol)
		}
		padding = int64(n)
		left -= padding
	}
	whole := int64(head.Length)
	ended := head.Flags.Has(http2.FlagDataEndStream)
	c.mu.Lock()
	s := c.streams[head.StreamID]
	err := c.admit(s, head.StreamID, whole, whole-left)
	if err == nil && left == 0 && !ended {
		err = c.flood.cheap(flooding)
	}
	c.kick()
	c.mu.Unlock()
	if fatal, ok := err.(http2.ConnectionError); ok { //nolint:errorlint // made here
		return fatal
	}
	if failed := c.payload(s, left); failed != nil {
		return failed
	}
	if failed := c.payload(nil, padding); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	if s == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.err != nil {
		return nil
	}
	defer c.kick()
	if ended {
		s.ended = true
	}
	return s.progress()
}

// admit counts a DATA frame against the windows that were given.
func (c *conn) admit(s *stream, id uint32, n, padding int64) error {
	if c.received += n; c.received >= connWindow/2 {
		c.windowUpdate(0, c.received)
		c.received = 0
	}
	switch {
	case s == nil:
		return c.side.unknown(id)
	case s.ended:
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeStreamClosed}
	}
	return s.account(n, padding)
}

// payload moves the bytes of a frame to their stream, if it is there still.
// Nothing of it is held while more is waited for.
func (c *conn) payload(s *stream, left int64) error {
	for left > 0 {
		if _, err := c.in.Peek(1); err != nil {
			return err
		}
		p, _ := c.in.Peek(int(min(left, int64(c.in.Buffered()))))
		if s != nil {
			c.mu.Lock()
			if s.err == nil {
				s.took(p)
			}
			c.mu.Unlock()
		}
		left -= int64(len(p))
		c.in.Discard(len(p))
	}
	return nil
}

// took gives bytes to what waits for them.
func (s *stream) took(p []byte) {
	if s.body != nil {
		s.body.add(p)
		return
	}
	if s.in.done && !s.in.begun() {
		// It is no message. Who sends much of it is not heard to the end.
		if s.in.received > firstWindow/2 {
			s.owner.over()
		}
		return
	}
	if refused := s.receive(p); refused != nil {
		s.owner.refused(refused)
	}
}

// progress is called after a frame of the stream's.
func (s *stream) progress() error {
	if s.ended && s.declared >= 0 && s.in.received-s.in.padding != s.declared {
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeProtocol}
	}
	if s.body != nil {
		if s.ended {
			s.body.close()
		}
		return nil
	}
	s.moved()
	if s.ended && s.err == nil {
		s.owner.over()
	}
	return nil
}

// copied is the size up to which a message is copied among other frames; a
// larger one goes to the kernel from where it is.
const copied = 16 << 10

// mostWaiting is how much may wait to be written before those who send wait,
// too.
const mostWaiting = 1 << 20

// small sends a message in one frame, if it is one and there is room for it.
func (c *conn) small(s *stream, message [][]byte, ended bool) bool {
	head := prefixOf(pieces(message).size())
	return c.frameOf(s, head[:], message, ended)
}

// frameOf sends a head and pieces in one frame, if there is room for it.
func (c *conn) frameOf(s *stream, head []byte, rest [][]byte, ended bool) bool {
	size := len(head) + pieces(rest).size()
	n := int64(size)
	if size > copied || size > c.maxFrame || n > s.window || n > c.window || c.out.size > mostWaiting {
		return false
	}
	c.window -= n
	s.window -= n
	s.out += n
	c.dataHead(s.id, size, ended)
	_, _ = c.out.Write(head)
	for _, p := range rest {
		_, _ = c.out.Write(p)
	}
	return true
}

func (c *conn) dataHead(id uint32, n int, ended bool) {
	flags := byte(0)
	if ended {
		flags = byte(http2.FlagDataEndStream)
	}
	_, _ = c.out.Write([]byte{byte(n >> 16), byte(n >> 8), byte(n), byte(http2.FrameData), flags, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}) //nolint:gosec // in bytes
}

// atOnce is how much of a message is given to the connection before others have
// a turn.
const atOnce = 256 << 10

// large sends pieces as windows allow, from where it is: it returns when all
// of it is with the kernel or never will be. It is called under the lock.
func (c *conn) large(ctx context.Context, s *stream, rest pieces, ended bool) error {
	left := int64(rest.size())
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.room.Broadcast()
	})
	defer stop()
	s.sending = true
	defer func() { s.sending = false }()
	var last int64
	for left > 0 {
		n := min(left, atOnce, s.window, c.window)
		switch {
		case s.err != nil || ctx.Err() != nil:
			c.release(s, last)
			return s.err
		case n <= 0 || c.out.size > mostWaiting:
			c.wait()
			continue
		}
		s.window -= n
		c.window -= n
		left -= n
		s.out += n
		for n > 0 {
			size := min(int(n), c.maxFrame)
			n -= int64(size)
			c.dataHead(s.id, size, ended && left == 0 && n == 0)
			rest.first(size, c.out.refer)
		}
		last = c.out.total
		c.kick()
	}
	for c.written < last && (c.err == nil || c.flushing) {
		if ctx.Err() != nil {
			c.release(s, last)
			return s.err
		}
		c.wait()
	}
	return s.err
}

// release leaves off sending. What the kernel has not taken yet must not change:
// it stays with the stream's lease, or is waited for where there is none.
func (c *conn) release(s *stream, place int64) {
	if s.lease == nil || c.written >= place {
		c.sent(place)
		return
	}
	lease := s.lease
	lease.Retain()
	go func() {
		c.mu.Lock()
		c.sent(place)
		c.mu.Unlock()
		lease.Release()
	}()
}

// sent waits until the bytes before a place are with the kernel, or the
// connection is done with them.
func (c *conn) sent(place int64) {
	for c.written < place && (c.err == nil || c.flushing) {
		c.wait()
	}
}

// header sends a block of fields, in as many frames as it takes.
func (c *conn) header(id uint32, block []byte, ended bool) {
	first := block[:min(len(block), c.maxFrame)]
	rest := block[len(first):]
	_ = c.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndStream: ended, EndHeaders: len(rest) == 0})
	for len(rest) > 0 {
		next := rest[:min(len(rest), c.maxFrame)]
		rest = rest[len(next):]
		_ = c.frames.WriteContinuation(id, len(rest) == 0, next)
	}
}
