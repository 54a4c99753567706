package builtin

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/executor/memory"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
)

func TestFormulas(t *testing.T) {
	const people = `{"data":{"names":["weight","height"],"ndarray":[[72,1.8],[50.5,1.6]]}}`
	for _, c := range []struct{ steps, in, want string }{
		{"compute bmi = round(weight / height ** 2)", people, `"names":["weight","height","bmi"],"ndarray":[[72.0,1.8,22.0],[50.5,1.6,20.0]]`},
		{"compute weight = weight * 1000", people, `"names":["weight","height"],"ndarray":[[72000.0,1.8],[50500.0,1.6]]`},
		{"compute height=height*100;select height", people, `"names":["height"],"ndarray":[[180.0],[160.0]]`},
		{"compute heavy = weight > 60", people, `"names":["weight","height","heavy"],"ndarray":[[72.0,1.8,1.0],[50.5,1.6,0.0]]`},
		{`compute class = weight > 60 ? "heavy; tall" : "light"`, people, `"names":["weight","height","class"],"ndarray":[[72,1.8,"heavy; tall"],[50.5,1.6,"light"]]`},
		{"compute more = column(0) + column(1)", `{"data":{"ndarray":[[1,2],[3,4]]}}`, `"names":["t:0","t:1","more"],"ndarray":[[1.0,2.0,3.0],[3.0,4.0,7.0]]`},
		{"compute n = rows() * 10", `{"data":{"tensor":{"shape":[2,1],"values":[1,2]}}}`, `"names":["t:0","n"],"tensor":{"shape":[2,2],"values":[1,20,2,20]}`},
		{"compute big = column(0) > 1", `{"data":{"tensor":{"shape":[2,1],"values":[1,2]}}}`, `"tensor":{"shape":[2,2],"values":[1,0,2,1]}`},
		{`compute key = text("color") + "/" + text("plan"); select key`, `{"meta":{"tags":{"plan":"gold"}},"data":{"names":["age","color"],"ndarray":[[30,"red"],[40,"blue"]]}}`,
			`"names":["key"],"ndarray":[["red/gold"],["blue/gold"]]`},
		{`compute size = number("color"); select size`, `{"data":{"names":["age","color"],"ndarray":[[30,"7"],[40,"blue"]]}}`, `"names":["size"],"ndarray":[[7.0],["NaN"]]`},
		{`compute there = has("color") and not has("plan"); select there`, `{"data":{"names":["age","color"],"ndarray":[[30,"7"],[40,""]]}}`, `"names":["there"],"ndarray":[[true],[false]]`},
		{"compute n = 1", `{"data":{"ndarray":[["a"],["b"]]}}`, `"names":["t:0","n"],"ndarray":[["a",1],["b",1]]`},
		{"map log(x)", `{"data":{"ndarray":[[1,0]]}}`, `"ndarray":[[0.0,"-Infinity"]]`},
		{"map x > 0.5 ? 1 : 0", `{"data":{"names":["a","b"],"ndarray":[[0.5,0.75]]}}`, `"names":["a","b"],"ndarray":[[0,1]]`},
		{`map x > 0.5 ? "yes" : "no"`, `{"data":{"ndarray":[[[0.5,0.75]]]}}`, `"ndarray":[[["no","yes"]]]`},
		{"map x", `{"data":{"ndarray":[]}}`, `"ndarray":[]`},
		{"compute a = column(0) * 2", `{"data":{"tensor":{"shape":[0,2],"values":[]}}}`, `"tensor":{"shape":[0,3],"values":[]}`},
		{"compute a = column(0) * 2", `{"data":{"ndarray":[1,2]}}`, `[[1,2.0],[2,4.0]]`},
	} {
		if m, err := transformed(t, c.steps, translate.SeldonJSON, c.in); err != nil || !strings.Contains(string(m.Body), c.want) {
			t.Errorf("%s of %s is %s, %v, want %s", c.steps, c.in, m.Body, err, c.want)
		}
	}
}

// Columns that are tensors of a shape of their own keep it.
func TestColumnsOfColumns(t *testing.T) {
	const in = `{"inputs":[{"name":"age","datatype":"FP64","shape":[3,1],"data":[1,2,3]},{"name":"color","datatype":"BYTES","shape":[3,1],"data":["red","blue","red"]}]}`
	const want = `{"name":"color_red","shape":[3,1],"datatype":"FP64","data":[1.0,0.0,1.0]}`
	if m, err := transformed(t, "onehot color red blue", translate.V2JSON, in); err != nil || !strings.Contains(strings.ReplaceAll(string(m.Body), " ", ""), want) {
		t.Errorf("the columns are %s, %v, want %s", m.Body, err, want)
	}
}

