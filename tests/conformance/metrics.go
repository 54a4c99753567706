package conformance

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	names "github.com/prometheus/common/model"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// metrics checks what a scrape shows.
func metrics(t *testing.T, start Start) {
	t.Run("names and labels", func(t *testing.T) { seriesOfRequests(t, start) })
	t.Run("text", func(t *testing.T) { exposition(t, start) })
	t.Run("services", func(t *testing.T) { servicesCounted(t, start) })
	t.Run("not counted", func(t *testing.T) { uncounted(t, start) })
	t.Run("names that clients choose", func(t *testing.T) { chosenNames(t, start) })
	t.Run("errors of nodes", func(t *testing.T) { nodeErrors(t, start) })
	t.Run("rewards", func(t *testing.T) { rewardsCounted(t, start) })
	t.Run("components", func(t *testing.T) { componentMetrics(t, start) })
	t.Run("in flight", func(t *testing.T) { inFlight(t, start) })
	t.Run("none", func(t *testing.T) { noMetrics(t, start) })
}

// monitored starts a graph whose predictor tells a version and an image of
// each container, with its metrics where the operator puts them.
func monitored(t *testing.T, start Start, outside string, n Node, images map[string]string) (Executor, components) {
	t.Helper()
	cs := components{}
	l := launchOf(t, outside, n.build(t, outside, cs), "--prometheus_path", "/prometheus")
	text, err := base64.StdEncoding.DecodeString(l.Env["ENGINE_PREDICTOR"])
	if err != nil {
		t.Fatal(err)
	}
	var predictor map[string]any
	if err := json.Unmarshal(text, &predictor); err != nil {
		t.Fatal(err)
	}
	predictor["annotations"] = map[string]string{"version": "v7", "other": "x"}
	var containers []map[string]string
	for name, image := range images {
		containers = append(containers, map[string]string{"name": name, "image": image})
	}
	predictor["componentSpecs"] = []any{map[string]any{"spec": map[string]any{"containers": containers}}}
	if text, err = json.Marshal(predictor); err != nil {
		t.Fatal(err)
	}
	l.Env["ENGINE_PREDICTOR"] = base64.StdEncoding.EncodeToString(text)
	return start(t, l), cs
}

const (
	serverSeconds = "seldon_api_executor_server_requests_seconds"
	clientSeconds = "seldon_api_executor_client_requests_seconds"
	nodeFailures  = "radiant_executor_client_errors_total"
)

// scrape returns the metrics of an executor by name.
func scrape(t *testing.T, e Executor) map[string]*dto.MetricFamily {
	t.Helper()
	text, header, err := get(soon(t), "http://"+e.REST+"/prometheus")
	if err != nil {
		t.Fatal(err)
	}
	if kind := header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Errorf("a scrape has the type %q", kind)
	}
	parser := expfmt.NewTextParser(names.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return families
}

// counted lists the series of a metric, each with its count or its value.
func counted(f *dto.MetricFamily) []string {
	var all []string
	for _, m := range f.GetMetric() {
		value := m.GetCounter().GetValue() + m.GetGauge().GetValue() +
			float64(m.GetHistogram().GetSampleCount()) + float64(m.GetSummary().GetSampleCount())
		all = append(all, fmt.Sprintf("%s %g", labels(m), value))
	}
	slices.Sort(all)
	return all
}

