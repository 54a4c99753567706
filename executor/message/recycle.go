package message

import (
	"errors"
	"io"
)

// smallRoom is what a lease has for small bodies: the request and the answers of
// a few nodes. smallest is the size up to which a body is put there.
const (
	smallRoom = 8 << 10
	smallest  = 2 << 10
)

// Recycle makes the request's header and meta parts of the lease, and has small
// bodies share its memory, so that nothing of them outlives it. The header is made
// of lines by build, which appends them and returns the value of Content-Type.
func (l *Lease) Recycle(build func(lines []byte) (all []byte, kind string, ok bool)) (m *Meta, ok bool) {
	if l.small == nil {
		l.small = make([]byte, 0, smallRoom)
	}
	l.recycles = true
	h := &l.header
	if h.lines, h.kind, ok = build(h.lines[:0]); !ok {
		return nil, false
	}
	l.meta.Header, l.meta.Lease = h, l
	return &l.meta, true
}

// forget makes the lease that of another request.
func (l *Lease) forget() {
	if !l.recycles {
		return
	}
	l.recycles = false
	l.small = l.small[:0]
	l.meta = Meta{}
	l.header.lines, l.header.kind, l.header.fields = l.header.lines[:0], "", nil
}

// readSmall reads a body of a size that is known into the lease's memory, if
// there is room; done is false if nothing has been read.
func (l *Lease) readSmall(r io.Reader, size int64) (body []byte, done bool, err error) {
	b, begins := l.room(size + 1)
	if b == nil {
		return nil, false, nil
	}
	if budget := l.pool.Budget; budget != nil && size > 0 {
		take := budget.Take
		if begins {
			take = budget.Begin
		}
		if err := take(size); err != nil {
			return nil, true, l.full(size, err)
		}
		l.account(size)
	}
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case errors.Is(err, io.EOF):
			return b, true, nil
		case err != nil:
			return nil, true, err
		case int64(len(b)) > size:
			return nil, true, ErrTooLarge
		}
	}
}

// room is so many bytes of the lease's memory, of length 0; nil: there are not so
// many. begins is true for the first message of a request.
func (l *Lease) room(n int64) (b []byte, begins bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.recycles || n > smallest || int64(cap(l.small)-len(l.small)) < n {
		return nil, false
	}
	begins, l.begun = !l.begun, true
	at := len(l.small)
	l.small = l.small[:at+int(n)]
	return l.small[at : at : at+int(n)], begins
}
