package conformance

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/graph"
)

// graphCase sends 7 through a graph of components each of which writes its
// digit behind what it gets.
type graphCase struct {
	name  string
	graph Node
	// want is the answer; fails, if not empty, is in the error instead.
	want  float64
	fails string
	// calls counts what each component is asked.
	calls map[string]int
	// protocols limits the case; restOnly to REST in protocols whose gRPC
	// service has no such call.
	protocols []string
	restOnly  bool
}

func model(name string, digit int, children ...Node) Node {
	return Node{Name: name, Type: graph.Model, Digit: digit, Children: children}
}

func typed(kind graph.Type, name string, digit int, children ...Node) Node {
	return Node{Name: name, Type: kind, Digit: digit, Children: children}
}

func router(name string, route int, children ...Node) Node {
	return Node{Name: name, Type: graph.Router, Route: route, Children: children}
}

func builtin(implementation, name string, children ...Node) Node {
	return Node{Name: name, Builtin: implementation, Children: children}
}

func onlySeldon() []string { return []string{"seldon"} }

func graphCases() []graphCase {
	m := model
	type counts = map[string]int
	ratio := func(n Node, parameters ...graph.Parameter) Node { n.Parameters = parameters; return n }
	ratioA := func(v string) graph.Parameter {
		return graph.Parameter{Name: "ratioA", Value: v, Type: graph.FloatParameter}
	}
	both := []graph.Method{graph.TransformInputMethod, graph.TransformOutputMethod}
	return []graphCase{
		{name: "model", graph: m("a", 1), want: 71, calls: counts{"a": 1}},
		{name: "chain", graph: m("a", 1, m("b", 2, m("c", 3))), want: 7123, calls: counts{"a": 1, "b": 1, "c": 1}},
		{name: "transformer", graph: typed(graph.Transformer, "a", 1, m("b", 2)), want: 712},
		{name: "output transformer", graph: typed(graph.OutputTransformer, "a", 1, m("b", 2)), want: 721},
		{name: "output transformer without children", graph: typed(graph.OutputTransformer, "a", 1), want: 71},
		{name: "node without a type", graph: Node{Name: "a", Children: []Node{m("b", 2)}}, want: 72},
		{name: "unknown type", graph: Node{Name: "a", Builtin: graph.UnknownImplementation, Children: []Node{m("b", 2)}}, want: 72},
		{name: "methods for a type", graph: Node{Name: "a", Type: graph.UnknownType, Methods: both, Digit: 1, Out: 3, Children: []Node{m("b", 2)}}, want: 7123, calls: counts{"a": 2, "b": 1}, protocols: onlySeldon()},
		{name: "methods on both ways", graph: Node{Name: "a", Methods: both, Digit: 1, Children: []Node{m("b", 2)}}, want: 7121},
		{name: "a model that transforms does not predict", graph: Node{Name: "a", Type: graph.Model, Methods: both[:1], Digit: 1}, want: 71, calls: counts{"a": 1}},

		{name: "router to 0", graph: router("r", 0, m("a", 1), m("b", 2)), want: 71, calls: counts{"r": 1, "a": 1}},
		{name: "router to 1", graph: router("r", 1, m("a", 1), m("b", 2)), want: 72, calls: counts{"r": 1, "b": 1}},
		{name: "router to all", graph: router("r", -1, m("a", 1), m("b", 2)), want: 71, calls: counts{"r": 1, "a": 1, "b": 1}},
		{name: "router to none", graph: router("r", -2, m("a", 1), m("b", 2)), want: 7, calls: counts{"r": 1}, protocols: onlySeldon()},
		{name: "router to none behind a transformer", graph: typed(graph.Transformer, "t", 5, router("r", -2, m("a", 1))), want: 75, calls: counts{"t": 1, "r": 1}},
		{name: "router out of range", graph: router("r", 5, m("a", 1), m("b", 2)), fails: "route 5 is out of range", calls: counts{"r": 1}},
		{name: "router below -2", graph: router("r", -3, m("a", 1)), fails: "route -3 is out of range"},
		{name: "router out of range in a fan-out", graph: m("m", 9, m("a", 1), router("r", 5, m("b", 2))), fails: `node "r": route 5 is out of range`},
		{name: "router without children", graph: router("r", 1), want: 7, calls: counts{}, protocols: onlySeldon()},
		{name: "router that aggregates", graph: Node{Name: "r", Type: graph.Router, Methods: []graph.Method{graph.AggregateMethod}, Route: 1, Digit: 9, Children: []Node{m("a", 1), m("b", 2)}}, want: 729, calls: counts{"r": 2, "b": 1}, restOnly: true},

		{name: "combiner", graph: typed(graph.Combiner, "c", 9, m("a", 1), m("b", 2)), want: 1439, calls: counts{"c": 1, "a": 1, "b": 1}, restOnly: true},
		{name: "combiner of one", graph: typed(graph.Combiner, "c", 9, m("a", 1)), want: 719, restOnly: true},
		{name: "combiner without children", graph: typed(graph.Combiner, "c", 9), want: 7, calls: counts{}, protocols: onlySeldon()},
		{name: "model with several children", graph: m("m", 1, m("a", 2), m("b", 3)), want: 712, calls: counts{"m": 1, "a": 1, "b": 1}},

		{name: "A/B test, all to A", graph: ratio(builtin("RANDOM_ABTEST", "t", m("a", 1), m("b", 2)), ratioA("1")), want: 71, calls: counts{"a": 1}},
		{name: "A/B test, all to B", graph: ratio(builtin("RANDOM_ABTEST", "t", m("a", 1), m("b", 2)), ratioA("0.0")), want: 72, calls: counts{"b": 1}},
		{name: "A/B test with another parameter", graph: ratio(builtin("RANDOM_ABTEST", "t", m("a", 1), m("b", 2)), graph.Parameter{Name: "x", Value: "1", Type: graph.IntParameter}, ratioA("0")), want: 72},
		{name: "average", graph: builtin("AVERAGE_COMBINER", "v", m("a", 1), m("b", 2), m("c", 6)), want: 73, calls: counts{"a": 1, "b": 1, "c": 1}},
		{name: "simple model", graph: builtin("SIMPLE_MODEL", "s"), want: 7, protocols: onlySeldon()},
		{name: "simple model with a child", graph: builtin("SIMPLE_MODEL", "s", m("a", 1)), want: 71},
		{name: "simple router", graph: builtin("SIMPLE_ROUTER", "s", m("a", 1), m("b", 2)), want: 71, calls: counts{"a": 1}},

		{name: "nested", graph: typed(graph.Combiner, "c", 9, m("a", 1), typed(graph.OutputTransformer, "o", 3, router("r", 1, m("d", 4), m("e", 5)))),
			want: 8249, calls: counts{"c": 1, "a": 1, "o": 1, "r": 1, "e": 1}, restOnly: true},
		{name: "average of chains", graph: builtin("AVERAGE_COMBINER", "v", m("a", 1, m("b", 2)), typed(graph.OutputTransformer, "o", 4, router("r", 0, m("c", 4)))),
			want: 728, calls: counts{"a": 1, "b": 1, "o": 1, "r": 1, "c": 1}},
	}
}

