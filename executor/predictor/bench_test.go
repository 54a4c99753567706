package predictor

import (
	"context"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/payloadlog"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// unseen is an observer and a payload log that look away, so that what a
// benchmark measures is the way to them.
type unseen struct{}

func (unseen) Begin(ctx context.Context, m message.Message) (context.Context, message.Message) {
	return ctx, m
}
func (unseen) End(context.Context, time.Time, message.Message, message.Message, error) {}
func (unseen) Unusable()                                                               {}
func (unseen) Log(payloadlog.EventType, string, protocol.Transport, message.Message)   {}
func (unseen) LogFailure(string, *message.Meta, error)                                 {}

// BenchmarkCall walks graphs whose nodes use one feature each; servers answer
// at once, without a network.
func BenchmarkCall(b *testing.B) {
	seldonAnswer := []byte(`{"data":{"names":[],"ndarray":[[0]]}}`)
	v2Answer := []byte(`{"model_name":"m","outputs":[{"name":"y","datatype":"FP32","shape":[1,1],"data":[2]}]}`)
	with := func(change func(*graph.Node)) graph.Node {
		n := modelNode("m")
		change(&n)
		return n
	}
	router := graph.Node{Name: "r", Type: graph.Router, Children: []graph.Node{modelNode("a"), modelNode("b")}, Endpoint: modelNode("r").Endpoint}
	combiner := graph.Node{Name: "c", Type: graph.Combiner, Children: router.Children, Endpoint: router.Endpoint}
	for _, c := range []struct {
		name     string
		graph    graph.Node
		answer   []byte
		observed bool
	}{
		{"plain", modelNode("m"), seldonAnswer, false},
		{"observed", modelNode("m"), seldonAnswer, true},
		{"logged", with(func(n *graph.Node) { n.Logger = &graph.Logger{} }), seldonAnswer, false},
		{"policy", with(func(n *graph.Node) { n.Policy = &graph.Policy{Retries: &graph.Retries{Attempts: 2}} }), seldonAnswer, false},
		{"fallback", with(func(n *graph.Node) { n.Policy = &graph.Policy{Fallback: &graph.Fallback{Response: "{}"}} }), seldonAnswer, false},
		{"foreign", with(func(n *graph.Node) { n.Endpoint.Protocol = "v2" }), v2Answer, false},
		{"chain", modelNode("m", modelNode("n")), seldonAnswer, true},
		{"router", router, seldonAnswer, true},
		{"combiner", combiner, seldonAnswer, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			outside, err := protocol.Lookup("seldon")
			if err != nil {
				b.Fatal(err)
			}
			s := sender(func(_ *upstream.Target, m message.Message) (message.Message, error) {
				m.Body, m.Answer = c.answer, true
				return m, nil
			})
			o := Options{
				Name: "p", Graph: &c.graph, Outside: outside, REST: s, GRPC: s, Random: func() float64 { return 0 },
				Payloads: func(*graph.Node) (Payloads, error) { return unseen{}, nil },
			}
			if c.observed {
				o.Observe = func(CallLabels) Observer { return unseen{} }
			}
			p, err := New(o)
			if err != nil {
				b.Fatal(err)
			}
			var pool message.Pool
			m := message.Message{Body: []byte(`{"data":{"ndarray":[[1]]}}`), Type: jsonType, Meta: &message.Meta{Lease: pool.Lease()}}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Predict(b.Context(), protocol.REST, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