// labels writes labels in the order of their names, without those that say
// whose predictor it is, which must be there.
func labels(m *dto.Metric) string {
	var all []string
	for _, l := range m.GetLabel() {
		all = append(all, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
	}
	slices.Sort(all)
	line := strings.Join(all, ",") + ","
	for _, common := range []string{`deployment_name="sdep",`, `predictor_name="main",`, `predictor_version="v7",`} {
		if !strings.Contains(line, common) {
			return "without " + common + " " + line
		}
		line = strings.Replace(line, common, "", 1)
	}
	return strings.TrimSuffix(line, ",")
}

// shows compares the series of metrics, leaving out the labels that all have.
func shows(t *testing.T, families map[string]*dto.MetricFamily, want map[string][]string) {
	t.Helper()
	for name, lines := range want {
		slices.Sort(lines)
		if diff := cmp.Diff(lines, counted(families[name])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func seriesOfRequests(t *testing.T, start Start) {
	g := model("a", 1, model("b", 2))
	e, cs := monitored(t, start, "seldon", g, map[string]string{
		"a": "registry:5000/team/image:1.2@sha256:0123", "other": "x:1",
	})
	for _, w := range wires() {
		if w.protocol == "seldon" {
			for range 2 {
				if _, err := w.predict(soon(t), e, 7); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	cs["b"].On("/predict", stub.Answer{Status: http.StatusTeapot, Body: []byte("{}")})
	if _, _, err := post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[[1]]}}`)); err == nil {
		t.Fatal("a refusal went unseen")
	}
	server := []string{
		`code="200",method="post",service="predictions" 2`,
		`code="418",method="post",service="predictions" 1`,
		`code="OK",method="unary",service="/seldon.protos.Seldon/Predict" 2`,
	}
	a := `model_image="registry:5000/team/image",model_name="a",model_version="1.2"`
	b := `model_image="",model_name="b",model_version=""`
	client := []string{
		`code="200",method="post",` + b + `,service="/predict" 2`,
		`code="200",method="post",` + a + `,service="/predict" 3`,
		`code="418",method="post",` + b + `,service="/predict" 1`,
		`code="OK",method="unary",` + b + `,service="/seldon.protos.Model/Predict" 2`,
		`code="OK",method="unary",` + a + `,service="/seldon.protos.Model/Predict" 2`,
	}
	shows(t, scrape(t, e), map[string][]string{
		serverSeconds: server, serverSeconds + "_summary": server,
		clientSeconds: client, clientSeconds + "_summary": client,
		nodeFailures: {`method="post",` + b + `,reason="refused",service="/predict" 1`},
	})
}

// exposition checks what dashboards rely on beside the labels.
func exposition(t *testing.T, start Start) {
	e, _ := monitored(t, start, "seldon", model("a", 1), nil)
	if _, _, err := post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[[1]]}}`)); err != nil {
		t.Fatal(err)
	}
	families := scrape(t, e)
	for name, help := range map[string]string{
		serverSeconds:              "A histogram of latencies for executor server",
		serverSeconds + "_summary": "A summary of latencies for executor server",
		clientSeconds:              "A histogram of latencies for client calls from executor",
		clientSeconds + "_summary": "A summary of latencies for client calls from executor",
	} {
		f := families[name]
		if f.GetHelp() != help {
			t.Errorf("%s: help is %q", name, f.GetHelp())
		}
		m := f.GetMetric()[0]
		var bounds, quantiles []float64
		for _, b := range m.GetHistogram().GetBucket() {
			bounds = append(bounds, b.GetUpperBound())
		}
		for _, q := range m.GetSummary().GetQuantile() {
			quantiles = append(quantiles, q.GetQuantile())
			if seconds := q.GetValue(); seconds <= 0 || seconds > m.GetSummary().GetSampleSum() {
				t.Errorf("%s: quantile %g of one request is %g s of %g", name, q.GetQuantile(), seconds, m.GetSummary().GetSampleSum())
			}
		}
		var want, none []float64
		if strings.HasSuffix(name, "_summary") {
			want, none, bounds = []float64{.5, .75, .9, .98, .99, 1}, bounds, quantiles
		} else {
			want, none = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}, quantiles
			bounds = bounds[:len(bounds)-1] // the last is infinity
		}
		if diff := cmp.Diff(want, bounds); diff != "" || len(none) > 0 {
			t.Errorf("%s (-want +got):\n%s%v", name, diff, none)
		}
	}
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes", "promhttp_metric_handler_requests_total"} {
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
}

// servicesCounted checks what requests and the calls behind them count as.
func servicesCounted(t *testing.T, start Start) {
	e, cs := monitored(t, start, "seldon", model("a", 1), nil)
	cs["a"].On("/health/status", stub.Answer{Body: []byte("{}")})
	cs["a"].On("/metadata", stub.Answer{Body: []byte(`{"name":"a"}`)})
	for _, path := range []string{"/api/v1.0/status", "/api/v1.0/health/status", "/api/v1.0/status/a", "/api/v1.0/metadata", "/api/v1.0/metadata/a"} {
		if _, _, err := get(soon(t), "http://"+e.REST+path); err != nil {
			t.Fatal(path, err)
		}
	}
	if _, _, err := post(soon(t), "http://"+e.REST+"/api/v0.1/feedback", "application/json", []byte(`{"reward":1}`)); err != nil {
		t.Fatal(err)
	}
	node := `model_image="",model_name="a",model_version=""`
	shows(t, scrape(t, e), map[string][]string{
		serverSeconds: {
			`code="200",method="get",service="metadata" 2`,
			`code="200",method="get",service="status" 3`,
			`code="200",method="post",service="feedback" 1`,
		},
		clientSeconds: {
			`code="200",method="get",` + node + `,service="/health/status" 1`,
			`code="200",method="get",` + node + `,service="/metadata" 2`,
			`code="200",method="post",` + node + `,service="/send-feedback" 1`,
		},
		nodeFailures: nil,
	})
}

func uncounted(t *testing.T, start Start) {
	for _, w := range wires() {
		if w.grpc {
			continue
		}
		e, _ := monitored(t, start, w.protocol, model("a", 1), nil)
		for _, r := range []struct{ method, path string }{
			{http.MethodGet, "/ready"}, {http.MethodGet, "/live"}, {http.MethodGet, "/prometheus"}, {http.MethodGet, "/nowhere"},
			{http.MethodPut, "/api/v1.0/predictions"}, {http.MethodOptions, "/api/v1.0/predictions"}, {http.MethodOptions, "/v2/models/infer"},
		} {
			answer, err := http.DefaultClient.Do(request(t, r.method, "http://"+e.REST+r.path, ""))
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
		}
		shows(t, scrape(t, e), map[string][]string{serverSeconds: nil, serverSeconds + "_summary": nil, clientSeconds: nil})
	}
}

func chosenNames(t *testing.T, start Start) {
	for outside, ask := range map[string]struct{ path, body, service string }{
		"v2":         {"/v2/models/any%d/versions/%[1]d/infer", `{"inputs":[{"name":"x","datatype":"FP64","shape":[1,1],"data":[1]}]}`, "/v2/models/a/infer"},
		"tensorflow": {"/v1/models/any%d/versions/%[1]d:predict", `{"instances":[[1]]}`, "/v1/models/a:predict"},
	} {
		t.Run(outside, func(t *testing.T) {
			e, cs := monitored(t, start, outside, model("a", 1), nil)
			cs["a"].Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Body: []byte("{}")} })
			for i := range 5 {
				if _, _, err := post(soon(t), "http://"+e.REST+fmt.Sprintf(ask.path, i), "application/json", []byte(ask.body)); err != nil {
					t.Fatal(err)
				}
			}
			shows(t, scrape(t, e), map[string][]string{
				serverSeconds: {`code="200",method="post",service="predictions" 5`},
				clientSeconds: {`code="200",method="post",model_image="",model_name="a",model_version="",service="` + ask.service + `" 5`},
			})
		})
	}
}

