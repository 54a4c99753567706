package message

import "slices"

// Arriving is a message of a known length whose bytes come piece by piece. Its
// memory belongs to a lease; the budget is for its reader to ask, who knows when
// the message may go on, and to leave to the lease by [Lease.Owe].
type Arriving struct {
	lease *Lease
	size  int64
	b     []byte
	// held is the recycled buffer that b is in, if any; region is true if b is
	// one.
	held   *[]byte
	region bool
}

// Arriving begins a message of size bytes. Memory is reserved with the first
// bytes: a message below [Small] has its own, a larger one is in the lease's
// buffers.
func (l *Lease) Arriving(size int64) Arriving { return Arriving{lease: l, size: size} }

// Add takes a copy of the next bytes. It fails if there is no memory for them.
func (a *Arriving) Add(p []byte) error {
	if a.b == nil {
		if err := a.reserve(); err != nil {
			return err
		}
	}
	a.b = append(a.b, p...)
	if a.region {
		a.lease.pool.Regions.Wrote(len(p))
	}
	return nil
}

// maxArriving is the largest buffer for a message of known length. It is used
// again as it is, where a region's pages would have to be had anew.
const maxArriving = 4 << 20

func (a *Arriving) reserve() error {
	switch {
	case a.size < Small:
		a.b = make([]byte, 0, a.size)
	case a.size <= maxArriving || a.lease.pool.Regions == nil:
		a.held = a.lease.take()
		a.b = slices.Grow((*a.held)[:0], int(min(a.size, maxArriving)))
	default:
		region, err := a.lease.pool.Regions.Get(a.size)
		if err != nil {
			return err
		}
		a.b, a.region = region, true
	}
	return nil
}

// Done gives the memory to the lease, and returns what has come. It may be
// called of a message that has not come whole.
func (a *Arriving) Done() []byte {
	b := a.b
	if a.lease == nil {
		return b
	}
	a.lease.mu.Lock()
	defer a.lease.mu.Unlock()
	if a.held != nil {
		*a.held = b
		a.lease.held = append(a.lease.held, a.held)
	}
	if a.region {
		a.lease.regions = append(a.lease.regions, b)
	}
	*a = Arriving{}
	return b
}

// Owe says that n bytes were taken of the budget for what the lease holds. They
// are given back with its last reference. It is false where the lease knows of no
// budget.
func (l *Lease) Owe(n int64) bool {
	if l.pool.Budget == nil {
		return false
	}
	l.mu.Lock()
	l.taken += n
	l.begun = true
	l.mu.Unlock()
	return true
}
