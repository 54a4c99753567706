package payloadlog

import (
	"errors"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Why an event was dropped.
const (
	byEvents   = "queue_full"
	byBytes    = "queue_bytes"
	byShutdown = "shutdown"
)

type meter struct {
	sentTotal, failedTotal prometheus.Counter
	droppedTotal           map[string]prometheus.Counter
	// complained is when a failure was logged last, in seconds.
	complained atomic.Int64
}

func newMeter(o Options, l *Log) (*meter, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "radiant_executor_payload_events_" + name, Help: help})
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "radiant_executor_payload_queue_" + name, Help: help}, value)
	}
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "radiant_executor_payload_events_dropped_total", Help: "Payload events that were not sent, by reason",
	}, []string{"reason"})
	m := &meter{
		sentTotal:    counter("sent_total", "Payload events that the collector took"),
		failedTotal:  counter("failed_total", "Payload events that the collector did not take"),
		droppedTotal: map[string]prometheus.Counter{},
	}
	for _, reason := range []string{byEvents, byBytes, byShutdown} {
		m.droppedTotal[reason] = dropped.WithLabelValues(reason)
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		m.sentTotal, m.failedTotal, dropped,
		gauge("events", "Payload events that wait to be sent", func() float64 { return float64(len(l.queue)) }),
		gauge("bytes", "Size of the payloads that wait to be sent, or are being sent", func() float64 { return float64(l.bytes.Load()) }),
	} {
		errs = append(errs, o.Registry.Register(c))
	}
	return m, errors.Join(errs...)
}

func (m *meter) sent()                 { m.sentTotal.Inc() }
func (m *meter) failed()               { m.failedTotal.Inc() }
func (m *meter) dropped(reason string) { m.droppedTotal[reason].Inc() }
