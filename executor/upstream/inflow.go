package upstream

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"

	"google.golang.org/grpc/credentials"

	"github.com/prime-radiant/radiant/executor/memory"
)

// Inflow makes connections to servers of HTTP/2 wait for memory before large gRPC
// messages come in. gRPC asks for all of a message as soon as it has seen how long it is
// and keeps it outside of anybody's account; so the length is read on its way
// to gRPC, and taken of the budget first. A message that finds no memory is
// handed on as one of 4 GiB, which gRPC refuses with RESOURCE_EXHAUSTED.
type Inflow struct {
	credentials.TransportCredentials
	// Budget is what messages are taken of.
	Budget *memory.Budget
}

// Clone is for gRPC.
func (i Inflow) Clone() credentials.TransportCredentials {
	i.TransportCredentials = i.TransportCredentials.Clone()
	return i
}

// ClientHandshake makes a connection to a server wait for memory.
func (i Inflow) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := i.TransportCredentials.ClientHandshake(ctx, authority, conn)
	if err != nil || i.Budget == nil {
		return conn, info, err
	}
	return newInflowConn(conn, i.Budget, true), info, nil
}

// What is read of HTTP/2: frames have a head of frameHead bytes, and those of a
// client begin after a preface.
const (
	frameHead = 9
	preface   = len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

	frameData    = 0
	frameHeaders = 1
	frameReset   = 3

	flagEnd    = 1
	flagPadded = 8
)

// prefix is what comes before a gRPC message: a flag and a length.
const prefix = 5

// Large is the size from which messages wait for memory, and are handed on
// without a copy.
const Large = 1 << 20

type inflowConn struct {
	net.Conn
	budget *memory.Budget
	client bool

	in, out frameReader
	// kept are bytes that were read and cannot be judged yet, ready those that
	// were and nobody has read; failed is what came after them.
	kept, ready []byte
	failed      error
	// head is the beginning of a head that is being written.
	head []byte

	mu       sync.Mutex
	messages map[uint32]*arriving
	closed   bool
}

// arriving is a message of a stream that is on its way.
type arriving struct {
	left  int64
	taken int64
	head  [prefix]byte
	known int
}

func newInflowConn(conn net.Conn, b *memory.Budget, client bool) *inflowConn {
	c := &inflowConn{Conn: conn, budget: b, client: client, messages: map[uint32]*arriving{}}
	if client {
		c.out.lead = preface
	} else {
		c.in.lead = preface
	}
	return c
}

// frameReader follows frames in a stream of bytes.
type frameReader struct {
	// lead is what is left of the preface, left of the present frame, padding
	// the part of it at its end that means nothing.
	lead, left, padding int
	kind, flags         byte
	stream              uint32
}

// begin reads the head of a frame, and how much it is padded, if all of that is
// there. used is 0 if it is not.
func (f *frameReader) begin(p []byte) (used int) {
	if len(p) < frameHead {
		return 0
	}
	padded := p[3] == frameData && p[4]&flagPadded != 0
	if padded && len(p) == frameHead {
		return 0
	}
	f.left = int(p[0])<<16 | int(p[1])<<8 | int(p[2])
	f.kind, f.flags, f.stream, f.padding = p[3], p[4], binary.BigEndian.Uint32(p[5:])&^(1<<31), 0
	if padded && f.left > 0 {
		f.left--
		f.padding = min(int(p[frameHead]), f.left)
		return frameHead + 1
	}
	return frameHead
}

// errDivided ends a connection on which a length comes in pieces when there is
// no memory for the message: nothing is left to refuse it by.
var errDivided = errors.New("no memory for a message")

func (c *inflowConn) Read(p []byte) (int, error) {
	for len(c.ready) == 0 {
		if c.failed != nil {
			return 0, c.failed
		}
		if len(p) > frameHead+1+prefix {
			return c.follow(p)
		}
		// Who reads so little gets it from a buffer.
		few := make([]byte, 4<<10)
		n, err := c.follow(few)
		c.ready, c.failed = few[:n], err
	}
	n := copy(p, c.ready)
	c.ready = c.ready[n:]
	return n, nil
}

// follow reads what can be handed on.
func (c *inflowConn) follow(p []byte) (int, error) {
	for {
		n := copy(p, c.kept)
		c.kept = c.kept[:0]
		m, err := c.Conn.Read(p[n:])
		n += m
		judged, refused := c.judge(p[:n])
		if refused != nil {
			return 0, refused
		}
		if err != nil {
			return n, err
		}
		c.kept = append(c.kept, p[judged:n]...)
		if judged > 0 {
			return judged, nil
		}
	}
}

