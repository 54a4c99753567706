package conformance

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/graph"
)

type feedbackCase struct {
	name    string
	graph   Node
	routing map[string]int32
	calls   map[string]int
	// from is the component whose answer comes back; none: REST gets the
	// feedback, gRPC an empty message.
	from  string
	fails string
}

func feedbackCases() []feedbackCase {
	m := model
	type routes = map[string]int32
	type counts = map[string]int
	takes := []graph.Method{graph.SendFeedbackMethod}
	return []feedbackCase{
		{name: "model", graph: m("a", 1), calls: counts{"a": 1}, from: "a"},
		{name: "no routing asks all", graph: router("r", 0, m("a", 1), m("b", 2)), calls: counts{"r": 1, "a": 1, "b": 1}, from: "r"},
		{name: "along the routing", graph: router("r", 0, m("a", 1), m("b", 2)), routing: routes{"r": 1}, calls: counts{"r": 1, "b": 1}, from: "r"},
		{name: "minus one is all", graph: router("r", 0, m("a", 1), m("b", 2)), routing: routes{"r": -1}, calls: counts{"r": 1, "a": 1, "b": 1}, from: "r"},
		{name: "minus two is none", graph: router("r", 0, m("a", 1), m("b", 2)), routing: routes{"r": -2}, calls: counts{"r": 1}, from: "r"},
		{name: "out of range", graph: router("r", 0, m("a", 1), m("b", 2)), routing: routes{"r": 7}, calls: counts{}, fails: "route 7 is out of range"},
		{name: "routes of A/B tests", graph: builtin("RANDOM_ABTEST", "t", m("a", 1), m("b", 2)), routing: routes{"t": 1}, calls: counts{"b": 1}},
		{name: "transformers take none", graph: typed(graph.Transformer, "t", 1, m("a", 1)), calls: counts{"a": 1}},
		{name: "unless they say so", graph: Node{Name: "t", Type: graph.Transformer, Methods: takes, Children: []Node{m("a", 1)}}, calls: counts{"t": 1, "a": 1}, from: "t"},
		{name: "servers of other protocols take none", graph: m("a", 1, speaking("tensorflow", m("b", 2)), speaking("v2", m("c", 3))), calls: counts{"a": 1}, from: "a"},
		{name: "nested", graph: router("r", 0, m("a", 1), router("s", 0, m("b", 2), m("c", 3))), routing: routes{"r": 1, "s": 0}, calls: counts{"r": 1, "s": 1, "b": 1}, from: "r"},
	}
}

