package message

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/mem"
)

// Pool recycles the buffers that large messages are read into.
type Pool struct {
	// Budget bounds what all messages take together; nil: nothing does.
	Budget Budget
	// Regions take messages that are too large to recycle; nil: the heap does.
	Regions Regions

	// smalls are buffers up to [Small], buffers larger ones: who needs little does not
	// hold much, of which the budget would not know.
	leases, smalls, buffers sync.Pool
}

// Budget is memory that messages take and give back. Take waits for it a while;
// Begin does for what a request begins with, and leaves some for those that have
// begun. Force takes it in any case.
type Budget interface {
	Begin(n int64) error
	Take(n int64) error
	Force(n int64)
	Give(n int64)
	// Limit is what there is in all.
	Limit() int64
}

// Regions are pieces of memory that are gone when they are given back.
type Regions interface {
	// Get returns a region of at least size bytes, of length 0.
	Get(size int64) ([]byte, error)
	// Wrote says that a region was written by so many bytes more.
	Wrote(n int)
	Put(region []byte)
}

// ErrFull is the failure to get memory that others hold, after a wait.
var ErrFull = errors.New("the memory for messages is taken by other requests")

// ErrNever is the failure to get more than there is in all.
var ErrNever = errors.New("more than the memory for messages in all")

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
	// regions are of the pool's, taken is what is had of its budget.
	regions [][]byte
	taken   int64
	parts   []mem.BufferSlice
	// begun is true once the request has memory.
	begun bool
	// small is what the smallest bodies are in, one behind the other, if recycles is
	// true.
	small    []byte
	recycles bool
	meta     Meta
	header   Header
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

// Retain adds a reference; of a nil lease nobody keeps count.
func (l *Lease) Retain() {
	if l != nil {
		l.refs.Add(1)
	}
}

// Release drops a reference. With the last one, all bytes read under the
// lease may be overwritten.
func (l *Lease) Release() {
	if l == nil || l.refs.Add(-1) > 0 {
		return
	}
	for i, b := range l.held {
		l.held[i] = nil
		switch {
		case cap(*b) <= Small:
			l.pool.smalls.Put(b)
		case cap(*b) <= maxArriving:
			l.pool.buffers.Put(b)
		}
	}
	l.held = l.held[:0]
	for i, region := range l.regions {
		l.regions[i] = nil
		l.pool.Regions.Put(region)
	}
	l.regions = l.regions[:0]
	for i, parts := range l.parts {
		l.parts[i] = nil
		parts.Free()
	}
	l.parts = l.parts[:0]
	if l.pool.Budget != nil {
		l.pool.Budget.Give(l.taken)
	}
	l.taken, l.begun = 0, false
	l.forget()
	l.pool.leases.Put(l)
}

// Take takes n bytes of the budget for what is made of a message, until the
// last reference is dropped or [Lease.Give] gives them back. It fails with
// [ErrFull] or [ErrNever].
func (l *Lease) Take(n int64) error {
	if l == nil || l.pool.Budget == nil {
		return nil
	}
	if err := l.pool.Budget.Take(n); err != nil {
		return l.full(n, err)
	}
	l.account(n)
	return nil
}

// Hold keeps a message in parts, whose memory was taken when it came, until the
// last reference is dropped.
func (l *Lease) Hold(parts mem.BufferSlice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parts = append(l.parts, parts)
	if n := int64(parts.Len()); l.pool.Budget != nil {
		l.pool.Budget.Force(n)
		l.taken += n
	}
}

// Give gives bytes back that [Lease.Take] has taken.
func (l *Lease) Give(n int64) {
	if l != nil && l.pool.Budget != nil {
		l.account(-n)
		l.pool.Budget.Give(n)
	}
}

func (l *Lease) account(n int64) {
	l.mu.Lock()
	l.taken += n
	l.mu.Unlock()
}

// full is an error of the budget's in the words for a client.
func (l *Lease) full(n int64, err error) error {
	if errors.Is(err, ErrNever) {
		return fmt.Errorf("%w: %d bytes are needed and the limit is %d (--max_inflight_bytes)", err, n, l.pool.Budget.Limit())
	}
	return fmt.Errorf("%w (--max_inflight_bytes)", err)
}

// Small is the size below which messages are in memory of their own and not in
// a lease's buffers, unless the lease recycles: then nothing of them may be kept
// either, see [Lease.Recycle].
const Small = 32 << 10

// ReadAll reads r to its end. size is the expected length, or negative. The
// bytes are the lease's from [Small] on, and below if it recycles. It may be called from several
// goroutines. It fails as
// [Lease.Take] does, too.
func (l *Lease) ReadAll(r io.Reader, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, ErrTooLarge
	}
	if l.recycles && size >= 0 && size < Small {
		return l.readSmall(r, size)
	}
	return l.readAny(r, size, limit)
}