// judge follows the frames in p and returns how much of it can be handed on.
func (c *inflowConn) judge(p []byte) (int, error) {
	at, f := 0, &c.in
	for at < len(p) {
		switch {
		case f.lead > 0:
			n := min(f.lead, len(p)-at)
			f.lead -= n
			at += n
		case f.left == 0:
			used := f.begin(p[at:])
			if used == 0 {
				return at, nil
			}
			at += used
			if f.kind == frameReset {
				c.forget(f.stream)
			}
		case f.kind == frameData && f.left > f.padding:
			n, err := c.data(p[at:], f)
			if n == 0 || err != nil {
				return at, err
			}
			f.left -= n
			at += n
		default:
			n := min(f.left, len(p)-at)
			f.left -= n
			at += n
		}
		if f.lead == 0 && f.left == 0 && f.flags&flagEnd != 0 && (f.kind == frameData || f.kind == frameHeaders) {
			c.forget(f.stream)
			f.flags = 0
		}
	}
	return at, nil
}

// data follows the data of a frame and returns how much of p it was; 0: more is
// needed to judge it.
func (c *inflowConn) data(p []byte, f *frameReader) (int, error) {
	c.mu.Lock()
	m := c.messages[f.stream]
	c.mu.Unlock()
	here := min(f.left-f.padding, len(p))
	if m == nil || m.left == 0 {
		if m == nil && here >= prefix {
			length := int64(binary.BigEndian.Uint32(p[1:]))
			if length < Large && int64(here-prefix) >= length {
				return prefix + int(length), nil // all of a small one
			}
			m = &arriving{left: length}
			if length >= Large && !c.take(m, length) {
				binary.BigEndian.PutUint32(p[1:], ^uint32(0))
			}
			c.remember(f.stream, m)
			return prefix, nil
		}
		if m == nil {
			if here < f.left-f.padding {
				return 0, nil // the rest of the length is in this frame
			}
			m = &arriving{}
			c.remember(f.stream, m)
		}
		n := min(prefix-m.known, here)
		copy(m.head[m.known:], p[:n])
		if m.known += n; m.known == prefix {
			m.left, m.known = int64(binary.BigEndian.Uint32(m.head[1:])), 0
			if m.left >= Large && !c.take(m, m.left) {
				return 0, errDivided
			}
			if m.left == 0 {
				c.forget(f.stream)
			}
		}
		return n, nil
	}
	n := min(int64(here), m.left)
	if m.left -= n; m.left == 0 {
		// From here on it is the account of the request that knows of it.
		c.forget(f.stream)
	}
	return int(n), nil
}

func (c *inflowConn) take(m *arriving, length int64) bool {
	take := c.budget.Begin
	if c.client {
		take = c.budget.Take
	}
	if take(length) != nil {
		return false
	}
	m.taken = length
	return true
}

func (c *inflowConn) remember(stream uint32, m *arriving) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		c.budget.Give(m.taken)
		return
	}
	c.messages[stream] = m
}

func (c *inflowConn) forget(stream uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.messages[stream]; m != nil {
		delete(c.messages, stream)
		c.budget.Give(m.taken)
	}
}

// Write follows what ends streams from this side.
func (c *inflowConn) Write(p []byte) (int, error) {
	f := &c.out
	for rest := p; len(rest) > 0; {
		switch {
		case f.lead > 0:
			n := min(f.lead, len(rest))
			f.lead -= n
			rest = rest[n:]
		case f.left > 0:
			n := min(f.left, len(rest))
			f.left -= n
			rest = rest[n:]
		default:
			n := min(frameHead-len(c.head), len(rest))
			c.head = append(c.head, rest[:n]...)
			rest = rest[n:]
			if len(c.head) < frameHead {
				break
			}
			c.head[4] &^= flagPadded // padding is skipped with the rest
			f.begin(c.head)
			c.head = c.head[:0]
			if f.kind == frameReset || !c.client && f.flags&flagEnd != 0 && f.kind <= frameHeaders {
				c.forget(f.stream)
			}
		}
	}
	return c.Conn.Write(p)
}

func (c *inflowConn) Close() error {
	c.mu.Lock()
	c.closed = true
	for stream, m := range c.messages {
		delete(c.messages, stream)
		c.budget.Give(m.taken)
	}
	c.mu.Unlock()
	return c.Conn.Close()
}