func feedback(t *testing.T, start Start) {
	for _, c := range feedbackCases() {
		t.Run(c.name, func(t *testing.T) {
			e, cs := launch(t, start, "seldon", c.graph)
			t.Run("REST", func(t *testing.T) { c.overREST(t, e, cs) })
			cs.reset()
			t.Run("gRPC", func(t *testing.T) { c.overGRPC(t, e, cs) })
		})
	}
	t.Run("malformed", func(t *testing.T) {
		e, cs := launch(t, start, "seldon", router("r", 0, model("a", 1), model("b", 2)))
		for text, want := range map[string]string{
			"{\n\"reward\": ]":                      "reading feedback: line 2, column 11",
			`"s"`:                                   "line 1, column 3: want an object, not string",
			`[1]`:                                   "want an object, not array",
			`{"response":{"meta":{"routing":[1]}}}`: "response.meta.routing: want an object, not array",
			`{"response":{"meta":{"routing":{"r":"x"}}}}`:  `response.meta.routing: "r" is routed to "x": want a child number`,
			`{"response":{"meta":{"routing":{"r":"+1"}}}}`: `response.meta.routing: "r" is routed to "+1": want a child number`,
			`{"response":{"meta":{"routing":{"r":null}}}}`: `response.meta.routing: "r" is routed to null: want a child number`,
			`{"response":{"meta":{"routing":{"r":1.5}}}}`:  `response.meta.routing: "r" is routed to 1.5: want a child number`,
		} {
			_, _, err := post(soon(t), "http://"+e.REST+"/api/v1.0/feedback", "application/json", []byte(text))
			failed(t, wire{}, err, failure{http.StatusBadRequest, codes.OK, want})
		}
		if counts := cs.counts(); len(counts) != 0 {
			t.Errorf("nodes were asked: %v", counts)
		}
		// The route counts, whatever the reward is.
		for _, text := range []string{`{"reward":"x","response":{"meta":{"routing":{"r":1}}}}`, `{"new":1,"response":{"meta":{"routing":{"r":"1"}}}}`} {
			cs.reset()
			_, _, err := post(soon(t), "http://"+e.REST+"/api/v1.0/feedback", "application/json", []byte(text))
			if counts := cs.counts(); err != nil || counts["b"] != 1 || counts["a"] != 0 {
				t.Errorf("%s: %v, %v", text, counts, err)
			}
		}
	})
	t.Run("tensorflow", func(t *testing.T) {
		e, cs := launch(t, start, "tensorflow", model("a", 1))
		body, _, err := post(soon(t), "http://"+e.REST+"/api/v1.0/feedback", "application/json", []byte(`{"reward":1}`))
		if err != nil || string(body) != `{"reward":1}` || len(cs.counts()) != 0 {
			t.Errorf("answer is %s, %v; calls %v", body, err, cs.counts())
		}
	})
}

func (c feedbackCase) overREST(t *testing.T, e Executor, cs components) {
	routing := "{}"
	if c.routing != nil {
		routing = "{"
		for name, route := range c.routing {
			routing += fmt.Sprintf("%q:%d,", name, route)
		}
		routing = routing[:len(routing)-1] + "}"
	}
	request := fmt.Sprintf(`{"reward":1,"unknown":{},"response":{"meta":{"routing":%s}}}`, routing)
	body, _, err := post(soon(t), "http://"+e.REST+"/api/v1.0/feedback", "application/json", []byte(request))
	if c.fails != "" {
		failed(t, wire{}, err, failure{http.StatusBadRequest, codes.OK, c.fails})
	} else if err != nil {
		t.Fatal(err)
	}
	want := request
	if c.from != "" {
		want = fmt.Sprintf(`{"meta":{"tags":{"feedback":%q}}}`, c.from)
	}
	if c.fails == "" && string(body) != want {
		t.Errorf("answer is %s, want %s", body, want)
	}
	c.check(t, cs, "/send-feedback", request)
}

func (c feedbackCase) overGRPC(t *testing.T, e Executor, cs components) {
	request := &seldon.Feedback{Reward: 1, Response: &seldon.SeldonMessage{Meta: &seldon.Meta{Routing: c.routing}}}
	var out seldon.SeldonMessage
	err := invoke(soon(t), e.at(seldon.Seldon_SendFeedback_FullMethodName), request, &out)
	if c.fails != "" {
		failed(t, wire{grpc: true}, err, failure{0, codes.InvalidArgument, c.fails})
	} else if err != nil {
		t.Fatal(err)
	}
	if got := out.GetMeta().GetTags()["feedback"].GetStringValue(); got != c.from {
		t.Errorf("answer is from %q, want %q", got, c.from)
	}
	sent, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.routing) > 1 {
		sent = nil // a map has no order on the wire
	}
	c.check(t, cs, "/seldon.protos.Model/SendFeedback", string(sent))
}

// check compares who was asked, and that each got the feedback unchanged.
func (c feedbackCase) check(t *testing.T, cs components, path, sent string) {
	t.Helper()
	if diff := cmp.Diff(c.calls, cs.counts()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	for name, s := range cs {
		for _, call := range s.Calls() {
			if call.Path != path || sent != "" && string(call.Body) != sent {
				t.Errorf("%s got %s %q", name, call.Path, call.Body)
			}
		}
	}
}
