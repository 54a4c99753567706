package builtin

import (
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/executor/memory"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// transformed is what a chain of steps makes of a request.
func transformed(tb testing.TB, steps string, form translate.Form, body string) (message.Message, error) {
	tb.Helper()
	n, err := All().New(step(tb, "TENSOR_TRANSFORMER", 1, parameter("steps", steps)), &World{})
	if err != nil {
		tb.Fatal(err)
	}
	m, err := n.(InputTransformer).TransformInput(tb.Context(), NewMessage(message.Message{Body: []byte(body), Meta: &message.Meta{}}, form, 0))
	return m.Wire(), err
}

func TestEveryStepIsThere(t *testing.T) {
	all := stepTable()
	for _, row := range graph.StepTable() {
		if all[row.Name] == nil && formulaTable()[row.Name] == nil {
			t.Errorf("nothing does %s", row.Name)
		}
		delete(all, row.Name)
	}
	if len(all) > 0 {
		t.Errorf("graph/steps.go has no rows for %v", all)
	}
}

// Steps make of real data what NumPy, SciPy and scikit-learn make of it.
func TestStepsAreRight(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), tools.Path(t, "crossed-servers"), "testdata/transform.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	var sets map[string][]struct {
		Steps      string
		Rows, Want any
	}
	if err := json.Unmarshal(out, &sets); err != nil || len(sets) != 3 {
		t.Fatalf("there are %d sets of data: %v", len(sets), err)
	}
	for name, cases := range sets {
		for _, c := range cases {
			m, err := transformed(t, c.Steps, translate.SeldonJSON, `{"data":{"ndarray":`+inJSON(t, c.Rows)+`}}`)
			if err != nil {
				t.Fatalf("%s, %.60s: %v", name, c.Steps, err)
			}
			got, want := numbersOf(t, m.Body), flatten(c.Want)
			if len(got) != len(want) || len(want) == 0 {
				t.Errorf("%s, %.60s: there are %d numbers, want %d", name, c.Steps, len(got), len(want))
				continue
			}
			for k := range got {
				if c.Steps == "cast FP32" { // JSON has the fewest digits that are this number.
					got[k] = float64(float32(got[k]))
				}
			}
			same(t, fmt.Sprintf("%s, %.40s", name, c.Steps), 1e-12, got, want)
		}
	}
}

