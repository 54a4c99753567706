package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Tracing is where spans go and how traces are named in headers. It is read
// from the OTEL_* variables of OpenTelemetry and, where those are silent, from
// the JAEGER_* variables of Seldon Core v1. A value that cannot be used is
// warned of and passed over: that traces are missing is no reason not to serve.
type Tracing struct {
	// Endpoint is the URL of a collector of OTLP; empty: there are no traces.
	Endpoint string
	// Protocol is grpc or http/protobuf.
	Protocol string
	// Headers are sent to the collector. They may hold secrets.
	Headers map[string]string
	// Gzip compresses what is sent; Timeout bounds one export.
	Gzip    bool
	Timeout time.Duration
	// Service is the service's name, Attributes are its others.
	Service    string
	Attributes map[string]string
	// Sampler is a name of OTEL_TRACES_SAMPLER without parentbased_, Ratio its
	// argument. ParentBased leaves traces that began elsewhere to where they
	// began.
	Sampler     string
	Ratio       float64
	ParentBased bool
	// Propagators are those of OTEL_PROPAGATORS.
	Propagators []string
	// Queue is the number of spans that may wait, Batch that of one export;
	// Delay is how long the first of a batch waits at most.
	Queue, Batch int
	Delay        time.Duration
	// Warnings are what the user should know of the settings.
	Warnings []string
}

// String names what may be named of the settings.
func (t *Tracing) String() string {
	if t.Endpoint == "" {
		return "off"
	}
	return fmt.Sprintf("%s %s sampler=%s ratio=%g propagators=%s", t.Protocol, redacted(t.Endpoint), t.Sampler, t.Ratio, strings.Join(t.Propagators, ","))
}

func (t *Tracing) warn(format string, args ...any) {
	t.Warnings = append(t.Warnings, fmt.Sprintf(format, args...))
}

// The OTLP protocols.
const (
	otlpGRPC = "grpc"
	otlpHTTP = "http/protobuf"
)