// possible reports whether a wire can make all the calls of a case.
func (c graphCase) possible(w wire) bool { return !c.restOnly || !w.grpc || w.protocol == "seldon" }

func graphs(t *testing.T, start Start) {
	for _, c := range graphCases() {
		t.Run(c.name, func(t *testing.T) {
			each(t, c.protocols, func(t *testing.T, w wire) {
				e, cs := launch(t, start, w.protocol, c.graph)
				x, err := w.predict(soon(t), e, 7)
				switch {
				case !c.possible(w):
					failed(t, w, err, failure{http.StatusNotImplemented, codes.Unimplemented, "has no such call"})
					return
				case c.fails != "":
					failed(t, w, err, failure{http.StatusInternalServerError, codes.Internal, c.fails})
				case err != nil:
					t.Fatal(err)
				case math.Abs(x-c.want) > 1e-3:
					t.Errorf("7 became %v, want %v", x, c.want)
				}
				if c.calls != nil {
					if diff := cmp.Diff(c.calls, cs.counts()); diff != "" {
						t.Errorf("calls (-want +got):\n%s", diff)
					}
				}
			})
		})
	}
}

// failure is what an error must be: a status of HTTP or a code of gRPC, and a
// part of the text.
type failure struct {
	http int
	rpc  codes.Code
	text string
}

// failed checks an error by its status and a part of its text.
func failed(t *testing.T, w wire, err error, want failure) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if w.grpc {
		if got := grpcstatus.Code(err); got != want.rpc || !strings.Contains(err.Error(), want.text) {
			t.Errorf("error is %v, want code %v and %q", err, want.rpc, want.text)
		}
		return
	}
	var s *status
	if !errors.As(err, &s) {
		t.Fatal(err)
	}
	if s.code != want.http || !strings.Contains(infoOf(s.body), want.text) || s.kind != "application/json" {
		t.Errorf("answer is %d %s %s, want %d and %q", s.code, s.kind, s.body, want.http, want.text)
	}
}

// infoOf is the text of a failure; the body itself if it is none.
func infoOf(body []byte) string {
	var f struct{ Status struct{ Info string } }
	if json.Unmarshal(body, &f) != nil || f.Status.Info == "" {
		return string(body)
	}
	return f.Status.Info
}
