package protocol

import (
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
)

// Pool recycles the buffers that messages are read into.
type Pool struct{ leases, buffers sync.Pool }

// maxPooled is the largest buffer kept for another request.
const maxPooled = 1 << 20

// firstRead bounds what is reserved on the word of a Content-Length alone.
const firstRead = 1 << 20

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

// ReadAll reads r to its end into a buffer of the lease. size is the expected
// length, or negative. It may be called from several goroutines.
func (l *Lease) ReadAll(r io.Reader, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, ErrTooLarge
	}
	held, ok := l.pool.buffers.Get().(*[]byte)
	if !ok {
		held = new([]byte)
	}
	b := (*held)[:0]
	var err error
	if first := int(min(max(size+1, 512), firstRead)); cap(b) < first {
		b = slices.Grow(b, first)
	}
	for err == nil {
		if len(b) == cap(b) {
			b = slices.Grow(b, len(b))
		}
		var n int
		n, err = r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if int64(len(b)) > limit {
			err = ErrTooLarge
		}
	}
	*held = b
	l.mu.Lock()
	l.held = append(l.held, held)
	l.mu.Unlock()
	if errors.Is(err, io.EOF) {
		return b, nil
	}
	return nil, err
}
