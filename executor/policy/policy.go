// Package policy bounds calls and mends those that fail: timeouts, retries,
// second attempts, limits. It knows nothing of what a call is.
package policy

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/prime-radiant/radiant/graph"
)

// Policy is that of one node, for all its calls.
type Policy struct {
	options  Options
	timeout  time.Duration
	attempts int
	retries  *budget
	hedges   *budget
	latency  *latency
	limit    *Limit
}

// Options are what a policy depends on.
type Options struct {
	// Again judges a failed attempt.
	Again func(err error) Verdict
	// Random gives numbers from [0, 1), to several goroutines.
	Random func() float64
	// Meter counts; nil: nobody does.
	Meter *Meter
}

// Verdict is what is thought of a failed attempt.
type Verdict struct {
	// Safe is true if the attempt may be repeated.
	Safe bool
	// Taken is true if the node may have begun the work that it then gave no
	// answer to: it may be the request that ended it.
	Taken bool
	// After is what the node asks to be waited before the next attempt.
	After time.Duration
}

// The values of what a user left out.
const (
	retryPercent = 20
	// freeRetries are there before any call has paid in.
	freeRetries     = 10
	hedgePercentile = 95
	hedgePercent    = 5
)

// firstBackOff doubles with each retry, up to lastBackOff; a random share of it
// is waited.
const (
	firstBackOff = 25 * time.Millisecond
	lastBackOff  = time.Second
)

// longestPause bounds what a node may ask to be waited where the policy has no
// timeout, which else is the bound.
const longestPause = 5 * time.Second

// New makes the policy that a user wrote, after [graph.Policy.Problems] found
// none. It is nil where there is nothing to bound or to repeat: a fallback is
// not its business.
func New(g *graph.Policy, o Options) (*Policy, error) {
	if g == nil || g.Timeout == "" && g.Retries == nil && g.Hedge == nil && g.Concurrency == nil {
		return nil, nil
	}
	p := &Policy{options: o}
	if g.Timeout != "" {
		var err error
		if p.timeout, err = time.ParseDuration(g.Timeout); err != nil {
			return nil, fmt.Errorf("policy.timeout: %w", err)
		}
	}
	if r := g.Retries; r != nil {
		p.attempts = int(r.Attempts)
		p.retries = newBudget(int64(cmp.Or(r.BudgetPercent, retryPercent)), freeRetries*one)
	}
	if h := g.Hedge; h != nil {
		p.latency = &latency{percentile: int(cmp.Or(h.Percentile, hedgePercentile))}
		p.hedges = newBudget(int64(cmp.Or(h.MaxPercent, hedgePercent)), 0)
	}
	if c := g.Concurrency; c != nil {
		p.limit = NewLimit(int(c.Limit), int(c.Queue))
		o.Meter.waits(p.limit)
	}
	return p, nil
}

// Timeout bounds a call with its attempts; 0: nothing does. That of nil is 0.
func (p *Policy) Timeout() time.Duration {
	if p == nil {
		return 0
	}
	return p.timeout
}

// Call is something to be done under a policy.
type Call[M any] struct {
	// Once is true for what must not be repeated.
	Once bool
	// Attempt does it.
	Attempt func(ctx context.Context) (M, error)
	// Hold keeps what an attempt uses until Drop: an attempt that is not waited
	// for any more may go on for a while.
	Hold, Drop func()
}

// Do makes a call under p, which must not be nil.
func Do[M any](ctx context.Context, p *Policy, c Call[M]) (M, error) {
	if p.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.timeout)
		defer cancel()
	}
	if p.retries != nil {
		p.retries.pay()
	}
	taken := 0
	for retry := 0; ; retry++ {
		m, err := hedged(ctx, p, c)
		if err == nil || c.Once || retry >= p.attempts || ctx.Err() != nil {
			return m, err
		}
		verdict := p.options.Again(err)
		if verdict.Taken {
			taken++
		}
		if !verdict.Safe || taken >= max(p.attempts, leastTaken) {
			return m, err
		}
		wait := max(min(verdict.After, p.longestPause()), p.backOff(retry))
		if end, ok := ctx.Deadline(); ok && time.Until(end) <= wait {
			return m, err
		}
		if !p.retries.spend() {
			p.options.Meter.exhausted()
			return m, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return m, err
		}
		p.options.Meter.retried()
	}
}

// leastTaken is how many workers at least may be lost to one request that is
// allowed to be repeated. Else it is the number of attempts: a request that
// ends each worker which takes it must not meet one more.
const leastTaken = 2

func (p *Policy) longestPause() time.Duration {
	if p.timeout > 0 {
		return p.timeout
	}
	return longestPause
}

func (p *Policy) backOff(retry int) time.Duration {
	longest := min(firstBackOff<<retry, lastBackOff)
	return time.Duration(p.options.Random() * float64(longest))
}

// limited makes an attempt when its turn comes.
func limited[M any](ctx context.Context, p *Policy, c Call[M]) (M, error) {
	if p.limit == nil {
		return c.Attempt(ctx)
	}
	if err := p.limit.Acquire(ctx); err != nil {
		var none M
		p.options.Meter.rejected(err)
		return none, err
	}
	defer p.limit.Release()
	return c.Attempt(ctx)
}
