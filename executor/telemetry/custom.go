package telemetry

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// maxCustom bounds the series that components can make.
const maxCustom = 1000

// custom are metrics that components report in the meta of their answers: a
// COUNTER as KEY_total, a GAUGE as KEY, and a TIMER, which is in milliseconds,
// as a histogram of seconds. What cannot be shown is counted and passed over.
type custom struct {
	labels  prometheus.Labels
	dropped *prometheus.CounterVec
	name    *regexp.Regexp
	bounds  []float64

	mu     sync.Mutex
	types  map[string]seldon.Metric_MetricType
	series map[string]*customSeries
}

type customSeries struct {
	desc       *prometheus.Desc
	metricType seldon.Metric_MetricType
	value      float64
	count      uint64
	buckets    []uint64
}

var _ prometheus.Collector = (*custom)(nil)

func newCustom(o *Options) *custom {
	c := &custom{
		labels: prometheus.Labels{"deployment_name": o.Deployment, "predictor_name": o.Predictor, "predictor_version": o.Version},
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "radiant_executor_component_metrics_dropped_total",
			Help: "Metrics of components that could not be shown, by reason",
		}, []string{"reason"}),
		name:   regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`),
		types:  map[string]seldon.Metric_MetricType{},
		series: map[string]*customSeries{},
	}
	// 50 bounds from a millisecond to half a minute, each the same multiple of
	// the one before, as the Python component has them.
	const first, last, steps = .001, 30., 49
	for i := range steps + 1 {
		c.bounds = append(c.bounds, first*math.Pow(last/first, float64(i)/steps))
	}
	return c
}

// reporter is one kind of call on one node that reports metrics.
type reporter struct {
	*custom
	transport protocol.Transport
	list      bool
	labels    map[string]string
}

// methods are what Seldon Core's components call their calls.
func methods() map[string]string {
	return map[string]string{
		graph.CallPredict.String():         "predict",
		graph.CallTransformInput.String():  "inputtransform",
		graph.CallTransformOutput.String(): "outputtransform",
		graph.CallRoute.String():           "router",
		graph.CallAggregate.String():       "aggregate",
		graph.CallSendFeedback.String():    "feedback",
	}
}

// of is nil where components are not listened to, and for calls that report
// nothing.
func (c *custom) of(k Call, image, version string) *reporter {
	method := methods()[k.Call]
	if c == nil || k.Protocol != "seldon" || method == "" {
		return nil
	}
	return &reporter{c, k.Transport, k.Call == graph.CallAggregate.String(), map[string]string{
		"method": method, "model_name": k.Node, "model_image": image, "model_version": version,
	}}
}

func (r *reporter) report(sent, answer message.Message) {
	for _, m := range measured(r.transport, r.list, sent, answer) {
		if reason := r.record(m); reason != "" {
			r.dropped.WithLabelValues(reason).Inc()
		}
	}
}

// record returns why a measurement cannot be shown.
func (r *reporter) record(m measurement) (reason string) {
	name := m.key
	if m.metricType == seldon.Metric_COUNTER {
		name = strings.TrimSuffix(name, "_total") + "_total"
	}
	switch {
	case !r.name.MatchString(name) || reserved(name):
		return "name"
	case math.IsNaN(m.value) || math.IsInf(m.value, 0), m.value < 0 && m.metricType != seldon.Metric_GAUGE, m.metricType < 0 || m.metricType > seldon.Metric_TIMER:
		return "value"
	}
	labels := map[string]string{}
	for tag, value := range m.tags {
		if !r.name.MatchString(tag) || strings.HasPrefix(tag, "__") || tag == "le" {
			return "tag"
		}
		labels[tag] = strings.ToValidUTF8(value, "\uFFFD")
	}
	maps.Copy(labels, r.labels)
	r.mu.Lock()
	defer r.mu.Unlock()
	s, reason := r.find(name, m.metricType, labels)
	if s != nil {
		s.add(m.value, r.bounds)
	}
	return reason
}

// reserved names are the executor's own.
func reserved(name string) bool {
	return slices.ContainsFunc([]string{"seldon_api_", "radiant_", "go_", "process_", "promhttp_"}, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// find returns the series of a name and labels, or why it cannot be made.
func (c *custom) find(name string, metricType seldon.Metric_MetricType, labels map[string]string) (*customSeries, string) {
	var key strings.Builder
	key.WriteString(name)
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		key.WriteString("\xff" + label + "\xff" + labels[label])
	}
	if known, ok := c.types[name]; ok && known != metricType {
		return nil, "type"
	}
	s := c.series[key.String()]
	if s != nil {
		return s, ""
	}
	if len(c.series) >= maxCustom {
		return nil, "too_many"
	}
	maps.Copy(labels, c.labels)
	s = &customSeries{metricType: metricType, desc: prometheus.NewDesc(name, "Reported by components", nil, labels)}
	if metricType == seldon.Metric_TIMER {
		s.buckets = make([]uint64, len(c.bounds))
	}
	c.types[name], c.series[key.String()] = metricType, s
	return s, ""
}

func (s *customSeries) add(value float64, bounds []float64) {
	switch s.metricType {
	case seldon.Metric_GAUGE:
		s.value = value
	case seldon.Metric_TIMER:
		seconds := value / 1000
		s.value += seconds
		s.count++
		for i := len(bounds) - 1; i >= 0 && seconds <= bounds[i]; i-- {
			s.buckets[i]++
		}
	default:
		s.value += value
	}
}

// Describe is that of [prometheus.Collector]: what components report is not
// known beforehand.
func (c *custom) Describe(chan<- *prometheus.Desc) {}

// Collect is that of [prometheus.Collector].
func (c *custom) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.series {
		switch s.metricType {
		case seldon.Metric_TIMER:
			upTo := make(map[float64]uint64, len(c.bounds))
			for i, bound := range c.bounds {
				upTo[bound] = s.buckets[i]
			}
			out <- metric(prometheus.NewConstHistogram(s.desc, s.count, s.value, upTo))
		case seldon.Metric_GAUGE:
			out <- metric(prometheus.NewConstMetric(s.desc, prometheus.GaugeValue, s.value))
		default:
			out <- metric(prometheus.NewConstMetric(s.desc, prometheus.CounterValue, s.value))
		}
	}
}
