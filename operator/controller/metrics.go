package controller

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the operator's own, beside those of the library.
type metrics struct {
	changes  *prometheus.CounterVec
	settings prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "radiant_object_changes_total",
			Help: "Objects of deployments by what a pass did to them: unchanged, created, configured or deleted.",
		}, []string{"kind", "action"}),
		settings: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "radiant_settings_broken",
			Help: "1 while the ConfigMap with settings cannot be used, so that an older one, or none, is in use.",
		}),
	}
	var err error
	if m.changes, err = registered(r, m.changes); err != nil {
		return nil, err
	}
	m.settings, err = registered(r, m.settings)
	return m, err
}

// registered registers a collector, or returns the one that is registered.
func registered[C prometheus.Collector](r prometheus.Registerer, c C) (C, error) {
	err := r.Register(c)
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		if existing, ok := already.ExistingCollector.(C); ok {
			return existing, nil
		}
	}
	return c, err
}

func (m *metrics) changed(c Change) { m.changes.WithLabelValues(c.Kind, c.Action.String()).Inc() }

func (m *metrics) broken(err error) {
	value := 0.0
	if err != nil {
		value = 1
	}
	m.settings.Set(value)
}
