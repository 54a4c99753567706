package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/contrib/propagators/jaeger"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// tracer makes spans and writes traces into headers.
type tracer struct {
	provider   *sdk.TracerProvider
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	// fields are the headers that traces are written to, in the spelling of
	// each transport.
	fields [2][]string
	// common are the attributes of all spans.
	common []attribute.KeyValue
}

func newTracer(o *Options, sent *prometheus.CounterVec) (*tracer, error) {
	c := o.Tracing
	silence(o.Log)
	exporter, err := newExporter(c)
	if err != nil {
		return nil, fmt.Errorf("making the exporter of traces: %w", err)
	}
	t := &tracer{
		provider: sdk.NewTracerProvider(
			sdk.WithSampler(sampler(c)),
			sdk.WithResource(describe(c, o)),
			// What does not fit the queue is dropped: requests never wait.
			sdk.WithBatcher(&watchedExporter{SpanExporter: exporter, log: o.Log, sent: sent.WithLabelValues("sent"), failed: sent.WithLabelValues("failed")},
				sdk.WithMaxQueueSize(c.Queue), sdk.WithMaxExportBatchSize(c.Batch), sdk.WithBatchTimeout(c.Delay), sdk.WithExportTimeout(c.Timeout)),
		),
		propagator: propagator(c.Propagators),
		common:     []attribute.KeyValue{attribute.String("seldon.deployment", o.Deployment), attribute.String("seldon.predictor", o.Predictor)},
	}
	t.tracer = t.provider.Tracer("github.com/prime-radiant/radiant/executor")
	for _, name := range t.propagator.Fields() {
		t.fields[protocol.REST] = append(t.fields[protocol.REST], http.CanonicalHeaderKey(name))
		t.fields[protocol.GRPC] = append(t.fields[protocol.GRPC], name)
	}
	return t, nil
}

// silence keeps the library from writing to the standard error. The library
// reads the environment too, and prints the values that it cannot read, secrets
// among them. Package config has already reported every fault of the environment.
func silence(log *slog.Logger) {
	otel.SetLogger(logr.Discard())
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Debug("tracing", "error", err.Error()) }))
}

// newExporter makes the way to the collector. It does not connect yet.
func newExporter(c *config.Tracing) (sdk.SpanExporter, error) {
	if c.Protocol == "grpc" {
		options := []otlptracegrpc.Option{
			otlptracegrpc.WithEndpointURL(c.Endpoint), otlptracegrpc.WithHeaders(c.Headers), otlptracegrpc.WithTimeout(c.Timeout),
		}
		if c.Gzip {
			options = append(options, otlptracegrpc.WithCompressor("gzip"))
		}
		return otlptracegrpc.New(context.Background(), options...)
	}
	compression := otlptracehttp.NoCompression
	if c.Gzip {
		compression = otlptracehttp.GzipCompression
	}
	return otlptracehttp.New(context.Background(),
		otlptracehttp.WithEndpointURL(c.Endpoint), otlptracehttp.WithHeaders(c.Headers), otlptracehttp.WithTimeout(c.Timeout), otlptracehttp.WithCompression(compression))
}

func sampler(c *config.Tracing) sdk.Sampler {
	s := map[string]sdk.Sampler{
		"always_on": sdk.AlwaysSample(), "always_off": sdk.NeverSample(), "traceidratio": sdk.TraceIDRatioBased(c.Ratio),
	}[c.Sampler]
	if c.ParentBased {
		s = sdk.ParentBased(s)
	}
	return s
}

// describe names the process that spans come from.
func describe(c *config.Tracing, o *Options) *resource.Resource {
	all := []attribute.KeyValue{
		attribute.String("service.name", c.Service),
		attribute.String("service.version", o.Version),
		attribute.String("k8s.namespace.name", o.Namespace),
	}
	for name, value := range c.Attributes {
		all = append(all, attribute.String(name, value)) // of two that are alike, the last counts
	}
	return resource.NewSchemaless(all...)
}

// propagator reads traces in any of the forms named and writes them in all.
// Where a request has several, the last one here counts.
func propagator(names []string) propagation.TextMapPropagator {
	var all []propagation.TextMapPropagator
	for _, p := range []struct {
		name       string
		propagator propagation.TextMapPropagator
	}{
		{"jaeger", jaeger.Jaeger{}},
		{"b3multi", b3.New(b3.WithInjectEncoding(b3.B3MultipleHeader))},
		{"b3", b3.New(b3.WithInjectEncoding(b3.B3SingleHeader))},
		{"tracecontext", propagation.TraceContext{}},
	} {
		if slices.Contains(names, p.name) {
			all = append(all, p.propagator)
		}
	}
	return propagation.NewCompositeTextMapPropagator(all...)
}
