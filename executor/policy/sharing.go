package policy

import "github.com/prometheus/client_golang/prometheus"

// sharing are the metrics of what one call does for several requests.
type sharing struct {
	batches, members, rows, singles, hits, misses *prometheus.CounterVec
	kept                                          *prometheus.GaugeVec
}

func newSharing(counter func(name, help string) *prometheus.CounterVec) sharing {
	return sharing{
		batches: counter("batches_total", "Calls on a node that carried the rows of several requests"),
		members: counter("batched_requests_total", "Requests whose rows were carried so"),
		rows:    counter("batched_rows_total", "Rows that were carried so"),
		singles: counter("batch_singles_total", "Requests that were sent again by themselves after the call with the rows of several had failed"),
		hits:    counter("cache_hits_total", "Requests to a node that its cache answered"),
		misses:  counter("cache_misses_total", "Requests to a node that its cache had no answer for"),
		kept: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "radiant_executor_cache_bytes", Help: "Memory of the answers that the cache of a node keeps",
		}, []string{"model_name"}),
	}
}

// BatchMeter counts what a [Batch] does. Its methods on nil do nothing.
type BatchMeter struct{ batches, members, rows, singles prometheus.Counter }

// Batch makes the meter of a node; of nil meters it is nil.
func (m *Meters) Batch(node string) *BatchMeter {
	if m == nil {
		return nil
	}
	return &BatchMeter{
		batches: m.batches.WithLabelValues(node), members: m.members.WithLabelValues(node),
		rows: m.rows.WithLabelValues(node), singles: m.singles.WithLabelValues(node),
	}
}

func (m *BatchMeter) joined(members int, rows int64, alone bool) {
	if m == nil {
		return
	}
	m.batches.Inc()
	m.members.Add(float64(members))
	m.rows.Add(float64(rows))
	if alone {
		m.singles.Add(float64(members))
	}
}

// CacheMeter counts what a [Cache] does. Its methods on nil do nothing.
type CacheMeter struct {
	hits, misses prometheus.Counter
	kept         prometheus.Gauge
}

// Cache makes the meter of a node; of nil meters it is nil.
func (m *Meters) Cache(node string) *CacheMeter {
	if m == nil {
		return nil
	}
	return &CacheMeter{hits: m.hits.WithLabelValues(node), misses: m.misses.WithLabelValues(node), kept: m.kept.WithLabelValues(node)}
}

func (m *CacheMeter) asked(hit bool) {
	switch {
	case m == nil:
	case hit:
		m.hits.Inc()
	default:
		m.misses.Inc()
	}
}

func (m *CacheMeter) holds(bytes int64) {
	if m != nil {
		m.kept.Set(float64(bytes))
	}
}
