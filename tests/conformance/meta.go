package conformance

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// routeHeaders checks that answers say where routers sent a request, and that
// feedback which brings that back goes the same way.
func routeHeaders(t *testing.T, start Start) {
	cs := components{}
	l := launchOf(t, "seldon", router("r", 1, model("x", 1), router("s", 0, model("a", 3), model("b", 4))).build(t, "seldon", cs))
	l.Env["RADIANT_ROUTE_HEADERS"] = "true"
	e := start(t, l)
	const want = `r=1;to="s", s=0;to="a"`
	_, header, err := post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[7]}}`))
	if got := header.Get("Seldon-Route"); err != nil || got != want || header.Get("Seldon-Predictor") == "" {
		t.Errorf("%v: the route is %q, want %q, by %q", err, got, want, header.Get("Seldon-Predictor"))
	}
	conn, err := dial(e)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	client := seldon.NewSeldonClient(conn)
	var md metadata.MD
	if _, err = client.Predict(soon(t), seldonRequest(7), grpc.Header(&md)); err != nil || !slices.Equal(md.Get("seldon-route"), []string{want}) || len(md.Get("seldon-predictor")) != 1 {
		t.Errorf("%v: metadata is %v", err, md)
	}
	cs["a"].Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Status: 418, Code: codes.Aborted} })
	_, header, err = post(soon(t), predictions(e), "application/json", []byte(`{}`))
	if got := header.Get("Seldon-Route"); err == nil || got != want {
		t.Errorf("the route of a request that failed is %q", got)
	}
	answering(t, cs["a"], `{}`)

	counts := map[string]int{"r": 1, "s": 1, "a": 1}
	cs.reset()
	r := request(t, http.MethodPost, "http://"+e.REST+"/api/v1.0/feedback", `{"reward":1}`)
	r.Header.Set("Seldon-Route", want)
	if _, _, err := do(r); err != nil || !maps.Equal(cs.counts(), counts) {
		t.Errorf("%v: feedback went to %v", err, cs.counts())
	}
	cs.reset()
	ctx := metadata.AppendToOutgoingContext(soon(t), "seldon-route", want)
	if _, err := client.SendFeedback(ctx, &seldon.Feedback{Reward: 1}); err != nil || !maps.Equal(cs.counts(), counts) {
		t.Errorf("%v: feedback over gRPC went to %v", err, cs.counts())
	}
	for _, wrong := range []string{"r", "r=x", `r="1"`, ""} {
		r := request(t, http.MethodPost, "http://"+e.REST+"/api/v1.0/feedback", `{"reward":1}`)
		r.Header["Seldon-Route"] = []string{wrong}
		_, _, err := do(r)
		failed(t, wire{}, err, failure{http.StatusBadRequest, 0, "is no choice of a router, such as ab=1"})
	}
}

// answering makes a component answer every call by a message, given as JSON,
// over REST and gRPC.
func answering(t *testing.T, s *stub.Server, text string) {
	t.Helper()
	var m seldon.SeldonMessage
	if err := protojson.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	body, err := proto.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	s.Otherwise(func(c stub.Call) stub.Answer {
		if c.GRPC {
			return stub.Answer{Body: body}
		}
		return stub.Answer{Body: []byte(text)}
	})
}

// metaBy sends a message through an executor and returns the answer's meta.
func metaBy(t *testing.T, e Executor, grpc bool, request string) any {
	t.Helper()
	var answer []byte
	if grpc {
		var in, out seldon.SeldonMessage
		if err := protojson.Unmarshal([]byte(request), &in); err != nil {
			t.Fatal(err)
		}
		if err := invoke(soon(t), e.at(seldon.Seldon_Predict_FullMethodName), &in, &out); err != nil {
			t.Fatal(err)
		}
		answer, _ = protojson.MarshalOptions{EmitUnpopulated: false}.Marshal(&out)
	} else {
		var err error
		if answer, _, err = post(soon(t), predictions(e), "application/json", []byte(request)); err != nil {
			t.Fatal(err)
		}
	}
	var m struct{ Meta any }
	if err := json.Unmarshal(answer, &m); err != nil {
		t.Fatal(err)
	}
	return m.Meta
}

// meta checks that the executor puts together what components say of a
// request, whether they hand on what came before or have lost it.
func meta(t *testing.T, start Start) {
	cs := components{}
	g := typed(graph.Transformer, "t", 1, router("r", 1, model("x", 1), typed(graph.Combiner, "c", 2, model("a", 3), model("b", 4)))).build(t, "seldon", cs)
	l := launchOf(t, "seldon", g)
	l.Env["RADIANT_MERGE_META"] = "true"
	e := start(t, l)
	answering(t, cs["r"], `{"data":{"ndarray":[1]},"meta":{"tags":{"of":"r"}}}`)
	answering(t, cs["t"], `{"strData":"t","meta":{"tags":{"of":"t","t":true},"metrics":[{"key":"seen","value":1}]}}`)
	// a has lost what t said, b hands it on.
	answering(t, cs["a"], `{"strData":"a","meta":{"tags":{"of":"a","a":{"deep":[1]}},"metrics":[{"key":"seen","value":2}]}}`)
	answering(t, cs["b"], `{"strData":"b","meta":{"tags":{"of":"b","t":true},"requestPath":{"b":"mine:2"},"metrics":[{"key":"seen","value":1},{"key":"b","type":"GAUGE","value":0.5}]}}`)
	answering(t, cs["c"], `{"strData":"c"}`)
	var want any
	if err := json.Unmarshal([]byte(`{
		"puid": "p", "routing": {"t": -1, "r": 1, "c": -1, "a": -1, "b": -1},
		"tags": {"client": 1, "of": "b", "t": true, "a": {"deep": [1]}},
		"requestPath": {"t": "", "r": "", "c": "", "a": "", "b": "mine:2", "before": "i:1"},
		"metrics": [{"key": "seen", "value": 1}, {"key": "seen", "value": 2}, {"key": "b", "type": "GAUGE", "value": 0.5}]}`), &want); err != nil {
		t.Fatal(err)
	}
	for _, grpc := range []bool{false, true} {
		got := metaBy(t, e, grpc, `{"strData":"x","meta":{"puid":"old","tags":{"client":1},"requestPath":{"before":"i:1"}}}`)
		if m, ok := got.(map[string]any); ok && m["puid"] != "" && m["puid"] != "old" {
			m["puid"] = "p"
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("gRPC %v: %s", grpc, diff)
		}
	}
	for _, text := range []string{`hello`, `[1]`, `{"meta":1}`} {
		cs["c"].On("/aggregate", stub.Answer{Body: []byte(text)})
		body, _, err := post(soon(t), predictions(e), "application/json", []byte(`{}`))
		if err != nil || string(body) != text {
			t.Errorf("the answer %s came as %s, %v", text, body, err)
		}
	}
}
