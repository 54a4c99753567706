package message

import (
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
)

// Pool recycles the buffers that large messages are read into.
type Pool struct{ leases, buffers sync.Pool }

// maxPooled is the largest buffer kept for another request.
const maxPooled = 1 << 20

// firstRead bounds what is reserved on the word of a Content-Length alone: who
// opens many requests and sends nothing must not fill the memory.
const firstRead = 64 << 10

// unknownRead is what is reserved where no length is known.
const unknownRead = 2048

// ErrTooLarge is returned by [Lease.ReadAll] for more bytes than allowed.
var ErrTooLarge = errors.New("message is too large")

// Lease holds the buffers of one request. It is counted: the handler has one
// reference and every HTTP request body under way another, since a transport
// may still be reading a body when its call has returned.
type Lease struct {
	pool *Pool
	refs atomic.Int32
	mu   sync.Mutex
	held []*[]byte
}

// Lease returns a lease with one reference.
func (p *Pool) Lease() *Lease {
	l, ok := p.leases.Get().(*Lease)
	if !ok {
		l = &Lease{pool: p}
	}
	l.refs.Store(1)
	return l
}

// Retain adds a reference.
func (l *Lease) Retain() { l.refs.Add(1) }

// Release drops a reference. With the last one, all bytes read under the
// lease may be overwritten.
func (l *Lease) Release() {
	if l.refs.Add(-1) > 0 {
		return
	}
	for i, b := range l.held {
		l.held[i] = nil
		if cap(*b) <= maxPooled {
			l.pool.buffers.Put(b)
		}
	}
	l.held = l.held[:0]
	l.pool.leases.Put(l)
}

// Small is the size below which messages are in memory of their own and not in
// a lease's buffers. net/http writes a small body that nobody waits for in one
// go with its header, which saves more than recycling it would.
const Small = 32 << 10

// ReadAll reads r to its end. size is the expected length, or negative. The
// bytes are the lease's from [Small] on. It may be called from several
// goroutines.
func (l *Lease) ReadAll(r io.Reader, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, ErrTooLarge
	}
	var held *[]byte
	var b []byte
	switch {
	case size >= Small:
		held = l.take()
		b = slices.Grow((*held)[:0], int(min(size+1, firstRead)))
	case size >= 0:
		// One byte more, so that the end is seen without growing.
		b = make([]byte, 0, size+1)
	default:
		b = make([]byte, 0, unknownRead)
	}
	var err error
	for err == nil {
		if len(b) == cap(b) {
			if held == nil && 2*len(b) >= Small {
				held = l.take()
				b = append((*held)[:0], b...)
			}
			b = slices.Grow(b, max(len(b), 1))
		}
		var n int
		n, err = r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if int64(len(b)) > limit {
			err = ErrTooLarge
		}
	}
	if held != nil {
		*held = b
		l.mu.Lock()
		l.held = append(l.held, held)
		l.mu.Unlock()
		if len(b) < Small {
			b = slices.Clone(b)
		}
	}
	if errors.Is(err, io.EOF) {
		return b, nil
	}
	return nil, err
}

func (l *Lease) take() *[]byte {
	if held, ok := l.pool.buffers.Get().(*[]byte); ok {
		return held
	}
	return new([]byte)
}
