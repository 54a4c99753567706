package policy

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Meters are the metrics of all nodes' policies.
type Meters struct {
	registry                                               prometheus.Registerer
	retries, unaffordable, hedges, won, fallbacks, refused *prometheus.CounterVec
	sharing
}

// NewMeters registers the metrics.
func NewMeters(r prometheus.Registerer) (*Meters, error) {
	var errs []error
	counter := func(name, help string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "radiant_executor_" + name, Help: help}, []string{"model_name"})
		errs = append(errs, r.Register(v))
		return v
	}
	m := &Meters{
		registry:     r,
		retries:      counter("retries_total", "Attempts on a node that were repeated"),
		unaffordable: counter("retries_exhausted_total", "Failed attempts on a node that the budget did not allow to repeat"),
		hedges:       counter("hedges_total", "Second attempts on a node, begun because the first was slow"),
		won:          counter("hedges_won_total", "Second attempts that answered first"),
		fallbacks:    counter("fallbacks_total", "Calls on a node that its fallback answered"),
		refused:      counter("rejections_total", "Calls on a node that found its places and its queue taken"),
	}
	m.sharing = newSharing(counter)
	errs = append(errs, r.Register(m.kept))
	return m, errors.Join(errs...)
}

// Node makes the meter of a node; of nil meters it is nil.
func (m *Meters) Node(name string) *Meter {
	if m == nil {
		return nil
	}
	return &Meter{
		node: name, meters: m,
		retries: m.retries.WithLabelValues(name), unaffordable: m.unaffordable.WithLabelValues(name),
		hedges: m.hedges.WithLabelValues(name), won: m.won.WithLabelValues(name),
		fallbacks: m.fallbacks.WithLabelValues(name), refused: m.refused.WithLabelValues(name),
	}
}

// Meter counts what the policy of one node does. Its methods on nil do nothing.
type Meter struct {
	node                                                   string
	meters                                                 *Meters
	retries, unaffordable, hedges, won, fallbacks, refused prometheus.Counter
}

func (m *Meter) waits(l *Limit) {
	if m != nil {
		// A name that is registered already would be a node that is there twice.
		_ = m.meters.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "radiant_executor_calls_waiting", Help: "Calls that wait for their turn on a node",
			ConstLabels: prometheus.Labels{"model_name": m.node},
		}, func() float64 { return float64(l.Waiting()) }))
	}
}

func (m *Meter) retried() {
	if m != nil {
		m.retries.Inc()
	}
}

func (m *Meter) exhausted() {
	if m != nil {
		m.unaffordable.Inc()
	}
}

func (m *Meter) hedged() {
	if m != nil {
		m.hedges.Inc()
	}
}

func (m *Meter) hedgeWon() {
	if m != nil {
		m.won.Inc()
	}
}

// FellBack counts an answer of the fallback.
func (m *Meter) FellBack() {
	if m != nil {
		m.fallbacks.Inc()
	}
}

func (m *Meter) rejected(err error) {
	if m != nil && errors.Is(err, ErrBusy) {
		m.refused.Inc()
	}
}
