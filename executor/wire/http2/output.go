package http2

import (
	"net"
	"slices"
)

// output is what waits to be written: frames one after the other, of whatever
// streams. Small frames are copied into one buffer; the payload of large ones is
// referred to, so that it goes to the kernel from where it is.
type output struct {
	pieces net.Buffers
	// buffer holds the frames that were copied; from start on it is not among the
	// pieces yet.
	buffer []byte
	start  int
	// size is how many bytes wait, total how many came here in all.
	size  int
	total int64
	// spare is the buffer of the batch before.
	spare []byte
}

// keptOutput is the largest buffer that is kept for other frames.
const keptOutput = 64 << 10

// Write takes a copy of a frame.
func (o *output) Write(p []byte) (int, error) {
	o.buffer = append(o.buffer, p...)
	o.added(len(p))
	return len(p), nil
}

func (o *output) added(n int) {
	o.size += n
	o.total += int64(n)
}

// refer takes bytes that do not change before they are written.
func (o *output) refer(p []byte) {
	o.cut()
	o.pieces = append(o.pieces, p)
	o.added(len(p))
}

func (o *output) cut() {
	if len(o.buffer) > o.start {
		o.pieces = append(o.pieces, o.buffer[o.start:len(o.buffer):len(o.buffer)])
		o.start = len(o.buffer)
	}
}

// batch is what is written at once.
type batch struct {
	pieces, all net.Buffers
	buffer      []byte
	size        int
	end         int64
}

// take returns all that waits.
func (o *output) take() batch {
	o.cut()
	b := batch{pieces: o.pieces, all: o.pieces, buffer: o.buffer, size: o.size, end: o.total}
	o.pieces, o.buffer, o.start, o.size = nil, o.spare, 0, 0
	o.spare = nil
	return b
}

// give takes the buffers of a batch back.
func (o *output) give(b batch) {
	clear(b.all)
	if cap(b.buffer) > keptOutput {
		return
	}
	if o.size == 0 {
		o.pieces = b.all[:0]
	}
	o.spare = b.buffer[:0]
}

// gatherer is a connection that writes several pieces by one call of the system.
type gatherer interface {
	WriteBuffers(pieces *net.Buffers) (int64, error)
}

// writeAtOnce is how much is gathered for a connection that takes one piece at a
// time: a record of TLS each.
const writeAtOnce = 64 << 10

// write sends a batch.
func (b *batch) write(conn net.Conn) error {
	if len(b.pieces) == 1 {
		_, err := conn.Write(b.pieces[0])
		return err
	}
	switch to := conn.(type) {
	case gatherer:
		_, err := to.WriteBuffers(&b.pieces)
		return err
	case *net.TCPConn:
		_, err := b.pieces.WriteTo(to)
		return err
	}
	gathered := make([]byte, 0, min(b.size, writeAtOnce))
	for _, p := range b.pieces {
		for len(p) > 0 {
			n := min(len(p), cap(gathered)-len(gathered))
			gathered, p = append(gathered, p[:n]...), p[n:]
			if len(gathered) == cap(gathered) {
				if _, err := conn.Write(gathered); err != nil {
					return err
				}
				gathered = gathered[:0]
			}
		}
	}
	if len(gathered) == 0 {
		return nil
	}
	_, err := conn.Write(gathered)
	return err
}

// pieces is a message in the pieces that it is in; it gets shorter from its
// front.
type pieces [][]byte

func (p pieces) size() (n int) {
	for _, piece := range p {
		n += len(piece)
	}
	return n
}

// first takes the first n bytes, in pieces.
func (p *pieces) first(n int, each func([]byte)) {
	for n > 0 && len(*p) > 0 {
		piece := (*p)[0]
		if len(piece) > n {
			each(piece[:n:n])
			(*p)[0] = piece[n:]
			return
		}
		if len(piece) > 0 {
			each(piece)
		}
		n -= len(piece)
		*p = (*p)[1:]
	}
}

// withPrefix is a message behind its prefix of five bytes.
func withPrefix(message [][]byte) pieces {
	head := prefixOf(pieces(message).size())
	return slices.Concat(pieces{head[:]}, message)
}