func nodeErrors(t *testing.T, start Start) {
	const node = `model_image="",model_name="a",model_version=""`
	garbage := stub.Answer{Body: []byte("\xff")}
	for _, c := range []struct {
		name, reason string
		graph        Node
		do           func(s *stub.Server)
		// code is that of the client's histogram; empty: there is none.
		rest, grpc string
	}{
		{"down", "unreachable", model("a", 1), (*stub.Server).Close, "", "Unavailable"},
		{"late", "timeout", model("a", 1), func(s *stub.Server) {
			s.Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Hang: true} })
		}, "", "DeadlineExceeded"},
		{"refusing", "refused", model("a", 1), func(s *stub.Server) {
			s.Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Status: 503, Code: 9, Message: "no"} })
		}, "503", "FailedPrecondition"},
		{"no route", "bad_answer", router("a", 0, model("b", 2)), func(s *stub.Server) {
			s.Otherwise(func(stub.Call) stub.Answer { return garbage })
		}, "200", "OK"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, cs := monitored(t, func(t *testing.T, l Launch) Executor {
				limits := []byte("seldon.io/rest-timeout=\"300\"\nseldon.io/grpc-timeout=\"300\"\n")
				if err := os.WriteFile(filepath.Join(l.Env["RADIANT_PODINFO"], "annotations"), limits, 0o600); err != nil {
					t.Fatal(err)
				}
				return start(t, l)
			}, "seldon", c.graph, nil)
			c.do(cs["a"])
			for _, w := range wires() {
				if w.protocol == "seldon" {
					if _, err := w.predict(soon(t), e, 7); err == nil {
						t.Fatal("a fault went unseen")
					}
				}
			}
			rest, grpc := "/predict", "/seldon.protos.Model/Predict"
			if c.graph.Type == graph.Router {
				rest, grpc = "/route", "/seldon.protos.Router/Route"
			}
			calls := []string{`code="` + c.grpc + `",method="unary",` + node + `,service="` + grpc + `" 1`}
			if c.rest != "" {
				calls = append(calls, `code="`+c.rest+`",method="post",`+node+`,service="`+rest+`" 1`)
			}
			shows(t, scrape(t, e), map[string][]string{
				clientSeconds: calls,
				nodeFailures: {
					`method="post",` + node + `,reason="` + c.reason + `",service="` + rest + `" 1`,
					`method="unary",` + node + `,reason="` + c.reason + `",service="` + grpc + `" 1`,
				},
			})
		})
	}
}

