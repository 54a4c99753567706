package memory

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Regions are pieces of memory for large messages. They are not in the heap,
// so that a message takes its own size and no more, and none of it stays when
// it is gone: no growth by copying, no garbage that waits for its collector. A
// region takes memory only as far as it is written. Nothing breaks when
// somebody reads a region that was given back: there are zeros then.
type Regions struct {
	mu   sync.Mutex
	free [64][][]byte // by the binary logarithm of the size
	// mapped is how much is in use, as far as it was written.
	mapped atomic.Int64
	// Watch, if not nil, is told whenever mapped has changed.
	Watch func(mapped int64)
}

// keptRegions bounds the regions of one size that are kept for another message;
// each keeps addresses alone.
const keptRegions = 64

// Get returns a region of at least size bytes, of length 0.
func (r *Regions) Get(size int64) ([]byte, error) {
	class := bits.Len64(uint64(size - 1)) //nolint:gosec // sizes are positive
	r.mu.Lock()
	if n := len(r.free[class]); n > 0 {
		region := r.free[class][n-1]
		r.free[class] = r.free[class][:n-1]
		r.mu.Unlock()
		return region[:0], nil
	}
	r.mu.Unlock()
	region, err := reserve(1 << class)
	if err != nil {
		return nil, err
	}
	return region[:0], nil
}

// Wrote says that a region was written by so many bytes more.
func (r *Regions) Wrote(n int) { r.changed(int64(n)) }

// Put gives a region back, of which all that was written is within its length.
func (r *Regions) Put(region []byte) {
	written := len(region)
	region = region[:cap(region)]
	class := bits.Len64(uint64(len(region) - 1)) //nolint:gosec // regions are not empty
	discard(region, written)
	r.changed(-int64(written))
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.free[class]) < keptRegions {
		r.free[class] = append(r.free[class], region)
		return
	}
	unreserve(region)
}

func (r *Regions) changed(by int64) {
	mapped := r.mapped.Add(by)
	if r.Watch != nil {
		r.Watch(mapped)
	}
}