func (t *Tracing) environment(env Env) {
	if env.is("OTEL_SDK_DISABLED") || env.is("JAEGER_DISABLED") {
		return
	}
	t.Endpoint = t.endpoint(env)
	if t.Endpoint == "" {
		t.hint(env)
		return
	}
	t.Headers = t.pairs(env, "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
	compression, variable := first(env, "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION")
	switch compression {
	case "", "none":
	case "gzip":
		t.Gzip = true
	default:
		t.warn("%s: %q is unknown: want gzip or none; nothing is compressed", variable, compression)
	}
	t.Timeout = time.Duration(t.number(env, 10_000, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")) * time.Millisecond
	t.Queue = t.number(env, 2048, "OTEL_BSP_MAX_QUEUE_SIZE")
	t.Batch = min(t.number(env, 512, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"), t.Queue)
	t.Delay = time.Duration(t.number(env, 5000, "OTEL_BSP_SCHEDULE_DELAY")) * time.Millisecond
	t.Attributes = t.pairs(env, "OTEL_RESOURCE_ATTRIBUTES")
	for name, value := range t.pairs(env, "JAEGER_TAGS") {
		if _, ok := t.Attributes[name]; !ok {
			t.Attributes[name] = value
		}
	}
	t.Service = env.or("OTEL_SERVICE_NAME", t.Attributes["service.name"])
	if t.Service == "" {
		t.Service = env.or("JAEGER_SERVICE_NAME", "executor")
	}
	delete(t.Attributes, "service.name")
	t.sampler(env)
	t.propagators(env)
}

// first returns the first variable of several that is set to something.
func first(env Env, variables ...string) (value, variable string) {
	for _, name := range variables {
		if v := strings.TrimSpace(env.or(name, "")); v != "" {
			return v, name
		}
	}
	return "", ""
}

// endpoint finds the collector's URL and the protocol that it speaks.
func (t *Tracing) endpoint(env Env) string {
	exporter, _ := first(env, "OTEL_TRACES_EXPORTER")
	raw, variable := first(env, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	switch exporter {
	case "none":
		return ""
	case "", "otlp":
	default:
		t.warn("OTEL_TRACES_EXPORTER: %q is unknown: want otlp or none; there are no traces", exporter)
		return ""
	}
	if raw == "" && exporter == "" {
		return ""
	}
	// Without a scheme, host:port is meant.
	if raw != "" && !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || raw != "" && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		t.warn("%s is no URL that begins with http:// or https://; there are no traces", variable)
		return ""
	}
	t.protocol(env, u.Port())
	switch {
	case t.Protocol == otlpGRPC && raw == "":
		return "http://localhost:4317"
	case raw == "":
		return "http://localhost:4318/v1/traces"
	case t.Protocol == otlpHTTP && variable == "OTEL_EXPORTER_OTLP_ENDPOINT":
		u = u.JoinPath("v1", "traces")
	}
	return u.String()
}

// protocol finds what is spoken to a collector at this port.
func (t *Tracing) protocol(env Env, port string) {
	protocol, from := first(env, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
	switch {
	case protocol == otlpGRPC, protocol == otlpHTTP:
		t.Protocol = protocol
	case protocol == "" && port == "4317":
		// That port takes gRPC alone.
		t.Protocol = otlpGRPC
	default:
		t.Protocol = otlpHTTP
		if protocol != "" {
			t.warn("%s: %q is not supported: want %s or %s; it is %[4]s now", from, protocol, otlpGRPC, otlpHTTP)
		}
	}
}

// hint tells users of Jaeger's own protocols what to set today.
func (t *Tracing) hint(env Env) {
	_, variable := first(env, "JAEGER_ENDPOINT", "JAEGER_AGENT_HOST")
	if variable == "" {
		return
	}
	host := env.or("JAEGER_AGENT_HOST", "")
	if u, err := url.Parse(env.or("JAEGER_ENDPOINT", "")); host == "" && err == nil {
		host = u.Hostname()
	}
	if strings.ContainsAny(host, "/@ ") || host == "" {
		host = "HOST"
	}
	t.warn("%s has no effect, there are no traces: Jaeger takes OTLP, set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://%s:4318", variable, host)
}

// pairs reads name=value, separated by commas; values are escaped as in URLs.
// A pair that cannot be read is not shown, since it may hold a secret.
func (t *Tracing) pairs(env Env, variables ...string) map[string]string {
	all := map[string]string{}
	text, variable := first(env, variables...)
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, raw, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(raw))
		if name = strings.TrimSpace(name); !ok || err != nil || name == "" {
			t.warn("%s: want name=value, separated by commas; a part that is otherwise is passed over", variable)
			continue
		}
		all[name] = value
	}
	return all
}

// number reads a whole number above 0.
func (t *Tracing) number(env Env, otherwise int, variables ...string) int {
	text, variable := first(env, variables...)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 || n > 1<<30 {
		t.warn("%s: %q is no whole number above 0; it is %d now", variable, text, otherwise)
		return otherwise
	}
	return n
}

func (t *Tracing) sampler(env Env) {
	t.Sampler, t.Ratio, t.ParentBased = "always_on", 1, true
	name, variable := first(env, "OTEL_TRACES_SAMPLER")
	argument, argumentVariable := first(env, "OTEL_TRACES_SAMPLER_ARG")
	if name == "" {
		if name, variable = first(env, "JAEGER_SAMPLER_TYPE"); name == "" {
			return
		}
		argument, argumentVariable = first(env, "JAEGER_SAMPLER_PARAM")
		switch {
		case name == "const" && argument == "0":
			name = "parentbased_always_off"
		case name == "const":
			name = "parentbased_always_on"
		case name == "probabilistic":
			name = "parentbased_traceidratio"
		}
	}
	base, parentBased := strings.CutPrefix(name, "parentbased_")
	if !slices.Contains([]string{"always_on", "always_off", "traceidratio"}, base) {
		t.warn("%s: %q is not supported: want always_on, always_off or traceidratio, with or without parentbased_; all requests are traced", variable, name)
		return
	}
	t.Sampler, t.ParentBased = base, parentBased
	if base != "traceidratio" || argument == "" {
		return
	}
	ratio, err := strconv.ParseFloat(argument, 64)
	if err != nil || !(ratio >= 0 && ratio <= 1) {
		t.warn("%s: %q is no number from 0 to 1; all requests are traced", argumentVariable, argument)
		return
	}
	t.Ratio = ratio
}

// propagators are all known ones by default: clients and components may be of
// any age. Baggage goes to the nodes like any header, whether it is named here
// or not.
func (t *Tracing) propagators(env Env) {
	known := []string{"tracecontext", "b3", "b3multi", "jaeger"}
	t.Propagators = known
	text, _ := first(env, "OTEL_PROPAGATORS")
	if text == "" {
		if kind, _ := first(env, "JAEGER_TRACE_PROPAGATION_TYPE"); kind == "b3" {
			t.Propagators = []string{"tracecontext", "b3multi"}
		}
		return
	}
	named := map[string]bool{}
	for name := range strings.SplitSeq(text, ",") {
		switch name = strings.TrimSpace(name); {
		case slices.Contains(known, name):
			named[name] = true
		case name != "" && name != "none" && name != "baggage":
			t.warn("OTEL_PROPAGATORS: %q is unknown: want some of tracecontext, baggage, b3, b3multi, jaeger, or none", name)
		}
	}
	t.Propagators = slices.Sorted(maps.Keys(named))
}
