package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// payloads checks what a collector of payloads gets.
func payloads(t *testing.T, start Start) {
	t.Run("events", func(t *testing.T) { payloadEvents(t, start) })
	t.Run("attributes", func(t *testing.T) { payloadAttributes(t, start) })
	t.Run("of streams", func(t *testing.T) { payloadsOfStreams(t, start) })
	t.Run("skipped", func(t *testing.T) { payloadsSkipped(t, start) })
	t.Run("sampled", func(t *testing.T) { payloadsSampled(t, start) })
	t.Run("redacted", func(t *testing.T) { payloadsRedacted(t, start) })
	t.Run("collector hangs", func(t *testing.T) { collectorHangs(t, start) })
	t.Run("sent at the end", func(t *testing.T) { payloadsAtTheEnd(t, start) })
	t.Run("findings", func(t *testing.T) { findings(t, start) })
}

// eventSink is a server that takes events.
func eventSink(t *testing.T) *stub.Server {
	t.Helper()
	s, err := stub.Start("127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.On("/events", stub.Answer{Status: http.StatusAccepted})
	return s
}

// logged gives a node a logger that sends to a collector.
func logged(s *stub.Server, mode graph.LoggerMode, n Node) Node {
	url := "http://" + s.HTTP + "/events"
	n.Logger = &graph.Logger{URL: &url, Mode: mode}
	return n
}

// summaries awaits so many events and puts each in words, sorted.
func summaries(t *testing.T, s *stub.Server, n int) []string {
	t.Helper()
	calls, err := s.Await(soon(t), n)
	if err != nil {
		t.Fatalf("%d of %d events came", len(calls), n)
	}
	var all []string
	for _, c := range calls {
		h := http.Header(c.Header)
		kind := strings.TrimPrefix(h.Get("Ce-Type"), "io.seldon.serving.")
		if h.Get("Ce-Call") == "children" {
			kind += " below"
		}
		all = append(all, fmt.Sprintf("%s %s %s", kind, h.Get("Ce-Modelid"), c.Body))
	}
	slices.Sort(all)
	return all
}

// payloadEvents checks which messages are logged, by mode and kind of node.
func payloadEvents(t *testing.T, start Start) {
	ask := func(x string) string { return `{"data":{"ndarray":[[` + x + `]]}}` }
	answer := func(x string) string { return `{"data":{"names":[],"ndarray":[[` + x + `]]}}` }
	const in, out = "inference.request ", "inference.response "
	below := func(kind string) string { return kind + "below " }
	for name, c := range map[string]struct {
		graph func(s *stub.Server) Node
		want  []string
	}{
		"all":      {func(s *stub.Server) Node { return logged(s, graph.LogAll, model("a", 1)) }, []string{in + "a " + ask("7"), out + "a " + answer("71")}},
		"request":  {func(s *stub.Server) Node { return logged(s, graph.LogRequest, model("a", 1)) }, []string{in + "a " + ask("7")}},
		"response": {func(s *stub.Server) Node { return logged(s, graph.LogResponse, model("a", 1)) }, []string{out + "a " + answer("71")}},
		"in a chain": {func(s *stub.Server) Node { return model("a", 1, logged(s, graph.LogAll, model("b", 2))) },
			[]string{in + "b " + answer("71"), out + "b " + answer("712")}},
		"a model with a child": {func(s *stub.Server) Node { return logged(s, graph.LogAll, model("a", 1, model("b", 2))) },
			[]string{in + "a " + ask("7"), below(in) + "a " + answer("71"), out + "a " + answer("71"), below(out) + "a " + answer("712")}},
		"an output transformer": {func(s *stub.Server) Node {
			return logged(s, graph.LogAll, typed(graph.OutputTransformer, "o", 3, model("a", 1)))
		},
			[]string{below(in) + "o " + ask("7"), below(out) + "o " + answer("71"), in + "o " + answer("71"), out + "o " + answer("713")}},
		"a router": {func(s *stub.Server) Node {
			return logged(s, graph.LogAll, router("r", 1, model("a", 1), model("b", 2)))
		},
			[]string{below(in) + "r " + ask("7"), below(out) + "r " + answer("72")}},
		"a server of another protocol": {func(s *stub.Server) Node { return logged(s, graph.LogAll, speaking("v2", model("a", 1))) },
			[]string{in + "a " + ask("7"), out + "a " + `{"data":{"names":["t:0"],"ndarray":[[71.0]]},"meta":{}}`}},
	} {
		t.Run(name, func(t *testing.T) {
			s := eventSink(t)
			e, _ := launch(t, start, "seldon", c.graph(s))
			if _, _, err := post(soon(t), predictions(e), "application/json", []byte(ask("7"))); err != nil {
				t.Fatal(err)
			}
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, summaries(t, s, len(c.want))); diff != "" {
				t.Error(diff)
			}
			if n := len(s.Calls()); n > len(c.want) {
				t.Errorf("%d events came, want %d", n, len(c.want))
			}
		})
	}
	t.Run("a failure is an event with its reason", func(t *testing.T) {
		s := eventSink(t)
		e, cs := launch(t, start, "seldon", logged(s, graph.LogAll, model("a", 1)))
		cs["a"].On("/predict", stub.Answer{Status: 500})
		_, _, _ = post(soon(t), predictions(e), "application/json", []byte(ask("7")))
		got := summaries(t, s, 2)
		reasons := []string{}
		for _, c := range s.Calls() {
			reasons = append(reasons, http.Header(c.Header).Get("Ce-Reason"))
		}
		slices.Sort(reasons)
		if !strings.HasPrefix(got[0], in) || got[1] != out+"a " || !slices.Equal(reasons, []string{"", "refused"}) {
			t.Errorf("events are %q, their reasons %q", got, reasons)
		}
	})
	t.Run("feedback", func(t *testing.T) {
		s := eventSink(t)
		e, _ := launch(t, start, "seldon", logged(s, graph.LogResponse, router("r", 0, logged(s, graph.LogRequest, model("a", 1)))))
		if _, _, err := post(soon(t), "http://"+e.REST+"/api/v1.0/feedback", "application/json", []byte(`{"reward":1}`)); err != nil {
			t.Fatal(err)
		}
		f := &seldon.Feedback{Reward: 2}
		if err := invoke(soon(t), e.at(seldon.Seldon_SendFeedback_FullMethodName), f, &seldon.SeldonMessage{}); err != nil {
			t.Fatal(err)
		}
		binary, _ := proto.Marshal(f)
		want := []string{"feedback r " + string(binary), `feedback r {"reward":1}`}
		slices.Sort(want)
		if diff := cmp.Diff(want, summaries(t, s, 2)); diff != "" {
			t.Error(diff)
		}
	})
}

