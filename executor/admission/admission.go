// Package admission counts the requests that a predictor answers, and keeps those
// waiting that are more than its pod should answer at once.
package admission

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/executor/policy"
	"github.com/prime-radiant/radiant/scaling"
)

// Options are what a gate depends on.
type Options struct {
	// Most are the requests that may be answered at once; 0: any number.
	Most int
	// Queue are those that may wait for that, and Patience is how long; 0: for as
	// long as their clients do.
	Queue    int
	Patience time.Duration
	// Registry takes the metrics of waiting, if Most is not 0.
	Registry prometheus.Registerer
	// Now is the clock.
	Now func() time.Time
}

// Errors of a request that was not let in. Nothing was done for it.
var (
	ErrFull    = errors.New("the queue is full")
	ErrTooLong = errors.New("the request has waited too long")
)

// Gate is what requests pass on their way to a predictor.
type Gate struct {
	options Options
	// limit is nil where any number may be answered at once.
	limit  *policy.Limit
	load   *scaling.Meter
	waited prometheus.Histogram
	// full and late count those that were turned away.
	full, late prometheus.Counter
}

// New makes a gate.
func New(o Options) (*Gate, error) {
	g := &Gate{options: o, load: scaling.NewMeter(o.Now)}
	if o.Most == 0 {
		return g, nil
	}
	g.limit = policy.NewLimit(o.Most, o.Queue)
	g.waited = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "radiant_executor_admission_wait_seconds", Help: "Time that requests waited for containerConcurrency, of those that had to",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
	})
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "radiant_executor_admission_refused_total", Help: "Requests that containerConcurrency turned away, by reason: full, the queue was; late, they waited too long",
	}, []string{"reason"})
	g.full, g.late = refused.WithLabelValues("full"), refused.WithLabelValues("late")
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "radiant_executor_admission_waiting", Help: "Requests that wait for containerConcurrency",
	}, func() float64 { return float64(g.limit.Waiting()) })
	return g, errors.Join(o.Registry.Register(g.waited), o.Registry.Register(refused), o.Registry.Register(waiting))
}

// Enter lets a request in, which [Gate.Leave] lets out. It fails with [ErrFull] or
// [ErrTooLong], or with the context's error.
func (g *Gate) Enter(ctx context.Context) error {
	g.load.Begin()
	if g.limit == nil {
		return nil
	}
	if err := g.wait(ctx); err != nil {
		g.load.End()
		return err
	}
	return nil
}

// Leave lets a request out that was let in.
func (g *Gate) Leave() {
	g.load.End()
	if g.limit != nil {
		g.limit.Release()
	}
}

func (g *Gate) wait(ctx context.Context) error {
	if g.limit.Try() {
		return nil
	}
	start := g.options.Now()
	patient := ctx
	if g.options.Patience > 0 {
		var cancel context.CancelFunc
		patient, cancel = context.WithTimeout(ctx, g.options.Patience)
		defer cancel()
	}
	err := g.limit.Acquire(patient)
	g.waited.Observe(g.options.Now().Sub(start).Seconds())
	switch {
	case err == nil:
		return nil
	case errors.Is(err, policy.ErrBusy):
		g.full.Inc()
		return fmt.Errorf("%d requests are answered at once (containerConcurrency) and %d wait: %w", g.options.Most, g.options.Queue, ErrFull)
	case ctx.Err() == nil:
		g.late.Inc()
		return fmt.Errorf("%w: %s for one of %d at once (containerConcurrency)", ErrTooLong, g.options.Patience, g.options.Most)
	}
	return err
}

// Load is how busy the predictor is; what waits counts as well.
func (g *Gate) Load() scaling.Load { return g.load.Load() }

// LoadAt is the same until a time that was read just before.
func (g *Gate) LoadAt(at time.Time) scaling.Load { return g.load.LoadAt(at) }

// Waiting are the requests that wait.
func (g *Gate) Waiting() int {
	if g.limit == nil {
		return 0
	}
	return g.limit.Waiting()
}
