package builtin

import (
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
)

func TestRules(t *testing.T) {
	const rules = `c: header("X-Plan") == "gold"
		b: number("age") >= 40
		a: text("country") == "DE"
		b: rows() > 1`
	r := router(t, &World{}, step(t, "RULES_ROUTER", 4, parameter("rules", rules), parameter("otherwise", "d")))
	ask := func(form translate.Form, header, body string) (int, error) {
		meta := &message.Meta{Header: message.NewHeader(map[string][]string{"X-Plan": {header}})}
		return r.Route(t.Context(), NewMessage(message.Message{Body: []byte(body), Meta: meta}, form, 0))
	}
	for _, c := range []struct {
		form         translate.Form
		header, body string
		want         int
	}{
		{translate.SeldonJSON, "gold", `not even JSON`, 2},
		{translate.SeldonJSON, "", `{"meta":{"tags":{"age":41}},"data":{"ndarray":[[1]]}}`, 1},
		{translate.SeldonJSON, "", `{"data":{"names":["age"],"ndarray":[[39.5]]}}`, 3},
		{translate.SeldonJSON, "", `{"data":{"names":["age","country"],"ndarray":[[39.5,"DE"]]}}`, 0},
		{translate.SeldonJSON, "", `{"data":{"names":["age"],"ndarray":[["NaN"],[2]]}}`, 1},
		{translate.SeldonJSON, "", `{"data":{"ndarray":[]}}`, 3},
		{translate.TensorFlowJSON, "", `{"instances":[[1],[2]]}`, 1},
		{translate.V2JSON, "", `{"parameters":{"country":"DE"},"inputs":[{"name":"x","datatype":"FP32","shape":[2],"data":[1,2]}]}`, 0},
		{translate.V2Proto, "", encode(t, &inference.ModelInferRequest{Inputs: []*inference.ModelInferRequest_InferInputTensor{{
			Name: "age", Datatype: "INT64", Shape: []int64{1}, Contents: &inference.InferTensorContents{Int64Contents: []int64{50}}}}}), 1},
	} {
		if got, err := ask(c.form, c.header, c.body); err != nil || got != c.want {
			t.Errorf("%s: goes to %d, %v, want %d", c.body, got, err, c.want)
		}
	}
	overGRPC := metadata.NewOutgoingContext(t.Context(), metadata.Pairs("x-plan", "gold"))
	if got, err := r.Route(overGRPC, NewMessage(message.Message{Meta: &message.Meta{}}, translate.V2Proto, 0)); err != nil || got != 2 {
		t.Errorf("goes to %d over gRPC, %v", got, err)
	}
	if _, err := ask(translate.SeldonJSON, "", `not even JSON`); err == nil || protocol.CodeOf(err) != protocol.Invalid || !strings.HasPrefix(err.Error(), "rule 2: ") {
		t.Errorf("a request that cannot be read: %v", err)
	}
}

func TestWrongRules(t *testing.T) {
	for rules, want := range map[string]string{
		"a: rows()":     `node "t": parameter rules: rule 1: expected bool, but got int`,
		"a: true\nz: 1": `node "t": parameter rules are wrong: rule 2: there is no child "z"`,
	} {
		if _, err := All().New(step(t, "RULES_ROUTER", 2, parameter("rules", rules)), &World{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %s", rules, err, want)
		}
	}
}

// BenchmarkRules is the cost of a choice by a header, and by a tag that is read.
func BenchmarkRules(b *testing.B) {
	for name, rules := range map[string]string{"header": `b: header("X-Plan") == "gold"`, "tag": `b: text("plan") == "gold"`} {
		b.Run(name, func(b *testing.B) {
			n, err := All().New(step(b, "RULES_ROUTER", 2, parameter("rules", rules)), &World{})
			if err != nil {
				b.Fatal(err)
			}
			m := NewMessage(message.Message{Body: []byte(`{"meta":{"tags":{"plan":"gold"}},"data":{"ndarray":[[1,2,3]]}}`), Meta: &message.Meta{Header: message.NewHeader(map[string][]string{"X-Plan": {"gold"}})}}, translate.SeldonJSON, 0)
			b.ReportAllocs()
			for b.Loop() {
				if child, err := n.(Router).Route(b.Context(), m); err != nil || child != 1 {
					b.Fatal(child, err)
				}
			}
		})
	}
}
