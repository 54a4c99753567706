package telemetry

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Versions counts which versions of models answered.
type Versions struct {
	seconds *prometheus.HistogramVec
	errors  *prometheus.CounterVec
}

// Versions makes the metrics of versions, for whoever chooses them.
func (t *Telemetry) Versions() (*Versions, error) {
	v := &Versions{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "radiant_executor_version_seconds", Help: "Time that a version of a node's model took for answers, where it was chosen by name or by its share",
			Buckets: prometheus.DefBuckets,
		}, []string{"model_name", "version"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "radiant_executor_version_errors_total", Help: "Calls that failed on a version of a node's model that its share of the requests chose",
		}, []string{"model_name", "version"}),
	}
	for _, c := range []prometheus.Collector{v.seconds, v.errors} {
		if err := t.common.Register(c); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Shares is told of a version that has a share, whose series are there from the start.
func (v *Versions) Shares(node, version string) {
	v.seconds.WithLabelValues(node, version)
	v.errors.WithLabelValues(node, version)
}

// Answered is told of a call that a version was chosen for. Versions are those that
// answered once, or that have a share, so that clients make no series.
func (v *Versions) Answered(node, version string, began time.Time, err error) {
	if err != nil {
		v.errors.WithLabelValues(node, version).Inc()
		return
	}
	v.seconds.WithLabelValues(node, version).Observe(time.Since(began).Seconds())
}

// Version is a version of a node's model, and what its server does with it.
type Version struct{ Node, Version, State string }

// Refreshed shows the versions of models that are looked at for new ones.
type Refreshed struct {
	desc *prometheus.Desc

	mu  sync.Mutex
	all []Version
}

var _ prometheus.Collector = (*Refreshed)(nil)

// Refreshed makes that metric, for whoever asks the servers.
func (t *Telemetry) Refreshed() (*Refreshed, error) {
	r := &Refreshed{desc: prometheus.NewDesc("radiant_model_version",
		"Versions of a node's model with modelRefresh, as its server tells of them, or REFUSED: 1 for the state that each is in", []string{"model_name", "version", "state"}, nil)}
	return r, t.common.Register(r)
}

// Set says which versions there are, in place of those before.
func (r *Refreshed) Set(all []Version) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = all
}

// Describe is that of [prometheus.Collector].
func (r *Refreshed) Describe(out chan<- *prometheus.Desc) { out <- r.desc }

// Collect is that of [prometheus.Collector].
func (r *Refreshed) Collect(out chan<- prometheus.Metric) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range r.all {
		out <- metric(prometheus.NewConstMetric(r.desc, prometheus.GaugeValue, 1, v.Node, v.Version, v.State))
	}
}
