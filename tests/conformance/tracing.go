package conformance

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // the executor's exporter may use it
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// secret is never to be seen in a log.
const secret = "hush-hush"

// tracing checks the spans that a collector gets, and the trace headers that nodes
// get.
func tracing(t *testing.T, start Start) {
	t.Run("spans", func(t *testing.T) { spansOfRequests(t, start) })
	t.Run("headers", func(t *testing.T) { traceHeaders(t, start) })
	t.Run("errors", func(t *testing.T) { failedSpans(t, start) })
	t.Run("sampling", func(t *testing.T) { sampled(t, start) })
	t.Run("collector that hangs", func(t *testing.T) { hangingCollector(t, start) })
	t.Run("bad settings", func(t *testing.T) { badTracing(t, start) })
}

// collected is what a collector of OTLP got, by HTTP or gRPC.
type collected struct {
	collector.UnimplementedTraceServiceServer
	http, grpc string

	mu      sync.Mutex
	spans   []span
	headers map[string][]string
}

// span is a span with the name of its service.
type span struct {
	*otlp.Span
	service string
}

func (s span) attributes() map[string]string {
	all := map[string]string{}
	for _, a := range s.Attributes {
		if all[a.Key] = a.Value.GetStringValue(); all[a.Key] == "" {
			all[a.Key] = fmt.Sprint(a.Value.GetIntValue())
		}
	}
	return all
}

func collect(t *testing.T) *collected {
	t.Helper()
	c := &collected{}
	overHTTP := httptest.NewServer(http.HandlerFunc(c.post))
	t.Cleanup(overHTTP.Close)
	c.http = overHTTP.URL
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	overRPC := grpc.NewServer()
	collector.RegisterTraceServiceServer(overRPC, c)
	go func() { _ = overRPC.Serve(l) }()
	t.Cleanup(overRPC.Stop)
	c.grpc = "http://" + l.Addr().String()
	return c
}

func (c *collected) post(w http.ResponseWriter, r *http.Request) {
	var request collector.ExportTraceServiceRequest
	body, err := unzipped(r)
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.take(&request, r.Header)
}

func unzipped(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// Export is that of OTLP over gRPC.
func (c *collected) Export(ctx context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	c.take(r, md)
	return &collector.ExportTraceServiceResponse{}, nil
}

func (c *collected) take(r *collector.ExportTraceServiceRequest, headers map[string][]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = headers
	for _, resource := range r.ResourceSpans {
		service := ""
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, span{s, service})
			}
		}
	}
}

// await returns the spans once there are as many, in the order of their start.
func (c *collected) await(t *testing.T, n int) []span {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		c.mu.Lock()
		spans := slices.Clone(c.spans)
		c.mu.Unlock()
		if len(spans) >= n {
			slices.SortFunc(spans, func(a, b span) int { return int(int64(a.StartTimeUnixNano) - int64(b.StartTimeUnixNano)) })
			return spans
		}
		if time.Now().After(deadline) {
			t.Fatalf("the collector got %d spans, want %d", len(spans), n)
		}
	}
}

// traced starts an executor with these variables.
func traced(t *testing.T, start Start, outside string, n Node, env map[string]string) (Executor, components) {
	t.Helper()
	cs := components{}
	l := launchOf(t, outside, n.build(t, outside, cs))
	l.Env["OTEL_BSP_SCHEDULE_DELAY"] = "20"
	for name, value := range env {
		l.Env[name] = value
	}
	return start(t, l), cs
}