func TestSteps(t *testing.T) {
	for _, c := range []struct{ steps, in, want string }{
		{"select y", `{"data":{"names":["x","y"],"ndarray":[[1,2],[3,4]]}}`, `"names":["y"],"ndarray":[[2],[4]]`},
		{"reorder z", `{"data":{"names":["x","y","z"],"ndarray":[[1,2,3]]}}`, `"names":["z","x","y"],"ndarray":[[3,1,2]]`},
		{"rename x=a 1=b", `{"data":{"names":["x","y"],"ndarray":[[1,2]]}}`, `"names":["a","b"],"ndarray":[[1,2]]`},
		{"rename 1=b", `{"data":{"ndarray":[[1,2]]}}`, `"names":["t:0","b"],"ndarray":[[1,2]]`},
		{"cast INT32", `{"data":{"ndarray":[[1.0,2]]}}`, `"ndarray":[[1,2]]`},
		{"cast FP64", `{"data":{"ndarray":[[1,2]]}}`, `"ndarray":[[1.0,2.0]]`},
		{"reshape 2 1", `{"data":{"names":["x","y"],"ndarray":[[1,2]]}}`, `"names":["t:0"],"ndarray":[[1],[2]]`},
		{"argmax no yes", `{"data":{"names":["x","y"],"ndarray":[[0.2,0.8],[0.5,0.5]]}}`, `"names":[],"ndarray":["yes","no"]`},
		{"argmax \"not at all\" yes", `{"data":{"tensor":{"shape":[1,2],"values":[0.8,0.2]}}}`, `"ndarray":["not at all"]`},
		{"threshold 0.5 low high", `{"data":{"ndarray":[[0.5],[0.6]]}}`, `"ndarray":[["low"],["high"]]`},
		{"softmax", `{"data":{"ndarray":[[1000,1000]]}}`, `"ndarray":[[0.5,0.5]]`},
		{"standardize 1,2 2,4", `{"data":{"names":["x","y"],"ndarray":[[3,10]]}}`, `"names":["x","y"],"ndarray":[[1.0,2.0]]`},
		{"minmax 0 10", `{"data":{"ndarray":[5,10]}}`, `"ndarray":[0.5,1.0]`},
		{"clip 0 1", `{"data":{"ndarray":[["NaN",5]]}}`, `"ndarray":[["NaN",1.0]]`},
		{"onehot color red blue", `{"data":{"names":["age","color"],"ndarray":[[30,"blue"],[40,"green"]]}}`,
			`"names":["age","color_red","color_blue"],"ndarray":[[30,0.0,1.0],[40,0.0,0.0]]`},
		{"onehot color red blue; merge; standardize 30,0,0 10,1,1", `{"data":{"names":["age","color"],"ndarray":[[30,"blue"],[40,"green"]]}}`,
			`"names":["age","color_red","color_blue"],"ndarray":[[0.0,0.0,1.0],[1.0,0.0,0.0]]`},
		{"onehot 0 red", `{"data":{"ndarray":[["red","x"],["blue","y"]]}}`, `"ndarray":[[1.0,"x"],[0.0,"y"]]`},
		{"onehot 0 red blue", `{"data":{"ndarray":[["red"],["blue"]]}}`, `"ndarray":[[1.0,0.0],[0.0,1.0]]`},
		{"onehot k 1 2", `{"data":{"names":["k","x"],"ndarray":[[1,9],[2,8]]}}`, `"names":["k_1","k_2","x"],"ndarray":[[1.0,0.0,9.0],[0.0,1.0,8.0]]`},
		{"select age; cast FP32", `{"data":{"names":["age","color"],"ndarray":[[30,"blue"]]}}`, `"names":["age"],"ndarray":[[30`},
		{"select 1", `{"data":{"tensor":{"shape":[0,2],"values":[]}}}`, `"tensor":{"shape":[0,1],"values":[]}`},
		{"argmax", `{"data":{"tensor":{"shape":[0,2],"values":[]}}}`, `"tensor":{"shape":[0],"values":[]}`},
		{"clip 0 1", `{"meta":{"puid":"p","tags":{"a":1}},"data":{"ndarray":[[7]]}}`, `"tags":{"a":1}`},
	} {
		if m, err := transformed(t, c.steps, translate.SeldonJSON, c.in); err != nil || !strings.Contains(string(m.Body), c.want) {
			t.Errorf("%s of %s is %s, %v, want %s", c.steps, c.in, m.Body, err, c.want)
		}
	}
}

func TestStepsRefuse(t *testing.T) {
	for _, c := range []struct{ steps, in, want string }{
		{"clip 0 1; select z", `[[1,2]]`, `step 2 (select): there is no column "z" among 2`},
		{"select 0", `[[[1]]]`, "step 1 (select): the shape [1 1 1] is no table"},
		{"rename 0=t:1", `[[1,2]]`, `step 1 (rename): two columns would have the name "t:1"`},
		{"cast INT64", `[[1.5]]`, "step 1 (cast): element [0][0]: 1.5 is not a whole number (INT64)"},
		{"cast UINT8", `[[300]]`, "step 1 (cast): element [0][0]: 300 is out of range (UINT8)"},
		{"reshape 3", `[[1,2]]`, "step 1 (reshape): the shape [3] needs 3 elements, 2 came"},
		{"reshape 3 -1", `[[1,2]]`, "step 1 (reshape): 2 elements do not fill the shape [3 -1]"},
		{"standardize 1,2 1,2", `[[1,2,3]]`, "step 1 (standardize): there are 3 columns, and numbers for 2"},
		{"softmax", `[["a"]]`, "step 1 (softmax): BYTES are not numbers"},
		{"argmax", `[["NaN",1]]`, "step 1 (argmax): element [0][0]: NaN cannot be compared"},
		{"argmax a b", `[[1,2,3]]`, "step 1 (argmax): there are 3 scores, and 2 classes"},
		{"argmax", `[[]]`, "step 1 (argmax): the shape [1 0] has nothing to choose from"},
		{"threshold 1", `[["NaN"]]`, "step 1 (threshold): element [0][0]: NaN cannot be compared"},
		{"onehot 0 1", `[["NaN"]]`, `step 1 (onehot): "t:0": element [0][0]: NaN is no value`},
	} {
		m, err := transformed(t, c.steps, translate.SeldonJSON, `{"data":{"ndarray":`+c.in+`}}`)
		if err == nil || !strings.Contains(err.Error(), c.want) || protocol.CodeOf(err) != protocol.Invalid {
			t.Errorf("%s of %s: %s, error is %v, want %s", c.steps, c.in, m.Body, err, c.want)
		}
	}
	for _, body := range []string{`{"jsonData":{"a":"x"}}`, `{"data":`, `{}`} {
		if _, err := transformed(t, "softmax", translate.SeldonJSON, body); protocol.CodeOf(err) != protocol.Invalid {
			t.Errorf("%s: error is %v", body, err)
		}
	}
}

