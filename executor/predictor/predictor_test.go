package predictor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// sender answers calls by a function, without a network.
type sender func(to *upstream.Target, m message.Message) (message.Message, error)

func (s sender) Send(_ context.Context, to *upstream.Target, m message.Message) (message.Message, error) {
	answer, err := s(to, m)
	// What made the answer of the request need not know that one has no tail.
	answer.Tail = nil
	return answer, err
}

func (s sender) Ask(_ context.Context, to *upstream.Target, m message.Message) (message.Message, error) {
	return s(to, m)
}

func modelNode(name string, children ...graph.Node) graph.Node {
	return graph.Node{Name: name, Type: graph.Model, Children: children, Endpoint: &graph.Endpoint{ServiceHost: "h", HTTPPort: 1, GRPCPort: 2}}
}

func build(t *testing.T, outside string, n graph.Node, s sender) *Predictor {
	t.Helper()
	o, err := protocol.Lookup(outside)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Options{Name: "p", Graph: &n, Outside: o, REST: s, GRPC: s, Random: func() float64 { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestForwardAllocatesNothing(t *testing.T) {
	for _, outside := range []string{"seldon", "tensorflow", "v2"} {
		p := build(t, outside, modelNode("m"), func(_ *upstream.Target, m message.Message) (message.Message, error) { return m, nil })
		m := message.Message{Body: []byte(`{}`), Meta: &message.Meta{}}
		if n := testing.AllocsPerRun(100, func() {
			if _, err := p.Predict(t.Context(), protocol.REST, m); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: a prediction allocates %v times", outside, n)
		}
	}
}

func TestPanicInAFanOut(t *testing.T) {
	p := build(t, "seldon", modelNode("m", modelNode("a"), modelNode("b")), func(to *upstream.Target, m message.Message) (message.Message, error) {
		if m.Answer {
			panic("boom")
		}
		m.Answer = true
		return m, nil
	})
	_, err := p.Predict(t.Context(), protocol.REST, message.Message{Meta: &message.Meta{}})
	if err == nil || !strings.Contains(err.Error(), "panic: boom") || protocol.CodeOf(err) != protocol.Internal {
		t.Errorf("error is %v", err)
	}
}

// A refusal that is put into other words is the same refusal.
func TestForeignRefusalKeepsItsCode(t *testing.T) {
	n := modelNode("m")
	n.Endpoint.Protocol = "v2"
	p := build(t, "seldon", n, func(*upstream.Target, message.Message) (message.Message, error) {
		refusal := &protocol.Refusal{Status: 503, Message: message.Message{Body: []byte(`{"error":"loading"}`)}}
		return message.Message{}, protocol.Coded(protocol.NotNow, refusal).After(7 * time.Second)
	})
	m := message.Message{Body: []byte(`{"data":{"ndarray":[[1]]}}`), Type: jsonType, Meta: &message.Meta{}}
	_, err := p.Predict(t.Context(), protocol.REST, m)
	var refusal *protocol.Refusal
	if !errors.As(err, &refusal) || !strings.Contains(string(refusal.Body), `node \"m\": loading`) {
		t.Errorf("error is %v", err)
	}
	if protocol.CodeOf(err) != protocol.NotNow || protocol.RetryAfter(err) != 7*time.Second {
		t.Errorf("code is %d, to be asked again after %v", protocol.CodeOf(err), protocol.RetryAfter(err))
	}
}

func TestTogether(t *testing.T) {
	errs := together(3, func(i int) error {
		if i == 1 {
			panic("boom")
		}
		return nil
	})
	if errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Errorf("errors are %v", errs)
	}
}

func TestTranslationOptions(t *testing.T) {
	parameter := func(name, value string) graph.Parameter { return graph.Parameter{Name: name, Value: value} }
	seldon, _ := protocol.Lookup("seldon")
	v2, _ := protocol.Lookup("v2")
	sklearn := graph.Node{Name: "n", Implementation: "SKLEARN_SERVER"}
	if o := translation(&sklearn, seldon); o.Model != "n" || len(o.Outputs) != 1 || o.Outputs[0] != "predict_proba" {
		t.Errorf("options are %+v", o)
	}
	if o := translation(&sklearn, v2); o.Outputs != nil {
		t.Errorf("options are %+v", o)
	}
	sklearn.Parameters = []graph.Parameter{parameter("method", "predict"), parameter("model_name", "m"), parameter("signature_name", "s"), parameter("model_input", "i"), parameter("model_output", "o")}
	o := translation(&sklearn, seldon)
	if o.Outputs[0] != "predict" || o.Model != "m" || o.Signature != "s" || o.Input != "i" || o.Output != "o" {
		t.Errorf("options are %+v", o)
	}
}

func TestServers(t *testing.T) {
	type pair = [2]upstream.Server
	for _, c := range []struct {
		endpoint graph.Endpoint
		want     pair
	}{
		{graph.Endpoint{ServiceHost: "h", HTTPPort: 1, GRPCPort: 2, ServicePort: 1}, pair{{Host: "h:1"}, {Host: "h:2"}}},
		{graph.Endpoint{ServiceHost: "::1", HTTPPort: 1}, pair{{Host: "[::1]:1"}, {}}},
		{graph.Endpoint{ServiceHost: "h", ServicePort: 3}, pair{{Host: "h:3"}, {}}},
		{graph.Endpoint{ServiceHost: "h", ServicePort: 3, Type: graph.GRPC}, pair{{}, {Host: "h:3"}}},
		{graph.Endpoint{ServiceHost: "h", HTTPPort: 1, TLS: true}, pair{{Host: "h:1", TLS: true}, {}}},
	} {
		if got := servers(&c.endpoint); got != c.want {
			t.Errorf("%+v: %v", c.endpoint, got)
		}
	}
}

func TestReason(t *testing.T) {
	const frames = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\n"
	for text, want := range map[string]string{
		"broken":                                 "broken",
		frames + "ValueError: one\ntwo\n  three": "ValueError: one\ntwo\n  three",
		frames + "KeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n\n" + frames + "ValueError: b": "ValueError: b",
	} {
		if got := reason("", []byte(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
