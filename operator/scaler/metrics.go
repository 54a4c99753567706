package scaler

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/scaling"
)

// metrics tell what was decided.
type metrics struct {
	desired, ready, panics, stable, burst, spare *prometheus.GaugeVec
	wakes                                        *prometheus.CounterVec
	// of are the gauges of each Deployment. Only the scaler's run uses them.
	of map[types.NamespacedName]*gauges
}

// gauges are those of one Deployment.
type gauges struct {
	desired, ready, panics, stable, burst, spare prometheus.Gauge
}

// gauges returns those of a Deployment.
func (m *metrics) gauges(name types.NamespacedName) *gauges {
	if g := m.of[name]; g != nil {
		return g
	}
	one := func(v *prometheus.GaugeVec) prometheus.Gauge { return v.WithLabelValues(name.Namespace, name.Name) }
	g := &gauges{one(m.desired), one(m.ready), one(m.panics), one(m.stable), one(m.burst), one(m.spare)}
	m.of[name] = g
	return g
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	by := []string{"namespace", "deployment"}
	var errs []error
	gauge := func(name, help string) *prometheus.GaugeVec {
		g, err := registered(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "radiant_scaling_" + name, Help: help}, by))
		errs = append(errs, err)
		return g
	}
	m := &metrics{
		of:      map[types.NamespacedName]*gauges{},
		desired: gauge("desired_replicas", "Pods that requests want of a Deployment with a scaleSpec."),
		ready:   gauge("ready_replicas", "Pods of it that are ready."),
		panics:  gauge("panic", "1 while a burst keeps its pods from going."),
		stable:  gauge("load", "The metric that it is scaled by, over the window, summed over its pods."),
		burst:   gauge("burst_load", "The same, over the short window that is looked at for bursts."),
		spare:   gauge("spare", "What its ready pods could have more of the metric before they have more than they should; negative: what is too much for them."),
	}
	var err error
	m.wakes, err = registered(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "radiant_scaling_wakes_total", Help: "How often a request woke a Deployment without pods.",
	}, by))
	return m, errors.Join(append(errs, err)...)
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

func (m *metrics) decided(w *workload, d scaling.Decision) {
	panics := 0.0
	if d.Panic {
		panics = 1
	}
	g := m.gauges(w.name)
	g.desired.Set(float64(d.Replicas))
	g.ready.Set(float64(w.ready))
	g.panics.Set(panics)
	g.stable.Set(d.Stable)
	g.burst.Set(d.Burst)
	g.spare.Set(float64(w.ready)*w.Policy.Target - d.Burst)
}

func (m *metrics) woken(w *workload) { m.wakes.WithLabelValues(w.name.Namespace, w.name.Name).Inc() }

func (m *metrics) forget(name types.NamespacedName) {
	delete(m.of, name)
	for _, g := range []*prometheus.GaugeVec{m.desired, m.ready, m.panics, m.stable, m.burst, m.spare} {
		g.DeleteLabelValues(name.Namespace, name.Name)
	}
	m.wakes.DeleteLabelValues(name.Namespace, name.Name)
}