func spansOfRequests(t *testing.T, start Start) {
	for _, w := range wires() {
		t.Run(w.String(), func(t *testing.T) {
			c := collect(t)
			env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.http, "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=" + secret}
			if w.grpc {
				env["OTEL_EXPORTER_OTLP_ENDPOINT"], env["OTEL_EXPORTER_OTLP_PROTOCOL"] = c.grpc, "grpc"
			}
			e, cs := traced(t, start, w.protocol, model("a", 1, model("b", 2)), env)
			if _, err := w.predict(soon(t), e, 7); err != nil {
				t.Fatal(err)
			}
			spans := c.await(t, 3)
			paths := []string{"predictions", cs["a"].Calls()[0].Path, cs["b"].Calls()[0].Path}
			if w.grpc {
				paths[0] = map[string]string{
					"seldon": "/seldon.protos.Seldon/Predict", "tensorflow": "/tensorflow.serving.PredictionService/Predict", "v2": "/inference.GRPCInferenceService/ModelInfer",
				}[w.protocol]
			}
			code := map[string]string{"http.response.status_code": "200"}
			if w.grpc {
				code = map[string]string{"rpc.grpc.status_code": "0"}
			}
			root, puid := spans[0], spans[0].attributes()["seldon.puid"]
			for i, s := range spans {
				kind, parent := otlp.Span_SPAN_KIND_CLIENT, root.SpanId
				want := map[string]string{"seldon.deployment": "sdep", "seldon.predictor": "main", "seldon.puid": puid}
				if i == 0 {
					kind, parent = otlp.Span_SPAN_KIND_SERVER, nil
				} else {
					want["seldon.node"], want["seldon.call"] = string('a'+rune(i-1)), "predict"
				}
				for name, value := range code {
					want[name] = value
				}
				if s.Name != paths[i] || s.Kind != kind || string(s.ParentSpanId) != string(parent) || string(s.TraceId) != string(root.TraceId) || s.service != "executor" {
					t.Errorf("span %d is %v of %s, want %s", i, s, s.service, paths[i])
				}
				if diff := cmp.Diff(want, s.attributes()); diff != "" || puid == "" {
					t.Errorf("attributes of span %d (-want +got):\n%s", i, diff)
				}
			}
			// What a node is told is the span of the call on it.
			for i, name := range []string{"a", "b"} {
				for _, text := range cs[name].Calls()[0].Header[headerName(w, "Traceparent")] {
					if want := traceparent(spans[i+1]); text != want {
						t.Errorf("node %s is told %s, want %s", name, text, want)
					}
				}
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if got := c.headers[headerName(w, "Api-Key")]; len(got) != 1 || got[0] != secret {
				t.Errorf("the collector is sent the headers %v", c.headers)
			}
		})
	}
}

func traceparent(s span) string {
	return "00-" + hex.EncodeToString(s.TraceId) + "-" + hex.EncodeToString(s.SpanId) + "-01"
}

// headerName spells a header as components see it.
func headerName(w wire, name string) string {
	if w.grpc {
		return strings.ToLower(name)
	}
	return name
}

// traceHeaders checks that traces are taken from any form of header, and are
// written in the forms that are wanted.
func traceHeaders(t *testing.T, start Start) {
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	in := map[string]map[string]string{
		"W3C":       {"Traceparent": "00-" + trace + "-" + parent + "-01", "Tracestate": "x=1", "Baggage": "k=v"},
		"B3":        {"B3": trace + "-" + parent + "-1"},
		"B3, multi": {"X-B3-Traceid": trace, "X-B3-Spanid": parent, "X-B3-Sampled": "1"},
		"Jaeger":    {"Uber-Trace-Id": trace + ":" + parent + ":0:1"},
	}
	for name, headers := range in {
		t.Run(name, func(t *testing.T) {
			c := collect(t)
			e, cs := traced(t, start, "seldon", model("a", 1), map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": c.http + "/v1/traces"})
			r := request(t, http.MethodPost, predictions(e), `{"data":{"ndarray":[[1]]}}`)
			for name, value := range headers {
				r.Header.Set(name, value)
			}
			if _, _, err := do(r); err != nil {
				t.Fatal(err)
			}
			spans := c.await(t, 2)
			if hex.EncodeToString(spans[0].TraceId) != trace || hex.EncodeToString(spans[0].ParentSpanId) != parent {
				t.Errorf("the trace is %x below %x", spans[0].TraceId, spans[0].ParentSpanId)
			}
			id := hex.EncodeToString(spans[1].SpanId)
			got := cs["a"].Calls()[0].Header
			for name, value := range map[string]string{
				"Traceparent": "00-" + trace + "-" + id + "-01", "Tracestate": headers["Tracestate"], "Baggage": headers["Baggage"],
				"B3": trace + "-" + id + "-1", "X-B3-Traceid": trace, "X-B3-Spanid": id, "X-B3-Sampled": "1", "Uber-Trace-Id": trace + ":" + id + ":0:1",
			} {
				if strings.Join(got[name], " ") != value {
					t.Errorf("the node got %s: %q, want %q", name, got[name], value)
				}
			}
		})
	}
	t.Run("named", func(t *testing.T) {
		c := collect(t)
		e, cs := traced(t, start, "seldon", model("a", 1), map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.http, "OTEL_PROPAGATORS": "b3"})
		r := request(t, http.MethodPost, predictions(e), `{"data":{"ndarray":[[1]]}}`)
		r.Header.Set("Traceparent", "00-"+trace+"-"+parent+"-01")
		if _, _, err := do(r); err != nil {
			t.Fatal(err)
		}
		spans := c.await(t, 2)
		got := cs["a"].Calls()[0].Header
		b3 := hex.EncodeToString(spans[1].TraceId) + "-" + hex.EncodeToString(spans[1].SpanId) + "-1"
		if hex.EncodeToString(spans[0].TraceId) == trace || strings.Join(got["B3"], "") != b3 || got["Uber-Trace-Id"] != nil {
			t.Errorf("the node got %v, want B3: %s", got, b3)
		}
	})
	t.Run("off", func(t *testing.T) {
		e, cs := traced(t, start, "seldon", model("a", 1), nil)
		if _, err := wires()[0].predict(soon(t), e, 7); err != nil {
			t.Fatal(err)
		}
		for name := range cs["a"].Calls()[0].Header {
			if strings.Contains(strings.ToLower(name), "trace") || strings.EqualFold(name, "b3") {
				t.Errorf("the node got %s", name)
			}
		}
	})
}

