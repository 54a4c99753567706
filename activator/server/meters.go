package server

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/activator/hold"
)

// meters are the metrics.
type meters struct {
	wait    prometheus.Histogram
	refused *prometheus.CounterVec
	errors  *prometheus.CounterVec
}

// Reasons of a request that was turned away.
const (
	reasonFull   = "full"
	reasonLate   = "late"
	reasonMemory = "memory"
	reasonLeft   = "left"
)

func newMeters(r prometheus.Registerer, a *Activator) (*meters, error) {
	m := &meters{
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "radiant_activator_wait_seconds", Help: "Time that requests waited for a pod, of those that had to and got one",
			Buckets: prometheus.ExponentialBuckets(0.01, 3, 10),
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "radiant_activator_refused_total", Help: "Requests that got no pod, by reason: full, too many waited; late, no pod was ready in time; memory, their bodies took too much; " +
				"left, their Service does not lead here any more",
		}, []string{"service", "reason"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "radiant_activator_errors_total", Help: "Requests that a pod got, and of which no answer came",
		}, []string{"service"}),
	}
	return m, errors.Join(r.Register(m.wait), r.Register(m.refused), r.Register(m.errors), r.Register(gauges{a}))
}

// waited is told how long a request waited, and what came of it.
func (m *meters) waited(f *front, d time.Duration, err error) {
	switch {
	case err == nil:
		m.wait.Observe(d.Seconds())
	case errors.Is(err, hold.ErrFull):
		m.refused.WithLabelValues(f.key, reasonFull).Inc()
	case errors.Is(err, hold.ErrLate):
		m.refused.WithLabelValues(f.key, reasonLate).Inc()
	case errors.Is(err, errLeft):
		m.refused.WithLabelValues(f.key, reasonLeft).Inc()
	case errors.Is(err, errMemory):
		m.refused.WithLabelValues(f.key, reasonMemory).Inc()
	}
}

func (m *meters) failed(f *front) { m.errors.WithLabelValues(f.key).Inc() }

// gauges show what is so now. Of fronts without requests nothing is shown: there may
// be many.
type gauges struct{ activator *Activator }

func (gauges) descs() [4]*prometheus.Desc {
	return [...]*prometheus.Desc{
		prometheus.NewDesc("radiant_activator_fronts", "Services that may be led here", nil, nil),
		prometheus.NewDesc("radiant_activator_waiting", "Requests that wait for a pod", []string{"service"}, nil),
		prometheus.NewDesc("radiant_activator_forwarding", "Requests that a pod has by way of this activator", []string{"service"}, nil),
		prometheus.NewDesc("radiant_activator_waiting_bytes", "What the bodies of requests that wait take", nil, nil),
	}
}

// Describe implements [prometheus.Collector].
func (g gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range g.descs() {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (g gauges) Collect(to chan<- prometheus.Metric) {
	all, d := g.activator.all(), g.descs()
	to <- prometheus.MustNewConstMetric(d[0], prometheus.GaugeValue, float64(len(all)))
	for _, f := range all {
		if f.held.Load().Requests == 0 && f.queue.Active() == 0 {
			continue
		}
		to <- prometheus.MustNewConstMetric(d[1], prometheus.GaugeValue, float64(f.queue.Waiting()), f.key)
		to <- prometheus.MustNewConstMetric(d[2], prometheus.GaugeValue, float64(f.queue.Active()), f.key)
	}
	to <- prometheus.MustNewConstMetric(d[3], prometheus.GaugeValue, float64(g.activator.memory.used.Load()))
}
