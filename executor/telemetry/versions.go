package telemetry

import (
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