// payloadAttributes checks an event whole, over both transports.
func payloadAttributes(t *testing.T, start Start) {
	s := eventSink(t)
	cs := components{}
	n := model("a", 1)
	n.Logger = &graph.Logger{Mode: graph.LogRequest}
	l := launchOf(t, "seldon", n.build(t, "seldon", cs), "--hostname", "pod-1")
	l.Env["REQUEST_LOGGER_DEFAULT_ENDPOINT"] = "http://" + s.HTTP + "/events"
	e := start(t, l)
	r := request(t, http.MethodPost, predictions(e), string(zipped(t, `{"data":{"ndarray":[7]}}`)))
	maps.Copy(r.Header, http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}, "Seldon-Puid": {"mine"}})
	_, _, _ = do(r)
	if _, err := s.Await(soon(t), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := seldonRPC(metadata.AppendToOutgoingContext(soon(t), "seldon-puid", "theirs"), e, 7); err != nil {
		t.Fatal(err)
	}
	binary, _ := proto.Marshal(seldonRequest(7))
	calls, err := s.Await(soon(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ puid, kind, body string }{{"mine", "application/json", `{"data":{"ndarray":[7]}}`}, {"theirs", "application/protobuf", string(binary)}} {
		h := http.Header(calls[i].Header)
		if _, err := time.Parse(time.RFC3339Nano, h.Get("Ce-Time")); err != nil || len(h.Get("Ce-Id")) != 36 || !strings.HasPrefix(h.Get("Ce-Source"), "http://pod-1:") {
			t.Errorf("event has %v", h)
		}
		got := map[string]string{}
		for name := range h {
			if strings.HasPrefix(name, "Ce-") && name != "Ce-Id" && name != "Ce-Time" && name != "Ce-Source" {
				got[name] = h.Get(name)
			}
		}
		wanted := map[string]string{
			"Ce-Specversion": "1.0", "Ce-Type": "io.seldon.serving.inference.request", "Ce-Modelid": "a", "Ce-Requestid": want.puid,
			"Ce-Inferenceservicename": "sdep", "Ce-Namespace": "ns", "Ce-Endpoint": "main", "Ce-Protocol": "seldon", "Ce-Call": "predict",
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Error(diff)
		}
		if string(calls[i].Body) != want.body || h.Get("Content-Type") != want.kind || h.Get("Content-Encoding") != "" {
			t.Errorf("event %d is %s %q, want %q", i, h.Get("Content-Type"), calls[i].Body, want.body)
		}
	}
}

// payloadsOfStreams checks the events of a stream that the node's server answers
// itself: those of its requests and of its answers, without what wraps them.
func payloadsOfStreams(t *testing.T, start Start) {
	sink := eventSink(t)
	e, _ := launch(t, start, "v2", logged(sink, graph.LogAll, model("a", 1)))
	s := streaming(soon(t), t, e)
	if err := s.Send(v2Request(7)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	calls, err := sink.Await(soon(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range calls {
		var asked inference.ModelInferRequest
		var answered inference.ModelInferResponse
		switch kind := http.Header(c.Header).Get("Ce-Type"); kind {
		case "io.seldon.serving.inference.request":
			if err := proto.Unmarshal(c.Body, &asked); err != nil || !proto.Equal(&asked, v2Request(7)) {
				t.Errorf("the request's event holds %v, %v", &asked, err)
			}
		case "io.seldon.serving.inference.response":
			if err := proto.Unmarshal(c.Body, &answered); err != nil || len(answered.Outputs) != 1 {
				t.Errorf("the answer's event holds %v, %v", &answered, err)
			}
		default:
			t.Errorf("there is an event of type %q", kind)
		}
	}
}

func payloadsSkipped(t *testing.T, start Start) {
	s := eventSink(t)
	e, _ := launch(t, start, "seldon", logged(s, graph.LogRequest, model("a", 1)))
	for _, value := range []string{"true", "On", "1"} {
		r := request(t, http.MethodPost, predictions(e), `{"data":{"ndarray":[7]}}`)
		r.Header.Set("Seldon-Skip-Logging", value)
		if _, _, err := do(r); err != nil {
			t.Fatal(err)
		}
		if _, err := seldonRPC(metadata.AppendToOutgoingContext(soon(t), "seldon-skip-logging", value), e, 7); err != nil {
			t.Fatal(err)
		}
	}
	r := request(t, http.MethodPost, predictions(e), `{"data":{"ndarray":[8]}}`)
	r.Header.Set("Seldon-Skip-Logging", "no")
	if _, _, err := do(r); err != nil {
		t.Fatal(err)
	}
	if got := summaries(t, s, 1); len(s.Calls()) != 1 || !strings.Contains(got[0], "[8]") {
		t.Errorf("events are %q", got)
	}
}

// payloadsSampled checks that all events of a request have the same lot.
func payloadsSampled(t *testing.T, start Start) {
	s := eventSink(t)
	n := logged(s, graph.LogAll, model("a", 1))
	percent := int32(30)
	n.Logger.SamplePercent = &percent
	e, _ := launch(t, start, "seldon", n)
	const requests = 200
	for i := range requests {
		r := request(t, http.MethodPost, predictions(e), `{"data":{"ndarray":[7]}}`)
		r.Header.Set("Seldon-Puid", itoa(i))
		if _, _, err := do(r); err != nil {
			t.Fatal(err)
		}
	}
	e.Stop()
	e.Wait()
	events := map[string]int{}
	for _, c := range s.Calls() {
		events[http.Header(c.Header).Get("Ce-Requestid")]++
	}
	if len(events) < requests/5 || len(events) > requests*2/5 {
		t.Errorf("%d of %d requests were logged, want 30%%", len(events), requests)
	}
	for id, n := range events {
		if n != 2 {
			t.Errorf("request %s has %d events", id, n)
		}
	}
}

func payloadsRedacted(t *testing.T, start Start) {
	s := eventSink(t)
	n := logged(s, graph.LogRequest, model("a", 1))
	n.Logger.Redact = []string{"ssn", "secret"}
	// One worker keeps the order.
	e, _ := launch(t, start, "seldon", n, "--logger_workers", "1")
	const plain = `{"data":{"names":["age","ssn"],"ndarray":[[7,123]]},"meta":{"tags":{"secret":"pw","kept":9007199254740993}}}`
	if _, _, err := post(soon(t), predictions(e), "application/json", []byte(plain)); err != nil {
		t.Fatal(err)
	}
	var message seldon.SeldonMessage
	message.DataOneof = &seldon.SeldonMessage_Data{Data: &seldon.DefaultData{
		Names: []string{"age", "ssn"}, DataOneof: &seldon.DefaultData_Tensor{Tensor: &seldon.Tensor{Shape: []int32{1, 2}, Values: []float64{7, 123}}},
	}}
	if err := invoke(soon(t), e.at(seldon.Seldon_Predict_FullMethodName), &message, &seldon.SeldonMessage{}); err != nil {
		t.Fatal(err)
	}
	_, _, _ = post(soon(t), predictions(e), "text/plain", []byte(`my ssn is 123`))
	calls, err := s.Await(soon(t), 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ body, redacted, kind string }{
		{`{"data":{"names":["age","ssn"],"ndarray":[[7,"[redacted]"]]},"meta":{"tags":{"kept":9007199254740993,"secret":"[redacted]"}}}`, "fields", "application/json"},
		{`{"data":{"names":["age","ssn"],"tensor":{"shape":[1,2],"values":[7,"[redacted]"]}}}`, "fields", "application/json"},
		{``, "body", ""},
	} {
		h := http.Header(calls[i].Header)
		if string(calls[i].Body) != want.body || h.Get("Ce-Redacted") != want.redacted || h.Get("Content-Type") != want.kind {
			t.Errorf("event %d is %s %s %s, want %v", i, h.Get("Content-Type"), h.Get("Ce-Redacted"), calls[i].Body, want)
		}
	}
}

// collectorHangs checks that a collector which answers nothing costs the queue
// and no request.
func collectorHangs(t *testing.T, start Start) {
	s := eventSink(t)
	s.On("/events", stub.Answer{Hang: true})
	e, _ := launch(t, start, "seldon", logged(s, graph.LogAll, model("a", 1)), "--log_work_buffer_size", "20", "--logger_workers", "2", "--log_buffer_bytes", "5000")
	const requests = 100
	large, err := json.Marshal(map[string]any{"data": map[string]any{"ndarray": []int{7}}, "pad": strings.Repeat("x", 300)})
	if err != nil {
		t.Fatal(err)
	}
	for range requests {
		if _, _, err := post(soon(t), predictions(e), "application/json", large); err != nil {
			t.Fatal(err)
		}
	}
	metrics, _, err := get(soon(t), "http://"+e.REST+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string) (sum float64) {
		for line := range strings.Lines(string(metrics)) {
			if strings.HasPrefix(line, name) {
				var x float64
				_, _ = fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &x)
				sum += x
			}
		}
		return sum
	}
	queued, bytes, dropped := value("radiant_executor_payload_queue_events"), value("radiant_executor_payload_queue_bytes"), value("radiant_executor_payload_events_dropped_total")
	if queued > 20 || bytes > 5000 || bytes == 0 || dropped < 2*requests-25 {
		t.Errorf("%v events and %v bytes are queued, %v dropped", queued, bytes, dropped)
	}
	if n := len(s.Calls()); n > 2 {
		t.Errorf("%d events are being sent", n)
	}
	// So that it need not be waited for at the end.
	s.Close()
}

func payloadsAtTheEnd(t *testing.T, start Start) {
	s := eventSink(t)
	s.On("/events", stub.Answer{Delay: 5 * time.Millisecond})
	e, _ := launch(t, start, "seldon", logged(s, graph.LogAll, model("a", 1)), "--logger_workers", "1")
	const requests = 30
	for range requests {
		if _, _, err := post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[7]}}`)); err != nil {
			t.Fatal(err)
		}
	}
	e.Stop()
	if code := e.Wait(); code != 0 || len(s.Calls()) != 2*requests {
		t.Errorf("exit code %d, %d of %d events", code, len(s.Calls()), 2*requests)
	}
}
