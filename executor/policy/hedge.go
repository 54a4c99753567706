package policy

import (
	"context"
	"time"
)

// result is what one of two attempts came to.
type result[M any] struct {
	message M
	err     error
	second  bool
}

// hedged makes an attempt, and a second one if the first takes longer than
// most. Of two, the first good answer counts, or else the failure of the first
// attempt to fail.
func hedged[M any](ctx context.Context, p *Policy, c Call[M]) (M, error) {
	if p.latency == nil || c.Once {
		return limited(ctx, p, c)
	}
	p.hedges.pay()
	start := time.Now()
	after := p.latency.known()
	if after == 0 {
		m, err := limited(ctx, p, c)
		if err == nil {
			p.latency.observe(time.Since(start))
		}
		return m, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result[M], 2)
	begin := func(second bool) {
		c.Hold()
		go func() {
			defer c.Drop()
			results <- attempted(ctx, p, c, second)
		}()
	}
	begin(false)
	timer := time.NewTimer(after)
	defer timer.Stop()
	running := 1
	var failed *result[M]
	for {
		select {
		case <-timer.C:
			if p.hedges.spend() {
				p.options.Meter.hedged()
				begin(true)
				running++
			}
		case r := <-results:
			running--
			if r.err == nil {
				p.latency.observe(time.Since(start))
				if r.second {
					p.options.Meter.hedgeWon()
				}
				return r.message, nil
			}
			if failed == nil {
				failed = &r
			}
			if running == 0 {
				return failed.message, failed.err
			}
		}
	}
}

// attempted turns a panic into an error, since nobody else is on this
// goroutine to recover.
func attempted[M any](ctx context.Context, p *Policy, c Call[M], second bool) (r result[M]) {
	r.second = second
	defer func() {
		if v := recover(); v != nil {
			r.err = Recovered(v)
		}
	}()
	r.message, r.err = limited(ctx, p, c)
	return r
}