func failedSpans(t *testing.T, start Start) {
	c := collect(t)
	e, cs := traced(t, start, "seldon", model("a", 1), map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.http, "OTEL_SERVICE_NAME": "mine"})
	cs["a"].On("/predict", stub.Answer{Status: http.StatusServiceUnavailable, Body: []byte(`{"` + secret + `":1}`)})
	if _, err := wires()[0].predict(soon(t), e, 7); err == nil {
		t.Fatal("a refusal went unseen")
	}
	for _, s := range c.await(t, 2) {
		if s.Status.GetCode() != otlp.Status_STATUS_CODE_ERROR || s.attributes()["http.response.status_code"] != "503" || strings.Contains(s.Status.Message, secret) || s.service != "mine" {
			t.Errorf("span is %v", s)
		}
	}
}

func sampled(t *testing.T, start Start) {
	c := collect(t)
	e, cs := traced(t, start, "seldon", model("a", 1), map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": c.http, "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0",
	})
	// The first is not sampled here, the second was where it began.
	if _, err := wires()[0].predict(soon(t), e, 7); err != nil {
		t.Fatal(err)
	}
	r := request(t, http.MethodPost, predictions(e), `{"data":{"ndarray":[[1]]}}`)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if _, _, err := do(r); err != nil {
		t.Fatal(err)
	}
	e.Stop()
	if code := e.Wait(); code != 0 {
		t.Errorf("exit code is %d", code)
	}
	for _, s := range c.await(t, 2) {
		if hex.EncodeToString(s.TraceId) != "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("span %s was not to be sent", s.Name)
		}
	}
	if got := cs["a"].Calls()[0].Header["Traceparent"]; len(got) != 1 || !strings.HasSuffix(got[0], "-00") {
		t.Errorf("the node is told %v of a trace that is not sampled", got)
	}
}

// hangingCollector checks that spans which cannot be sent keep nobody: not
// requests, and the end of the process no longer than it has.
func hangingCollector(t *testing.T, start Start) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // never answers
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	cs := components{}
	launch := launchOf(t, "seldon", model("a", 1).build(t, "seldon", cs), "--graceful_timeout", "1s")
	launch.Env["OTEL_EXPORTER_OTLP_ENDPOINT"], launch.Env["OTEL_BSP_SCHEDULE_DELAY"], launch.Env["OTEL_BSP_MAX_QUEUE_SIZE"] = "http://"+l.Addr().String(), "1", "16"
	e := start(t, launch)
	for range 200 {
		if _, err := wires()[0].predict(soon(t), e, 7); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	e.Stop()
	e.Wait()
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the process took %v to end", took)
	}
}

// badTracing checks that what is wrong with tracing keeps nobody from serving.
func badTracing(t *testing.T, start Start) {
	e, _ := traced(t, start, "seldon", model("a", 1), map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "smoke", "OTEL_TRACES_SAMPLER": "dice", "OTEL_PROPAGATORS": "pigeon",
		"OTEL_EXPORTER_OTLP_HEADERS": secret, "OTEL_EXPORTER_OTLP_TIMEOUT": "soon", "JAEGER_SAMPLER_PARAM": "x", "JAEGER_TAGS": "=",
	})
	if _, err := wires()[0].predict(soon(t), e, 7); err != nil {
		t.Fatal(err)
	}
}