// readAny reads a body of any size.
func (l *Lease) readAny(r io.Reader, size, limit int64) ([]byte, error) {
	in := reading{lease: l, size: size, limit: limit}
	in.share.budget = l.pool.Budget
	l.mu.Lock()
	// The first message of a request is its own.
	in.share.begins = !l.begun
	l.begun = true
	l.mu.Unlock()
	defer in.handOver()
	if err := in.begin(); err != nil {
		return nil, err
	}
	for {
		if err := in.room(); err != nil {
			return nil, err
		}
		n, err := r.Read(in.b[len(in.b):in.end()])
		in.got(n)
		switch {
		case int64(len(in.b)) > limit:
			return nil, ErrTooLarge
		case errors.Is(err, io.EOF):
			if len(in.b) < Small && (in.held != nil || in.region) {
				return slices.Clone(in.b), nil
			}
			return in.b, nil
		case err != nil:
			return nil, err
		}
	}
}

// reading is a message that is being read.
type reading struct {
	lease       *Lease
	size, limit int64
	b           []byte
	// held is the recycled buffer that b is in, if any; region is true if b is
	// one.
	held   *[]byte
	region bool
	share  share
}

func (in *reading) begin() error {
	switch {
	case in.size >= maxPooled && in.lease.pool.Regions != nil:
		// It takes memory only as far as it is written, and nothing is copied.
		region, err := in.lease.pool.Regions.Get(in.size + 1)
		if err != nil {
			return err
		}
		in.b, in.region = region, true
	case in.size >= Small:
		// One that has room for all is there in any case.
		in.held = in.lease.take()
		in.b = slices.Grow((*in.held)[:0], int(min(in.size+1, firstRead)))
	case in.size >= 0:
		// One byte more, so that the end is seen without growing.
		in.b = make([]byte, 0, in.size+1)
	default:
		in.b = make([]byte, 0, unknownRead)
	}
	if err := in.share.begin(max(in.size, 0)); err != nil {
		return in.lease.full(in.size, err)
	}
	return nil
}

// room makes room for the next bytes, in the budget and in memory.
func (in *reading) room() error {
	if err := in.covered(); err != nil {
		return err
	}
	if len(in.b) < cap(in.b) {
		return nil
	}
	more := max(len(in.b), 1)
	if in.held != nil && in.size < maxPooled && int64(len(in.b)) <= in.size {
		// It stays in its buffer, whose pages are there the next time. What has come
		// vouches for four times as much.
		in.b = slices.Grow(in.b, int(min(3*int64(more), in.size+1-int64(len(in.b)))))
		return nil
	}
	if in.region || in.lease.pool.Regions != nil && len(in.b)+more > maxPooled {
		return in.move()
	}
	if in.held == nil && 2*len(in.b) >= Small {
		in.held = in.lease.take()
		in.b = append((*in.held)[:0], in.b...)
	}
	in.b = slices.Grow(in.b, more)
	return nil
}

// covered takes of the budget what the next bytes need.
func (in *reading) covered() error {
	n := int64(len(in.b))
	if in.share.budget == nil || n < in.share.taken.Load() || n == in.size {
		return nil
	}
	need := n + max(n/4, leastShare)
	if n < in.size {
		need = min(need, in.size)
	}
	if err := in.share.atLeast(min(need, in.limit+1)); err != nil {
		return in.lease.full(need, err)
	}
	return nil
}

// leastShare is taken of the budget at once, where no length is known.
const leastShare = 16 << 10

// end is where the next read ends: what is not covered is not read.
func (in *reading) end() int {
	if in.share.budget == nil {
		return cap(in.b)
	}
	covered := max(in.share.taken.Load(), int64(len(in.b))+1)
	return int(min(int64(cap(in.b)), covered))
}

// move puts the message into a region that has room for all that may come.
func (in *reading) move() error {
	most := in.limit
	if in.size > int64(len(in.b)) {
		most = in.size
	}
	region, err := in.lease.pool.Regions.Get(most + 1)
	if err != nil {
		return err
	}
	old, was := in.b, in.region
	in.b = append(region, old...)
	in.lease.pool.Regions.Wrote(len(in.b))
	if was {
		in.lease.pool.Regions.Put(old)
	}
	in.keep(old)
	in.region = true
	return nil
}

func (in *reading) got(n int) {
	in.b = in.b[:len(in.b)+n]
	if in.region {
		in.lease.pool.Regions.Wrote(n)
	}
	in.share.has.Store(int64(len(in.b)))
}

// keep hands a recycled buffer to the lease, which holds it to its end.
func (in *reading) keep(b []byte) {
	if in.held == nil {
		return
	}
	*in.held = b
	in.lease.mu.Lock()
	in.lease.held = append(in.lease.held, in.held)
	in.lease.mu.Unlock()
	in.held = nil
}

// handOver gives what the message is in to the lease.
func (in *reading) handOver() {
	in.keep(in.b)
	in.lease.mu.Lock()
	defer in.lease.mu.Unlock()
	if in.region {
		in.lease.regions = append(in.lease.regions, in.b)
	}
	in.lease.taken += in.share.end()
}

func (l *Lease) take() *[]byte { return from(&l.pool.buffers) }

func from(buffers *sync.Pool) *[]byte {
	if held, ok := buffers.Get().(*[]byte); ok {
		return held
	}
	return new([]byte)
}
