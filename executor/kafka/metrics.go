package kafka

import "github.com/prometheus/client_golang/prometheus"

// metrics count records.
type metrics struct {
	consumed, produced prometheus.Counter
	failed             *prometheus.CounterVec
	inFlight           prometheus.Gauge
}

func newMetrics(to prometheus.Registerer) *metrics {
	m := &metrics{
		consumed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "radiant_executor_kafka_consumed_total", Help: "Records read from the input topic",
		}),
		produced: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "radiant_executor_kafka_produced_total", Help: "Answers that the brokers acknowledged",
		}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "radiant_executor_kafka_failed_total", Help: "Records without an answer, by what a client of the listeners would have been told",
		}, []string{"code"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "radiant_executor_kafka_in_flight", Help: "Records that are being walked through the graph",
		}),
	}
	to.MustRegister(m.consumed, m.produced, m.failed, m.inFlight)
	return m
}
