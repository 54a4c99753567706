package config

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func tracing(t *testing.T, vars map[string]string) *Tracing {
	t.Helper()
	vars["ENGINE_PREDICTOR"], vars["RADIANT_PODINFO"] = encoded(model), t.TempDir()
	c, err := Load(operatorArgs, environment(vars), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if s := c.String() + strings.Join(c.Telemetry.Tracing.Warnings, " "); strings.Contains(s, "hush") {
		t.Errorf("a secret is shown: %s", s)
	}
	return &c.Telemetry.Tracing
}

func TestTracing(t *testing.T) {
	all := []string{"tracecontext", "b3", "b3multi", "jaeger"}
	type vars = map[string]string
	for name, c := range map[string]struct {
		vars     vars
		want     Tracing
		warnings []string
	}{
		"nothing": {vars{}, Tracing{}, nil},
		"OpenTelemetry": {
			vars{
				"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318/base/", "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20hush, x = y,", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
				"OTEL_EXPORTER_OTLP_TIMEOUT": "500", "OTEL_SERVICE_NAME": "mine", "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,a=b%2Cc", "OTEL_TRACES_SAMPLER": "traceidratio",
				"OTEL_TRACES_SAMPLER_ARG": "0.25", "OTEL_PROPAGATORS": "baggage, tracecontext", "JAEGER_SERVICE_NAME": "old", "JAEGER_SAMPLER_TYPE": "const", "OTEL_BSP_MAX_QUEUE_SIZE": "100",
			},
			Tracing{
				Endpoint: "https://collector:4318/base/v1/traces", Protocol: "http/protobuf", Headers: vars{"authorization": "Basic hush", "x": "y"}, Gzip: true, Timeout: 500 * time.Millisecond,
				Service: "mine", Attributes: vars{"a": "b,c"}, Sampler: "traceidratio", Ratio: .25, Propagators: []string{"tracecontext"}, Queue: 100, Batch: 100, Delay: 5 * time.Second,
			}, nil,
		},
		"its traces alone": {
			vars{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://all", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://traces/path", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
			Tracing{Endpoint: "http://traces/path", Protocol: "http/protobuf", Service: "executor", Sampler: "always_on", Ratio: 1, ParentBased: true, Propagators: all}, nil,
		},
		"exporter without an endpoint": {
			vars{"OTEL_TRACES_EXPORTER": "otlp"},
			Tracing{Endpoint: "http://localhost:4318/v1/traces", Protocol: "http/protobuf", Service: "executor", Sampler: "always_on", Ratio: 1, ParentBased: true, Propagators: all}, nil,
		},
		"port of gRPC": {
			vars{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"},
			Tracing{Endpoint: "http://collector:4317", Protocol: "grpc", Service: "executor", Sampler: "always_on", Ratio: 1, ParentBased: true, Propagators: all}, nil,
		},
		"switched off": {vars{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}, Tracing{}, nil},
		"no exporter":  {vars{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, Tracing{}, nil},
		"Jaeger off":   {vars{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "JAEGER_DISABLED": "true"}, Tracing{}, nil},
		"Jaeger's variables": {
			vars{
				"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "JAEGER_SERVICE_NAME": "old", "JAEGER_SAMPLER_TYPE": "probabilistic", "JAEGER_SAMPLER_PARAM": "0.5",
				"JAEGER_TAGS": "k=v", "JAEGER_TRACE_PROPAGATION_TYPE": "b3", "JAEGER_AGENT_HOST": "agent", "JAEGER_PASSWORD": "hush",
			},
			Tracing{
				Endpoint: "http://c:4318/v1/traces", Protocol: "http/protobuf", Service: "old", Attributes: vars{"k": "v"}, Sampler: "traceidratio", Ratio: .5, ParentBased: true,
				Propagators: []string{"tracecontext", "b3multi"},
			}, nil,
		},
		"Jaeger alone": {
			vars{"JAEGER_ENDPOINT": "http://user:hush@collector:14268/api/traces?hush"}, Tracing{},
			[]string{"JAEGER_ENDPOINT has no effect, there are no traces: Jaeger takes OTLP, set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://collector:4318"},
		},
		"what cannot be read": {
			vars{
				"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_HEADERS": "hush,a=%zzhush,b=c", "OTEL_EXPORTER_OTLP_TIMEOUT": "-1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
				"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "NaN", "OTEL_PROPAGATORS": "b3,xray", "OTEL_EXPORTER_OTLP_COMPRESSION": "zip",
			},
			Tracing{Endpoint: "http://c/v1/traces", Protocol: "http/protobuf", Headers: vars{"b": "c"}, Service: "executor", Sampler: "traceidratio", Ratio: 1, ParentBased: true, Propagators: []string{"b3"}},
			[]string{
				`OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" is not supported: want grpc or http/protobuf; it is http/protobuf now`,
				"OTEL_EXPORTER_OTLP_HEADERS: want name=value, separated by commas; a part that is otherwise is passed over",
				"OTEL_EXPORTER_OTLP_HEADERS: want name=value, separated by commas; a part that is otherwise is passed over",
				`OTEL_EXPORTER_OTLP_COMPRESSION: "zip" is unknown: want gzip or none; nothing is compressed`,
				`OTEL_EXPORTER_OTLP_TIMEOUT: "-1" is no whole number above 0; it is 10000 now`,
				`OTEL_TRACES_SAMPLER_ARG: "NaN" is no number from 0 to 1; all requests are traced`,
				`OTEL_PROPAGATORS: "xray" is unknown: want some of tracecontext, baggage, b3, b3multi, jaeger, or none`,
			},
		},
		"sampler of Jaeger's own": {
			vars{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "JAEGER_SAMPLER_TYPE": "ratelimiting"},
			Tracing{Endpoint: "http://c/v1/traces", Protocol: "http/protobuf", Service: "executor", Sampler: "always_on", Ratio: 1, ParentBased: true, Propagators: all},
			[]string{`JAEGER_SAMPLER_TYPE: "ratelimiting" is not supported: want always_on, always_off or traceidratio, with or without parentbased_; all requests are traced`},
		},
		"endpoint that is none": {vars{"OTEL_EXPORTER_OTLP_ENDPOINT": "ftp://hush@c"}, Tracing{}, []string{"OTEL_EXPORTER_OTLP_ENDPOINT is no URL that begins with http:// or https://; there are no traces"}},
		"exporter of another kind": {
			vars{"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, Tracing{}, []string{`OTEL_TRACES_EXPORTER: "zipkin" is unknown: want otlp or none; there are no traces`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := tracing(t, c.vars)
			if c.want.Endpoint != "" && c.want.Queue == 0 {
				c.want.Queue, c.want.Batch, c.want.Delay, c.want.Timeout = 2048, 512, 5*time.Second, 10*time.Second
			}
			c.want.Warnings = c.warnings
			if diff := cmp.Diff(&c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVersionAndImages(t *testing.T) {
	c, err := Load(operatorArgs, environment(map[string]string{"ENGINE_PREDICTOR": encoded(full), "RADIANT_PODINFO": t.TempDir()}), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"m1": "r:5000/a:1"}, c.Predictor.Images()); diff != "" || c.Predictor.Version() != "v1" {
		t.Errorf("version is %q, images (-want +got):\n%s", c.Predictor.Version(), diff)
	}
}
