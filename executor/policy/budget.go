package policy

import "sync/atomic"

// budget bounds something to a share of the calls. A call pays in, what is
// bounded costs one; some of what was not spent is kept for later.
type budget struct {
	percent int64
	// balance is in hundredths, so that a call pays in percent.
	balance atomic.Int64
}

const (
	one = 100
	// saved is the most that is kept.
	saved = 10 * one
)

func newBudget(percent, start int64) *budget {
	b := &budget{percent: percent}
	b.balance.Store(start)
	return b
}

func (b *budget) pay() {
	if b.balance.Add(b.percent) > saved {
		// Others may have spent meanwhile; then there is less to take back.
		for now := b.balance.Load(); now > saved && !b.balance.CompareAndSwap(now, saved); now = b.balance.Load() {
		}
	}
}

// spend reports whether there was enough.
func (b *budget) spend() bool {
	for {
		now := b.balance.Load()
		if now < one {
			return false
		}
		if b.balance.CompareAndSwap(now, now-one) {
			return true
		}
	}
}
