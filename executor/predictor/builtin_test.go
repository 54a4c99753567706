package predictor

import (
	"context"
	"encoding/binary"
	"math"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// The nodes of this file show how wide the seam for built-in nodes is: they
// see messages, change them, decide and learn, in every protocol.

// bandit sends a request to the arm with the best reward so far, or to the arm
// that the header X-Arm names.
type bandit struct {
	mu      sync.Mutex
	rewards []float64
}

func (b *bandit) Route(ctx context.Context, m builtin.Message) (int, error) {
	if arm := m.Header(ctx, "X-Arm"); arm != "" {
		return int(arm[0] - '0'), nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	best := 0
	for arm, reward := range b.rewards {
		if reward > b.rewards[best] {
			best = arm
		}
	}
	return best, nil
}

func (b *bandit) Learn(_ context.Context, f builtin.Feedback) error {
	if _, err := f.Request.Read(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rewards[f.Route] += f.Reward
	return nil
}

// doubler doubles every number on the way in, and on the way out.
type doubler struct{}

func (doubler) TransformInput(_ context.Context, m builtin.Message) (builtin.Message, error) {
	return doubled(m)
}

func (doubler) TransformOutput(_ context.Context, m builtin.Message) (builtin.Message, error) {
	return doubled(m)
}

func doubled(m builtin.Message) (builtin.Message, error) {
	o, err := m.Read()
	if err != nil {
		return m, err
	}
	for i := range o.Tensors {
		t := &o.Tensors[i]
		values, err := t.Float64s()
		if err != nil {
			return m, protocol.Coded(protocol.Invalid, err)
		}
		var raw []byte
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(2*v))
		}
		name := t.Name
		if *t, err = tensor.New(tensor.FP64, t.Shape, raw); err != nil {
			return m, err
		}
		t.Name = name
	}
	return m.With(o)
}

// detector rejects numbers above 100, tags those above 10 and sends them to
// its second child.
type detector struct{}

func (detector) TransformInput(_ context.Context, m builtin.Message) (builtin.Message, error) {
	o, err := m.Read()
	if err != nil {
		return m, err
	}
	values, err := o.Tensors[0].Float64s()
	if err != nil {
		return m, protocol.Coded(protocol.Invalid, err)
	}
	switch {
	case values[0] > 100:
		return m, protocol.Errorf(protocol.Invalid, "%v is an outlier", values[0])
	case values[0] <= 10:
		m.Note(0)
		return m, nil
	}
	m.Note(1)
	return m.Tagged(translate.Tag{Name: "outlier", Value: true})
}

func (detector) Route(_ context.Context, m builtin.Message) (int, error) { return m.Noted().(int), nil }

// last answers what the last of its children does.
type last struct{}

func (last) Combine(_ context.Context, answers builtin.Messages) (builtin.Message, error) {
	return answers.At(answers.Len() - 1), nil
}

func inside(t *testing.T, outside string, n graph.Node, node builtin.Node, s sender) *Predictor {
	t.Helper()
	o, err := protocol.Lookup(outside)
	if err != nil {
		t.Fatal(err)
	}
	n.Implementation = "TEST"
	table := builtin.Table{"TEST": func(*graph.Step, *builtin.World) (builtin.Node, error) { return node, nil }}
	p, err := New(Options{Name: "p", Graph: &n, Outside: o, REST: s, GRPC: s, Builtins: table})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// echo answers a seldon message with itself and notes who was asked.
func echo(asked *[]string) sender {
	var mu sync.Mutex
	return func(to *upstream.Target, m message.Message) (message.Message, error) {
		mu.Lock()
		defer mu.Unlock()
		*asked = append(*asked, to.Host)
		m.Answer = true
		return m, nil
	}
}

func arm(name string) graph.Node {
	n := modelNode(name)
	n.Endpoint = &graph.Endpoint{ServiceHost: name, HTTPPort: 1, GRPCPort: 1}
	return n
}

func request(body string) message.Message {
	return message.Message{Body: []byte(body), Type: jsonType, Meta: &message.Meta{Limit: 1 << 20}}
}

func TestLearningRouter(t *testing.T) {
	for _, transport := range []protocol.Transport{protocol.REST, protocol.GRPC} {
		t.Run(transport.String(), func(t *testing.T) {
			var asked []string
			router := graph.Node{Name: "r", Type: graph.Router, Children: []graph.Node{arm("a"), arm("b")}}
			b := &bandit{rewards: make([]float64, 2)}
			p := inside(t, "seldon", router, b, echo(&asked))
			ask, feedback := request(`{"data":{"ndarray":[[1]]}}`), request(`{"request":{"data":{"ndarray":[[1]]}},"response":{"meta":{"routing":{"r":1}}},"reward":0.5}`)
			if transport == protocol.GRPC {
				one := &seldon.SeldonMessage{DataOneof: &seldon.SeldonMessage_Data{Data: &seldon.DefaultData{DataOneof: &seldon.DefaultData_Tensor{Tensor: &seldon.Tensor{Shape: []int32{1, 1}, Values: []float64{1}}}}}}
				ask.Body, _ = proto.Marshal(one)
				feedback.Body, _ = proto.Marshal(&seldon.Feedback{Request: one, Reward: 0.5, Response: &seldon.SeldonMessage{Meta: &seldon.Meta{Routing: map[string]int32{"r": 1}}}})
			}
			predict := func(ctx context.Context, m message.Message) {
				t.Helper()
				if _, err := p.Predict(ctx, transport, m); err != nil {
					t.Fatal(err)
				}
			}
			predict(t.Context(), ask)
			chosen := ask
			chosen.Meta = &message.Meta{Header: message.NewHeader(map[string][]string{"X-Arm": {"1"}})}
			ctx := t.Context()
			if transport == protocol.GRPC {
				chosen.Meta = &message.Meta{}
				ctx = metadata.NewOutgoingContext(ctx, metadata.Pairs("x-arm", "1"))
			}
			predict(ctx, chosen)
			if _, err := p.Feedback(t.Context(), transport, feedback); err != nil {
				t.Fatal(err)
			}
			predict(t.Context(), ask)
			// The third is the feedback on its way to the arm.
			if got := strings.Join(asked, " "); got != "a:1 b:1 b:1 b:1" || b.rewards[1] != 0.5 || b.rewards[0] != 0 {
				t.Errorf("asked were %s, rewards are %v", got, b.rewards)
			}
		})
	}
}

// A transformer reads and writes the one tensor type, whatever the protocol.
func TestTransformerInEveryProtocol(t *testing.T) {
	ten := map[string]string{
		"seldon":     `{"data":{"ndarray":[[10]]}}`,
		"tensorflow": `{"predictions":[[10]]}`,
		"v2":         `{"model_name":"m","outputs":[{"name":"y","datatype":"FP64","shape":[1,1],"data":[10]}]}`,
	}
	for _, p := range protocol.All() {
		for _, transport := range []protocol.Transport{protocol.REST, protocol.GRPC} {
			t.Run(p.Name+" "+transport.String(), func(t *testing.T) {
				form := p.Dialects[transport].Form
				in, err := written(form, `{"data":{"ndarray":[[1.5,2]]}}`)
				if err != nil {
					t.Fatal(err)
				}
				both := graph.Node{
					Name: "d", Children: []graph.Node{arm("a")},
					Methods: []graph.Method{graph.TransformInputMethod, graph.TransformOutputMethod},
				}
				var sent []float64
				predictor := inside(t, p.Name, both, doubler{}, func(_ *upstream.Target, m message.Message) (message.Message, error) {
					o, err := translate.Open(form, m)
					if err != nil {
						return m, err
					}
					sent, err = o.Tensors[0].Float64s()
					if err != nil {
						return m, err
					}
					m.Body, m.Answer = []byte(ten[p.Name]), true
					if transport == protocol.GRPC {
						m.Body, err = translate.Answer(p.Dialects[protocol.REST].Form, form, m.Body)
					}
					return m, err
				})
				answer, err := predictor.Predict(t.Context(), transport, in)
				if err != nil {
					t.Fatal(err)
				}
				o, err := translate.Open(form, answer)
				if err != nil {
					t.Fatal(err)
				}
				got, err := o.Tensors[0].Float64s()
				if err != nil || len(got) != 1 || got[0] != 20 || len(sent) != 2 || sent[0] != 3 || sent[1] != 4 {
					t.Errorf("the model was sent %v, the client answered %v, %v", sent, got, err)
				}
			})
		}
	}
}

// written is a request in a form.
func written(form translate.Form, seldonJSON string) (message.Message, error) {
	m, _, err := translate.Request(request(seldonJSON), translate.SeldonJSON, form, translate.Options{Model: "m", Input: "x"})
	return m, err
}

func TestDetector(t *testing.T) {
	var asked []string
	p := inside(t, "seldon", graph.Node{Name: "d", Methods: []graph.Method{graph.TransformInputMethod, graph.RouteMethod}, Children: []graph.Node{arm("a"), arm("fallback")}}, detector{}, echo(&asked))
	for _, c := range []struct {
		body, asked, answer string
		code                protocol.Code
	}{
		{`{"data":{"ndarray":[[1]]}}`, "a:1", `{"data":{"ndarray":[[1]]}}`, 0},
		{`{"meta":{"tags":{"x":1}},"data":{"ndarray":[[50]]}}`, "fallback:1", `"outlier":true`, 0},
		{`{"data":{"ndarray":[[101]]}}`, "", `node "d": transform-input: 101 is an outlier`, protocol.Invalid},
		{`{"data":`, "", `node "d": transform-input: `, protocol.Invalid},
	} {
		asked = nil
		answer, err := p.Predict(t.Context(), protocol.REST, request(c.body))
		got := string(answer.Body)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.answer) || strings.Join(asked, " ") != c.asked || err != nil && protocol.CodeOf(err) != c.code || (err != nil) != (c.code != 0) {
			t.Errorf("%s: asked were %v, the answer is %s", c.body, asked, got)
		}
	}
}

func TestCombinerOfMany(t *testing.T) {
	combiner := graph.Node{Name: "c", Type: graph.Combiner, Children: []graph.Node{arm("a"), arm("b"), arm("c3")}}
	p := inside(t, "seldon", combiner, last{}, func(to *upstream.Target, m message.Message) (message.Message, error) {
		m.Body, m.Answer = []byte(`"`+to.Host+`"`), true
		return m, nil
	})
	answer, err := p.Predict(t.Context(), protocol.REST, request(`{}`))
	if err != nil || string(answer.Body) != `"c3:1"` {
		t.Errorf("the answer is %s, %v", answer.Body, err)
	}
}

// A node that does not answer what its step is asked is a fault at start.
func TestBuiltinAnswersItsCalls(t *testing.T) {
	o, _ := protocol.Lookup("seldon")
	n := graph.Node{Name: "c", Type: graph.Combiner, Implementation: "TEST", Children: []graph.Node{arm("a"), arm("b")}}
	table := builtin.Table{"TEST": func(*graph.Step, *builtin.World) (builtin.Node, error) { return doubler{}, nil }}
	if _, err := New(Options{Name: "p", Graph: &n, Outside: o, Builtins: table}); err == nil || !strings.Contains(err.Error(), `node "c": built-in TEST does not answer aggregate`) {
		t.Errorf("error is %v", err)
	}
}

func TestBuiltinRouterAllocatesNothing(t *testing.T) {
	router := graph.Node{Name: "r", Implementation: "RANDOM_ABTEST", Children: []graph.Node{arm("a"), arm("b")}}
	p := build(t, "seldon", router, func(_ *upstream.Target, m message.Message) (message.Message, error) { return m, nil })
	m := request(`{}`)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := p.Predict(t.Context(), protocol.REST, m); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a prediction allocates %v times", n)
	}
}
