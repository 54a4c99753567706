package conformance

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

func protocols() []string { return []string{"seldon", "tensorflow", "v2"} }

func speaking(protocol string, n Node) Node {
	n.Protocol = protocol
	return n
}

// mixed checks nodes whose servers speak another protocol than the client.
func mixed(t *testing.T, start Start) {
	for _, inside := range protocols() {
		t.Run("a model of "+inside, func(t *testing.T) {
			each(t, nil, func(t *testing.T, w wire) {
				e, _ := launch(t, start, w.protocol, speaking(inside, model("a", 1)))
				expect(t, w, e, 71)
			})
		})
	}
	t.Run("a chain through all", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w wire) {
			chain := speaking("seldon", model("a", 1, speaking("tensorflow", model("b", 2, speaking("v2", model("c", 3, model("d", 4)))))))
			e, _ := launch(t, start, w.protocol, chain)
			expect(t, w, e, 71234)
		})
	})
	t.Run("an average over all", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w wire) {
			e, _ := launch(t, start, w.protocol, builtin("AVERAGE_COMBINER", "v",
				speaking("seldon", model("a", 1)), speaking("tensorflow", model("b", 2)), speaking("v2", model("c", 6))))
			expect(t, w, e, 73)
		})
	})
	t.Run("a combiner of another protocol", func(t *testing.T) {
		each(t, []string{"tensorflow", "v2"}, func(t *testing.T, w wire) {
			e, _ := launch(t, start, w.protocol, speaking("seldon", typed(graph.Combiner, "c", 9, model("a", 1))))
			_, err := w.predict(soon(t), e, 7)
			failed(t, w, err, failure{http.StatusNotImplemented, codes.Unimplemented, `node "c": aggregate: a combiner must speak`})
		})
	})
	t.Run("parameters name model and tensors", func(t *testing.T) {
		each(t, onlySeldon(), func(t *testing.T, w wire) { parameters(t, start, w) })
	})
	t.Run("metadata is asked once", func(t *testing.T) {
		each(t, onlySeldon(), func(t *testing.T, w wire) { asksOnce(t, start, w) })
	})
	t.Run("a new version with other names", func(t *testing.T) { newVersion(t, start) })
	t.Run("what cannot be translated", func(t *testing.T) { untranslatable(t, start) })
	t.Run("a server's refusal in the client's words", func(t *testing.T) { refusal(t, start) })
}

func expect(t *testing.T, w wire, e Executor, want float64) {
	t.Helper()
	x, err := w.predict(soon(t), e, 7)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(x-want) > 1e-3 {
		t.Errorf("7 became %v, want %v", x, want)
	}
}

// parameters starts a model that goes by another name than its node.
func parameters(t *testing.T, start Start, w wire) {
	s := component(t)
	stub.Model{Protocol: "tensorflow", Name: "digits", Digit: 1}.Serve(s)
	node := graph.Node{
		Name: "classifier", Type: graph.Model,
		Endpoint:   &graph.Endpoint{ServiceHost: "127.0.0.1", HTTPPort: port(t, s.HTTP), GRPCPort: port(t, s.GRPC), Protocol: "tensorflow"},
		Parameters: []graph.Parameter{{Name: "model_name", Value: "digits", Type: graph.StringParameter}, {Name: "signature_name", Value: "serving_default", Type: graph.StringParameter}},
	}
	e := start(t, launchOf(t, w.protocol, node))
	expect(t, w, e, 71)
	calls := s.Calls()
	if last := calls[len(calls)-1]; !strings.Contains(string(last.Body), "serving_default") {
		t.Errorf("the request names no signature: %q", last.Body)
	}
}

func component(t *testing.T) *stub.Server {
	t.Helper()
	s, err := stub.Start("127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func asksOnce(t *testing.T, start Start, w wire) {
	e, cs := launch(t, start, w.protocol, speaking("v2", model("a", 1)))
	for range 3 {
		expect(t, w, e, 71)
	}
	asked := 0
	for _, c := range cs["a"].Calls() {
		if c.Path == "/v2/models/a" || strings.HasSuffix(c.Path, "/ModelMetadata") {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("metadata was asked for %d times in 3 requests", asked)
	}
}

func untranslatable(t *testing.T, start Start) {
	e, _ := launch(t, start, "seldon", speaking("tensorflow", model("a", 1)))
	url := "http://" + e.REST + "/api/v1.0/predictions"
	for name, c := range map[string]struct {
		kind, body string
		code       int
		info       string
	}{
		"truncated JSON": {"application/json", `{"data":{"ndarray":[[1,2`, http.StatusBadRequest, `node "a": predict: cannot translate the request to protocol tensorflow`},
		"ragged array":   {"application/json", `{"data":{"ndarray":[[1,2],[3]]}}`, http.StatusBadRequest, `node "a"`},
		"no data":        {"application/json", `{"meta":{}}`, http.StatusBadRequest, `node "a"`},
		"a text":         {"text/plain", `one two`, http.StatusUnsupportedMediaType, `cannot read a message of type "text/plain"`},
		"an upload":      {"multipart/form-data; boundary=x", "--x--", http.StatusUnsupportedMediaType, "want application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := post(soon(t), url, c.kind, []byte(c.body))
			failed(t, wire{}, err, failure{c.code, codes.OK, c.info})
		})
	}
	t.Run("JSON by curl's default type", func(t *testing.T) {
		if _, _, err := post(soon(t), url, "application/x-www-form-urlencoded", []byte(`{"data":{"ndarray":[[1]]}}`)); err != nil {
			t.Error(err)
		}
	})
}

func refusal(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", speaking("tensorflow", model("a", 1)))
	cs["a"].On("/v1/models/a:predict", stub.Answer{Status: http.StatusBadRequest, Body: []byte(`{"error":"no such signature"}`)})
	_, _, err := post(soon(t), "http://"+e.REST+"/api/v1.0/predictions", "application/json", []byte(`{"data":{"ndarray":[[1]]}}`))
	failed(t, wire{}, err, failure{http.StatusBadRequest, codes.OK, `node "a": no such signature`})
	cs["a"].On("/v1/models/a:predict", stub.Answer{Status: http.StatusInternalServerError, Type: "text/plain", Body: []byte("Traceback (most recent call last):\n  File\nValueError: no such column\n")})
	_, _, err = post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[[1]]}}`))
	failed(t, wire{}, err, failure{http.StatusInternalServerError, codes.OK, `node "a": ValueError: no such column`})
	cs["a"].On("/v1/models/a:predict", stub.Answer{Body: []byte(`garbage`)})
	_, _, err = post(soon(t), "http://"+e.REST+"/api/v1.0/predictions", "application/json", []byte(`{"data":{"ndarray":[[1]]}}`))
	failed(t, wire{}, err, failure{http.StatusInternalServerError, codes.OK, `node "a": predict: cannot translate the answer from protocol tensorflow`})
}