// What a message says beside its data stays, in each form.
func TestStepsInEveryForm(t *testing.T) {
	input := func(name string, values ...float32) *inference.ModelInferRequest_InferInputTensor {
		return &inference.ModelInferRequest_InferInputTensor{Name: name, Datatype: "FP32", Shape: []int64{1, int64(len(values))}, Contents: &inference.InferTensorContents{Fp32Contents: values}}
	}
	for _, c := range []struct {
		form              translate.Form
		steps, body, want string
	}{
		{translate.SeldonJSON, "clip 0 1; select 1", `{"data":{"ndarray":[[1,5]]}}`, "[1 1] [1]"},
		{translate.TensorFlowJSON, "clip 0 1; select 1", `{"instances":[[1,5]]}`, "[1 1] [1]"},
		{translate.V2JSON, "clip 0 1; select 1", `{"parameters":{"a":7},"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,5]}]}`, "x [1 1] [1]"},
		{translate.V2JSON, "select y; rename y=z", `{"parameters":{"a":7},"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]},{"name":"y","datatype":"INT8","shape":[1],"data":[5]}]}`, "z [1] [5]"},
		{translate.V2Proto, "merge; clip 0 1", encode(t, &inference.ModelInferRequest{ModelName: "m", Inputs: []*inference.ModelInferRequest_InferInputTensor{input("x", 1, 5), input("y", -1)},
			Parameters: map[string]*inference.InferParameter{"a": {ParameterChoice: &inference.InferParameter_Int64Param{Int64Param: 7}}}}), "input-0 [1 3] [1 1 0]"},
	} {
		m, err := transformed(t, c.steps, c.form, c.body)
		if err != nil {
			t.Errorf("%v: %v", c.form, err)
			continue
		}
		o, err := translate.Open(c.form, m)
		if err != nil {
			t.Fatal(err)
		}
		values, err := o.Tensors[0].Float64s()
		if got := strings.TrimSpace(fmt.Sprint(o.Tensors[0].Name, " ", o.Tensors[0].Shape, " ", values)); err != nil || len(o.Tensors) != 1 || got != c.want {
			t.Errorf("%v: %s: %s, %v, want %s", c.form, c.steps, got, err, c.want)
		}
		if c.form == translate.V2JSON || c.form == translate.V2Proto {
			tags, err := translate.Tags(c.form, m)
			if err != nil || fmt.Sprint(tags["a"]) != "7" {
				t.Errorf("%v: the parameters are %v, %v", c.form, tags, err)
			}
		}
	}
	n, err := All().New(step(t, "TENSOR_OUTPUT_TRANSFORMER", 1, parameter("steps", "argmax no yes")), &World{})
	if err != nil {
		t.Fatal(err)
	}
	answer := message.Message{Body: []byte(`{"model_name":"m","parameters":{"a":7},"outputs":[{"name":"y","datatype":"FP32","shape":[1,2],"data":[1,5]}]}`), Answer: true, Meta: &message.Meta{}}
	m, err := n.(OutputTransformer).TransformOutput(t.Context(), NewMessage(answer, translate.V2JSON, 0))
	if want := `"shape":[1],"datatype":"BYTES","data":["yes"]`; err != nil || !strings.Contains(string(m.Wire().Body), want) || !strings.Contains(string(m.Wire().Body), `"a":7`) {
		t.Errorf("%s, %v, want %s", m.Wire().Body, err, want)
	}
}

