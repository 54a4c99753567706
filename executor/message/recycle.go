package message

import (
	"errors"
	"io"
	"slices"
)

// smallRoom is what a lease has for the smallest bodies: the request and the
// answers of a few nodes. smallest is the size up to which a body is put there;
// those below [Small] have a recycled buffer each.
// mostLines is what it keeps for the header of another request.
const (
	smallRoom = 8 << 10
	smallest  = 2 << 10
	mostLines = 16 << 10
)

// Recycle makes the request's header and meta parts of the lease, and has its
// memory hold small bodies too, so that nothing of them outlives it. The header is made
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
	if cap(l.header.lines) > mostLines {
		l.header.lines = nil
	}
}

// readSmall reads a body of a size below [Small] into the lease's memory.
func (l *Lease) readSmall(r io.Reader, size int64) (body []byte, err error) {
	b, begins := l.room(size + 1)
	if budget := l.pool.Budget; budget != nil && size > 0 {
		take := budget.Take
		if begins {
			take = budget.Begin
		}
		if err := take(size); err != nil {
			return nil, l.full(size, err)
		}
		l.account(size)
	}
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return nil, err
		case int64(len(b)) > size:
			return nil, ErrTooLarge
		}
	}
}

// room is so many bytes of the lease's memory, of length 0. begins is true for the
// first message of a request.
func (l *Lease) room(n int64) (b []byte, begins bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	begins, l.begun = !l.begun, true
	if at := int64(len(l.small)); n <= smallest && at+n <= int64(cap(l.small)) {
		l.small = l.small[:at+n]
		return l.small[at : at : at+n], begins
	}
	held := from(&l.pool.smalls)
	*held = slices.Grow((*held)[:0], int(n))
	l.held = append(l.held, held)
	return (*held)[:0:n], begins
}

// Room is memory for about n bytes that are made of the request's messages, as good as
// theirs and of length 0. It is nil where the lease has none, as for much.
func (l *Lease) Room(n int) []byte {
	if l == nil || !l.recycles || n >= Small {
		return nil
	}
	b, _ := l.room(int64(n))
	return b
}