func rewardsCounted(t *testing.T, start Start) {
	e, _ := monitored(t, start, "seldon", router("r", 0, model("a", 1), model("b", 2)), map[string]string{"a": "a:1", "b": "b:2"})
	for _, request := range []string{
		`{"reward":0.5,"response":{"meta":{"routing":{"r":1}}}}`, `{"reward":-2,"response":{"meta":{"routing":{"r":1}}}}`,
		`{"reward":"none","response":{"meta":{"routing":{"r":0}}}}`, `{"response":{"meta":{"routing":{"r":0}}}}`,
	} {
		if _, _, err := post(soon(t), "http://"+e.REST+"/api/v1.0/feedback", "application/json", []byte(request)); err != nil {
			t.Fatal(err)
		}
	}
	overRPC := &seldon.Feedback{Reward: 1.5, Response: &seldon.SeldonMessage{Meta: &seldon.Meta{Routing: map[string]int32{"r": 1}}}}
	if err := invoke(soon(t), e.at(seldon.Seldon_SendFeedback_FullMethodName), overRPC, &seldon.SeldonMessage{}); err != nil {
		t.Fatal(err)
	}
	a, b, r := `model_image="a",model_name="a",model_version="1"`, `model_image="b",model_name="b",model_version="2"`, `model_image="",model_name="r",model_version=""`
	shows(t, scrape(t, e), map[string][]string{
		"seldon_api_model_feedback_total":         {a + " 2", b + " 3", r + " 5"},
		"seldon_api_model_feedback_reward_total":  {a + " 0", b + " 2", r + " 2"},
		"radiant_executor_feedback_penalty_total": {a + " 0", b + " 2", r + " 2"},
	})
}

// reported is an answer with metrics in its meta, as text of JSON.
func reported(metrics string) string {
	return `{"data":{"ndarray":[[1]]},"meta":{"metrics":[` + metrics + `]}}`
}