func TestFormulasRefuse(t *testing.T) {
	for _, c := range []struct{ steps, in, want string }{
		{"compute a = age + 1", `[[1,2]]`, `step 1 (compute): there is no column "age" among 2`},
		{"compute a = column(7)", `[[1,2]]`, `step 1 (compute): there is no column "7" among 2`},
		{`compute a = 1; rename 0=a; compute b = "w"`, `[[1,2]]`, `step 2 (rename): two columns would have the name "a"`},
		{"compute a = 1", `[[[1]]]`, "step 1 (compute): the shape [1 1 1] is no table"},
		{"compute a = 1", `[[]]`, "step 1 (compute): the table has no columns"},
		{"compute a = column(0)", `[["a",2]]`, `step 1 (compute): "0": BYTES are not numbers`},
		{"compute a = column(0) + 1", `[[9007199254740993,2]]`, `step 1 (compute): "0": element [0][0]: 9007199254740993 has more digits than it can hold (FP64)`},
		{"compute a = int(column(0) / 0)", `[[1,2]]`, "step 1 (compute): value 0: +Inf is no whole number of 64 bits"},
		{"map x + 1", `[["a","b"]]`, "step 1 (map): BYTES are not numbers"},
	} {
		m, err := transformed(t, c.steps, translate.SeldonJSON, `{"data":{"ndarray":`+c.in+`}}`)
		if err == nil || !strings.Contains(err.Error(), c.want) || protocol.CodeOf(err) != protocol.Invalid {
			t.Errorf("%s of %s: %s, error is %v, want %s", c.steps, c.in, m.Body, err, c.want)
		}
	}
	twice := `{"data":{"names":["x","x"],"ndarray":[[1,2]]}}`
	if _, err := transformed(t, `compute a = "w"`, translate.SeldonJSON, twice); err == nil || !strings.Contains(err.Error(), `two columns have the name "x"`) {
		t.Errorf("error is %v", err)
	}
	for steps, want := range map[string]string{
		"softmax; compute a = age +": `parameter steps: step 2: compute: unexpected token EOF (1:5)`,
		"map y":                      `parameter steps: step 1: map: there is no y: each element is x (1:1)`,
		"map":                        `step 1: want "map EXPRESSION"`,
		"compute a":                  `step 1: want "compute COLUMN = EXPRESSION"`,
		"compute = 1":                `step 1: want "compute COLUMN = EXPRESSION"`,
	} {
		if _, err := All().New(step(t, "TENSOR_TRANSFORMER", 1, parameter("steps", steps)), &World{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %s", steps, err, want)
		}
	}
}

// Formulas are the same in each form, and keep to its types.
func TestFormulasInEveryForm(t *testing.T) {
	floats := func(name string, values ...float32) *inference.ModelInferRequest_InferInputTensor {
		return &inference.ModelInferRequest_InferInputTensor{Name: name, Datatype: "FP32", Shape: []int64{int64(len(values))}, Contents: &inference.InferTensorContents{Fp32Contents: values}}
	}
	const steps = `compute c = a + b; compute d = a > b; compute e = int(b); compute f = text("b") + "!"`
	for form, body := range map[translate.Form]string{
		translate.V2JSON:         `{"inputs":[{"name":"a","datatype":"FP32","shape":[2],"data":[1,5]},{"name":"b","datatype":"FP32","shape":[2],"data":[2.5,3]}]}`,
		translate.V2Proto:        encode(t, &inference.ModelInferRequest{ModelName: "m", Inputs: []*inference.ModelInferRequest_InferInputTensor{floats("a", 1, 5), floats("b", 2.5, 3)}}),
		translate.TensorFlowJSON: `{"inputs":{"a":[1.0,5.0],"b":[2.5,3.0]}}`,
		translate.SeldonJSON:     `{"data":{"names":["a","b"],"ndarray":[[1,2.5],[5,3]]}}`,
	} {
		m, err := transformed(t, steps, form, body)
		if err != nil {
			t.Errorf("%v: %v", form, err)
			continue
		}
		o, err := translate.Open(form, m)
		if err != nil {
			t.Errorf("%v: %s: %v", form, m.Body, err)
			continue
		}
		var got []string
		for i := range o.Tensors {
			x := &o.Tensors[i]
			if x.Elems() != nil {
				got = append(got, fmt.Sprintf("%s %s", x.Name, x.Elems()))
			} else if values, err := x.Float64s(); err == nil {
				got = append(got, fmt.Sprint(x.Name, " ", values))
			}
			if form == translate.V2JSON || form == translate.V2Proto {
				if want := []string{"FP32", "FP32", "FP32", "BOOL", "INT64", "BYTES"}[i]; x.DType.String() != want {
					t.Errorf("%v: %s is %v, want %s", form, x.Name, x.DType, want)
				}
			}
		}
		if want := "a [1 5],b [2.5 3],c [3.5 8],d [0 1],e [2 3],f [2.5! 3!]"; strings.Join(got, ",") != want {
			t.Errorf("%v: %s, want %s (%s)", form, strings.Join(got, ","), want, m.Body)
		}
	}
}

// A client that goes away ends the work, and what it takes is part of the memory for
// messages.
func TestFormulasHaveABound(t *testing.T) {
	budget := memory.NewBudget(1 << 20)
	pool := &message.Pool{Budget: budget}
	of := func(ctx context.Context, steps string, rows int) error {
		body := []byte(`{"data":{"ndarray":[` + strings.Repeat("[1],", rows-1) + `[2]]}}`)
		n, err := All().New(step(t, "TENSOR_TRANSFORMER", 1, parameter("steps", steps)), &World{})
		if err != nil {
			t.Fatal(err)
		}
		lease := pool.Lease()
		defer lease.Release()
		_, err = n.(InputTransformer).TransformInput(ctx, NewMessage(message.Message{Body: body, Meta: &message.Meta{Lease: lease}}, translate.SeldonJSON, 0))
		return err
	}
	if err := of(t.Context(), "compute a = column(0) + 1", 1000); err != nil {
		t.Error(err)
	}
	for steps, rows := range map[string]int{"compute a = column(0) + 1": 50000, "map x + 1": 50000, `compute a = "` + strings.Repeat("long", 400) + `"`: 1000} {
		err := of(t.Context(), steps, rows)
		if code := protocol.CodeOf(err); code != protocol.TooLarge && code != protocol.Exhausted {
			t.Errorf("%.30s: error is %v", steps, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := of(gone, "map x + 1", 1000); protocol.CodeOf(err) != protocol.Canceled {
		t.Errorf("error is %v", err)
	}
	if used, _, _ := budget.State(); used != 0 {
		t.Errorf("%d bytes are not given back", used)
	}
}