// BenchmarkTransformer is the cost of steps on 32 rows of 30 numbers, with reading
// and writing them.
func BenchmarkTransformer(b *testing.B) {
	row := "[" + strings.TrimSuffix(strings.Repeat("0.125,", 30), ",") + "],"
	body := []byte(`{"data":{"ndarray":[` + strings.TrimSuffix(strings.Repeat(row, 32), ",") + `]}}`)
	for _, steps := range []string{"standardize 1 2", "select 3 1 2; clip 0 1; softmax", "argmax", "compute a = column(0) * 2 + column(1)", "map x * 2 + 1"} {
		b.Run(steps, func(b *testing.B) {
			n, err := All().New(step(b, "TENSOR_TRANSFORMER", 1, parameter("steps", steps)), &World{})
			if err != nil {
				b.Fatal(err)
			}
			m := NewMessage(message.Message{Body: body, Meta: &message.Meta{}}, translate.SeldonJSON, 0)
			for b.Loop() {
				if _, err := n.(InputTransformer).TransformInput(b.Context(), m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestOneHotHasABound: columns that are made of one value each are part of the memory
// for messages, and are given back with the request.
func TestOneHotHasABound(t *testing.T) {
	budget := memory.NewBudget(1 << 20)
	pool := &message.Pool{Budget: budget}
	body := []byte(`{"data":{"ndarray":[` + strings.Repeat("[1],", 999) + `[2]]}}`)
	of := func(values int) error {
		steps := "onehot 0"
		for v := range values {
			steps += fmt.Sprint(" ", v)
		}
		n, err := All().New(step(t, "TENSOR_TRANSFORMER", 1, parameter("steps", steps)), &World{})
		if err != nil {
			t.Fatal(err)
		}
		lease := pool.Lease()
		defer lease.Release()
		_, err = n.(InputTransformer).TransformInput(t.Context(), NewMessage(message.Message{Body: body, Meta: &message.Meta{Lease: lease}}, translate.SeldonJSON, 0))
		return err
	}
	if err := of(10); err != nil {
		t.Error(err)
	}
	if err := of(1000); protocol.CodeOf(err) != protocol.TooLarge || !strings.Contains(err.Error(), "step 1 (onehot)") {
		t.Errorf("a million numbers are refused by %v", err)
	}
	if used, _, _ := budget.State(); used != 0 {
		t.Errorf("%d bytes are not given back", used)
	}
}

// A request says how many columns it has: what is done with eight times as many takes
// about eight times the processor's time, and not 64 times. What others do meanwhile is not
// counted; of several attempts the cheapest is.
func TestWideRows(t *testing.T) {
	for name, words := range map[string][]string{"reorder": {"5"}, "rename": {"5=x"}} {
		took := func(columns int) time.Duration {
			f := &frame{tensors: []tensor.Tensor{tensor.FromFloats("", tensor.FP64, []int64{1, int64(columns)}, make([]float64, columns))}}
			began := processorTime(t)
			if err := stepTable()[name](f, words); err != nil {
				t.Fatal(err)
			}
			return max(processorTime(t)-began, time.Microsecond)
		}
		few, many := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
		rounds := 0
		for rounds < 7 || rounds < 300 && many > 32*few {
			few, many = min(few, took(4000)), min(many, took(32000))
			rounds++
		}
		t.Logf("%s: %v, and %v for eight times as many columns, the cheapest of %d", name, few, many, rounds)
		if many > 32*few {
			t.Errorf("%s took %v, and %v for eight times as many columns", name, few, many)
		}
	}
}

// processorTime is what this process has had of processors.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
