package builtin

import (
	"errors"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/executor/drift"
	"github.com/prime-radiant/radiant/graph"
)

// Meters are the metrics of all built-in nodes.
type Meters struct {
	rows, outliers, requests *prometheus.CounterVec
	chosen, rewards, reward  *prometheus.CounterVec
	windows, drifted         *prometheus.CounterVec
	drifts, distance         *prometheus.GaugeVec
	ruled, unruled, left     *prometheus.CounterVec
	transformed, refused     *prometheus.CounterVec
}

// NewMeters registers the metrics.
func NewMeters(r prometheus.Registerer) (*Meters, error) {
	var errs []error
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "radiant_executor_" + name, Help: help}, append([]string{"model_name"}, labels...))
		errs = append(errs, r.Register(v))
		return v
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "radiant_executor_" + name, Help: help}, append([]string{"model_name"}, labels...))
		errs = append(errs, r.Register(v))
		return v
	}
	m := &Meters{
		rows:     counter("detector_rows_total", "Rows that a detector judged"),
		outliers: counter("outliers_total", "Rows that a detector took for outliers"),
		requests: counter("outlier_requests_total", "Requests with an outlier, by what became of them", "decision"),
		chosen:   counter("arm_requests_total", "Requests that a bandit sent to a child", "child"),
		rewards:  counter("arm_rewards_total", "Rewards that came for a child of a bandit", "child"),
		reward:   counter("arm_reward_sum", "Sum of the rewards of a child of a bandit", "child"),
		windows:  counter("drift_windows_total", "Windows of requests or answers that were compared with a reference", "of"),
		drifted:  counter("drift_drifted_windows_total", "Those of them in which a feature drifts", "of"),
		drifts:   gauge("drift_drifted_features", "Features that drift in the last window", "of"),
		ruled:    counter("rule_requests_total", "Requests that a router sent to a child by a rule, which is told by its number; 0: since none held", "child", "rule"),
		unruled:  counter("rule_failures_total", "Requests that a rule could not be asked of, by its number", "rule"),
		left:     counter("combiner_left_out_total", "Answers of a child that a combiner with a quorum did without", "child"),

		transformed: counter("transformer_rows_total", "Rows that the steps of a transformer changed"),
		refused:     counter("transformer_refused_rows_total", "Rows of messages that a step of a transformer refused, by its number and name", "step"),

		distance: gauge("drift_distance", "Statistic of a feature in the last window, by which the node decides", "of", "feature"),
	}
	return m, errors.Join(errs...)
}

// detectorMeter counts what one detector sees. Its methods on nil do nothing.
type detectorMeter struct {
	rows, outliers prometheus.Counter
	requests       map[string]prometheus.Counter
}

func (m *Meters) detector(node string) *detectorMeter {
	if m == nil {
		return nil
	}
	d := &detectorMeter{rows: m.rows.WithLabelValues(node), outliers: m.outliers.WithLabelValues(node), requests: map[string]prometheus.Counter{}}
	for _, decision := range []string{graph.DecideTag, graph.DecideReject, graph.DecideRoute} {
		d.requests[decision] = m.requests.WithLabelValues(node, decision)
	}
	return d
}

// banditMeter counts by child. Its methods on nil do nothing.
type banditMeter struct{ chosen, rewards, reward []prometheus.Counter }

func (m *Meters) bandit(node string, children []string) *banditMeter {
	if m == nil {
		return nil
	}
	b := &banditMeter{}
	for _, child := range children {
		b.chosen = append(b.chosen, m.chosen.WithLabelValues(node, child))
		b.rewards = append(b.rewards, m.rewards.WithLabelValues(node, child))
		b.reward = append(b.reward, m.reward.WithLabelValues(node, child))
	}
	return b
}

func (b *banditMeter) chose(child int) {
	if b != nil {
		b.chosen[child].Inc()
	}
}

func (b *banditMeter) earned(child int, reward float64) {
	if b != nil {
		b.rewards[child].Inc()
		b.reward[child].Add(reward)
	}
}

func (d *detectorMeter) saw(v *verdict, decision string) {
	if d == nil {
		return
	}
	d.rows.Add(float64(v.rows))
	if n := len(v.outliers); n > 0 {
		d.outliers.Add(float64(n))
		d.requests[decision].Inc()
	}
}

// driftMeter shows one side of a node that watches for drift. Its methods on nil
// do nothing.
type driftMeter struct {
	windows, drifted prometheus.Counter
	drifts           prometheus.Gauge
	distance         *prometheus.GaugeVec
	// features are by column, nil where there is none.
	features []prometheus.Gauge
}

func (m *Meters) drift(node, of string) *driftMeter {
	if m == nil {
		return nil
	}
	return &driftMeter{
		windows: m.windows.WithLabelValues(node, of), drifted: m.drifted.WithLabelValues(node, of), drifts: m.drifts.WithLabelValues(node, of),
		distance: m.distance.MustCurryWith(prometheus.Labels{"model_name": node, "of": of}),
	}
}

// know makes the series of features, of so many as can be looked at.
func (d *driftMeter) know(columns []*drift.Column) {
	if d == nil {
		return
	}
	d.features = make([]prometheus.Gauge, len(columns))
	for i, c := range columns {
		if c != nil && i < mostSeries {
			d.features[i] = d.distance.WithLabelValues(strings.ToValidUTF8(c.Label, "?"))
		}
	}
}

// mostSeries bounds the features of a node that have a series.
const mostSeries = 256

func (d *driftMeter) ended(s *watched, w *span) {
	if d == nil {
		return
	}
	d.windows.Inc()
	d.drifts.Set(float64(w.many))
	if w.many > 0 {
		d.drifted.Inc()
	}
	for i, g := range d.features {
		if g != nil {
			statistic, _ := s.decisive(s.columns[i], &w.found[i])
			g.Set(statistic)
		}
	}
}
