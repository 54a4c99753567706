// Package telemetry shows what the executor does: metrics for Prometheus, by
// the names and labels that dashboards of Seldon Core v1 use, and traces for
// OpenTelemetry.
package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace"

	"github.com/prime-radiant/radiant/executor/config"
)

// Options are all that telemetry depends on.
type Options struct {
	// Deployment, Predictor and Version are labels of every metric of the executor.
	// Version is the predictor's annotation of that name.
	Deployment, Predictor, Version string
	// Namespace is that of the deployment.
	Namespace string
	// Images are the images of containers, by name. A node whose name is among
	// them is labelled with its image.
	Images map[string]string
	// Components shows the metrics that nodes report in their answers.
	Components bool
	// Tracing says where spans go; nil or without an endpoint: there are none.
	Tracing *config.Tracing
	// Log gets a line when spans cannot be sent.
	Log *slog.Logger
}

// Telemetry is ready for requests, from several goroutines.
type Telemetry struct {
	options  Options
	registry *prometheus.Registry
	common   prometheus.Registerer
	server   *family
	client   *family
	gauges   gauges
	feedback feedback
	// custom is nil where metrics of components are not shown.
	custom *custom
	// tracer is nil where there are no traces.
	tracer *tracer
}

// New makes telemetry that has seen nothing yet. It is to be closed. With an
// error it is there nevertheless, but makes no traces.
func New(o Options) (*Telemetry, error) {
	registry := prometheus.NewRegistry()
	t := &Telemetry{
		options:  o,
		registry: registry,
		common: prometheus.WrapRegistererWith(prometheus.Labels{
			"deployment_name": o.Deployment, "predictor_name": o.Predictor, "predictor_version": o.Version,
		}, registry),
		server:   newFamily("seldon_api_executor_server_requests_seconds", "executor server", serverLabels()),
		client:   newFamily("seldon_api_executor_client_requests_seconds", "client calls from executor", clientLabels()),
		gauges:   newGauges(),
		feedback: newFeedback(),
	}
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	t.common.MustRegister(t.server, t.client, t.gauges.server, t.gauges.client, t.gauges.errors)
	t.common.MustRegister(t.feedback.total, t.feedback.reward, t.feedback.penalty)
	if o.Components {
		t.custom = newCustom(&o)
		registry.MustRegister(t.custom)
		t.common.MustRegister(t.custom.dropped)
	}
	if o.Tracing == nil || o.Tracing.Endpoint == "" {
		return t, nil
	}
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "radiant_executor_spans_total", Help: "Spans by what became of them at the collector of traces",
	}, []string{"result"})
	t.common.MustRegister(sent)
	var err error
	t.tracer, err = newTracer(&o, sent)
	return t, err
}

// Traces tells whether spans are made.
func (t *Telemetry) Traces() bool { return t.tracer != nil }

// TraceID is the id of the trace that a context belongs to, in hexadecimal; empty:
// it belongs to none.
func TraceID(ctx context.Context) string {
	if of := trace.SpanContextFromContext(ctx); of.HasTraceID() {
		return of.TraceID().String()
	}
	return ""
}

// Close sends the spans that still wait, until ctx ends.
func (t *Telemetry) Close(ctx context.Context) error {
	if t.tracer == nil {
		return nil
	}
	if err := t.tracer.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("sending the last spans: %w", err)
	}
	return nil
}

// Registerer takes the metrics of other parts of the executor. Each gets the
// labels deployment_name, predictor_name and predictor_version on top of its
// own; its name should begin with radiant_executor_.
func (t *Telemetry) Registerer() prometheus.Registerer { return t.common }

// Handler answers scrapes.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.InstrumentMetricHandler(t.registry, promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{
		// What can be shown is shown, rather than nothing.
		ErrorHandling: promhttp.ContinueOnError, Registry: t.registry,
	}))
}