// componentMetrics checks what components report in their answers: each passes
// on what the one before has reported.
func componentMetrics(t *testing.T, start Start) {
	const (
		ofA = `{"key":"seen","type":"COUNTER","value":2,"tags":{"kind":"x"}},{"key":"level","type":"GAUGE","value":-7.5},{"key":"work","type":"TIMER","value":40}`
		bad = `{"key":"level","value":1,"type":"COLOUR"},{"key":"no name","value":1},{"key":"go_threads","type":"GAUGE","value":1},{"key":"seen","value":-1},{"key":"seen_total","type":"GAUGE","value":1}`
		ofB = ofA + `,` + bad + `,{"key":"seen","value":3,"tags":{"kind":"x"}}`
	)
	for _, on := range []bool{true, false} {
		e, cs := monitored(t, func(t *testing.T, l Launch) Executor {
			if on {
				l.Env["RADIANT_COMPONENT_METRICS"] = "true"
			}
			return start(t, l)
		}, "seldon", model("a", 1, model("b", 2)), nil)
		for name, text := range map[string]string{"a": ofA, "b": ofB} {
			answer := stub.Answer{Body: []byte(reported(text))}
			cs[name].On("/predict", answer)
			var m seldon.SeldonMessage
			if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal([]byte(strings.ReplaceAll(reported(text), `"COLOUR"`, "9")), &m); err != nil {
				t.Fatal(err)
			}
			body, err := proto.Marshal(&m)
			if err != nil {
				t.Fatal(err)
			}
			cs[name].On(seldon.Model_Predict_FullMethodName, stub.Answer{Body: body})
		}
		for _, w := range wires() {
			if w.protocol == "seldon" {
				if _, err := w.predict(soon(t), e, 7); err != nil {
					t.Fatal(err)
				}
			}
		}
		families := scrape(t, e)
		if !on {
			shows(t, families, map[string][]string{"seen_total": nil, "level": nil, "work": nil})
			continue
		}
		a, b := `method="predict",model_image="",model_name="a",model_version=""`, `method="predict",model_image="",model_name="b",model_version=""`
		shows(t, families, map[string][]string{
			"seen_total": {`kind="x",` + a + " 4", `kind="x",` + b + " 6"},
			"level":      {a + " -7.5"},
			"work":       {a + " 2"},
			// The COLOUR is no type over REST and a wrong number over gRPC.
			"radiant_executor_component_metrics_dropped_total": {`reason="name" 4`, `reason="type" 2`, `reason="value" 3`},
		})
		if work := families["work"].GetMetric()[0].GetHistogram(); work.GetSampleSum() != .08 || len(work.GetBucket()) != 51 {
			t.Errorf("the timer is %v", work)
		}
	}
}

func inFlight(t *testing.T, start Start) {
	e, cs := monitored(t, start, "seldon", model("a", 1), nil)
	release := make(chan struct{})
	cs["a"].Handle("/predict", func(stub.Call) stub.Answer {
		<-release
		return stub.Answer{Body: []byte("{}")}
	})
	done := make(chan error, 1)
	go func() {
		_, _, err := post(soon(t), predictions(e), "application/json", []byte("{}"))
		done <- err
	}()
	if _, err := cs["a"].Await(soon(t), 1); err != nil {
		t.Fatal(err)
	}
	busy := func() (server, client string) {
		families := scrape(t, e)
		for _, line := range counted(families["radiant_executor_server_requests_in_flight"]) {
			if strings.Contains(line, `service="predictions"`) {
				server = line[strings.LastIndexByte(line, ' ')+1:]
			}
		}
		for _, line := range counted(families["radiant_executor_client_requests_in_flight"]) {
			if strings.Contains(line, `service="/predict"`) {
				client = line[strings.LastIndexByte(line, ' ')+1:]
			}
		}
		return server, client
	}
	if server, client := busy(); server != "1" || client != "1" {
		t.Errorf("in flight are %s requests and %s calls, want one each", server, client)
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if server, client := busy(); server != "0" || client != "0" {
		t.Errorf("afterwards in flight are %s requests and %s calls", server, client)
	}
}

func noMetrics(t *testing.T, start Start) {
	e, _ := launch(t, start, "seldon", model("a", 1), "--prometheus_path", "")
	if _, err := wires()[0].predict(soon(t), e, 7); err != nil {
		t.Fatal(err)
	}
	if _, _, err := get(soon(t), "http://"+e.REST+"/metrics"); err == nil {
		t.Error("metrics are served that nobody wants")
	}
}
