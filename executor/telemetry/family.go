package telemetry

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
)

// serverLabels are the labels of requests, besides those that all metrics of the
// executor have. The last one is the code.
func serverLabels() []string { return []string{"service", "method", "code"} }

// clientLabels are those of the calls on nodes. [Telemetry.Calls] gives the values
// in this order.
func clientLabels() []string {
	return []string{"service", "model_name", "model_image", "model_version", "method", "code"}
}

// family is a histogram and a summary of the same latencies.
type family struct {
	histogram, summary *prometheus.Desc
	// began is what periods are counted from.
	began time.Time

	mu  sync.Mutex
	all map[string]*outcomes
}

var _ prometheus.Collector = (*family)(nil)

func newFamily(name, of string, labels []string) *family {
	return &family{
		histogram: prometheus.NewDesc(name, "A histogram of latencies for "+of, labels, nil),
		summary:   prometheus.NewDesc(name+"_summary", "A summary of latencies for "+of, labels, nil),
		began:     time.Now(),
		all:       map[string]*outcomes{},
	}
}

// outcomes are the latencies of one kind of request by code.
type outcomes struct {
	family *family
	labels []string
	name   func(code int) string
	mu     sync.Mutex
	series atomic.Pointer[[]*series]
}

type series struct {
	code   int
	labels []string
	latency
}

// outcomes returns the record for requests with these labels.
func (f *family) outcomes(name func(code int) string, labels ...string) *outcomes {
	key := strings.Join(labels, "\xff")
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.all[key]
	if o == nil {
		o = &outcomes{family: f, labels: labels, name: name}
		o.series.Store(new([]*series))
		f.all[key] = o
	}
	return o
}

// mostCode is the largest status of HTTP. Codes of gRPC end at 16, but a server
// may make up its own, each of which would be a series.
const mostCode = 999

// observe records a request that has just ended.
func (o *outcomes) observe(start time.Time, code int) {
	took := time.Since(start)
	if code > mostCode {
		code = int(codes.Unknown)
	}
	o.of(code).observe(took, start.Sub(o.family.began)+took)
}

// of finds the series of a code. Codes are few, the usual one comes first.
func (o *outcomes) of(code int) *series {
	for _, s := range *o.series.Load() {
		if s.code == code {
			return s
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	known := *o.series.Load()
	if i := slices.IndexFunc(known, func(s *series) bool { return s.code == code }); i >= 0 {
		return known[i]
	}
	s := &series{code: code, labels: append(slices.Clone(o.labels), o.name(code))}
	o.series.Store(new(append(slices.Clone(known), s)))
	return s
}

// Describe is that of [prometheus.Collector].
func (f *family) Describe(out chan<- *prometheus.Desc) {
	out <- f.histogram
	out <- f.summary
}

// Collect is that of [prometheus.Collector].
func (f *family) Collect(out chan<- prometheus.Metric) {
	f.mu.Lock()
	all := slices.Collect(maps.Values(f.all))
	f.mu.Unlock()
	at := time.Since(f.began)
	for _, o := range all {
		for _, s := range *o.series.Load() {
			upTo, count, seconds := s.histogram()
			out <- metric(prometheus.NewConstHistogram(f.histogram, count, seconds, upTo, s.labels...))
			out <- metric(prometheus.NewConstSummary(f.summary, count, seconds, s.quantiles(at), s.labels...))
		}
	}
}

// metric makes of an error a metric that tells it.
func metric(m prometheus.Metric, err error) prometheus.Metric {
	if err != nil {
		return prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
	}
	return m
}
