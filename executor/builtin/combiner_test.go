package builtin

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// together is what a combiner makes of answers.
func together(tb testing.TB, implementation string, form translate.Form, bodies []string, parameters ...graph.Parameter) (message.Message, error) {
	tb.Helper()
	n, err := All().New(step(tb, implementation, len(bodies), parameters...), &World{})
	if err != nil {
		tb.Fatal(err)
	}
	answers := make([]message.Message, len(bodies))
	for i, body := range bodies {
		answers[i] = message.Message{Body: []byte(body), Answer: true, Meta: &message.Meta{}}
	}
	m, err := n.(Combiner).Combine(tb.Context(), NewMessages(answers, form, 0))
	return m.Wire(), err
}

func weights(text string) graph.Parameter {
	return graph.Parameter{Name: "weights", Type: graph.StringParameter, Value: text}
}

func inJSON(tb testing.TB, v any) string {
	tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// What combiners make of the answers of three models is what NumPy and the voting
// classifier of scikit-learn make of them.
func TestCombinersAreRight(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), tools.Path(t, "crossed-servers"), "testdata/combine.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	var sets map[string]struct {
		Chances         [][][]float64
		Labels          [][]int
		Want            map[string]any
		Votes, Weighted []int
	}
	if err := json.Unmarshal(out, &sets); err != nil || len(sets) != 3 {
		t.Fatalf("there are %d sets of data: %v", len(sets), err)
	}
	for name, set := range sets {
		var chances, labels []string
		for i := range set.Chances {
			chances = append(chances, `{"data":{"ndarray":`+inJSON(t, set.Chances[i])+`}}`)
			labels = append(labels, `{"data":{"ndarray":`+inJSON(t, set.Labels[i])+`}}`)
		}
		if len(set.Want) != 6 {
			t.Errorf("%s: there are %d results", name, len(set.Want))
		}
		for implementation, want := range set.Want {
			var parameters []graph.Parameter
			if implementation == "WEIGHTED_COMBINER" || implementation == "VOTE_COMBINER" {
				parameters = append(parameters, weights("3, 1, 1.5"))
			}
			m, err := together(t, implementation, translate.SeldonJSON, chances, parameters...)
			if err != nil {
				t.Fatal(err)
			}
			same(t, name+" "+implementation, 1e-12, numbersOf(t, m.Body), flatten(want))
		}
		for given, want := range map[string][]int{"1,1,1": set.Votes, "3,1,1.5": set.Weighted} {
			m, err := together(t, "VOTE_COMBINER", translate.SeldonJSON, labels, weights(given))
			if body := inJSON(t, want); err != nil || !strings.Contains(string(m.Body), body) {
				t.Errorf("%s: votes of weight %s are %.200s, %v, want %.200s", name, given, m.Body, err, body)
			}
		}
	}
}

// numbersOf are the numbers of an ndarray.
func numbersOf(t *testing.T, body []byte) []float64 {
	t.Helper()
	var m struct{ Data struct{ Ndarray any } }
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("%.200s: %v", body, err)
	}
	return flatten(m.Data.Ndarray)
}

func flatten(v any) []float64 {
	switch v := v.(type) {
	case float64:
		return []float64{v}
	case []any:
		var all []float64
		for _, one := range v {
			all = append(all, flatten(one)...)
		}
		return all
	}
	return nil
}

func TestCombiners(t *testing.T) {
	labels := graph.Parameter{Name: "labels", Type: graph.BoolParameter, Value: "true"}
	for _, c := range []struct {
		implementation, a, b, want string
		parameters                 []graph.Parameter
	}{
		{"MAX_COMBINER", `[[1,5]]`, `[[3,2]]`, `[[3,5]]`, nil},
		{"MAX_COMBINER", `[[9007199254740993]]`, `[[9007199254740992]]`, `[[9007199254740993]]`, nil},
		{"MAX_COMBINER", `[[1,"NaN"]]`, `[["NaN",2]]`, `[["NaN","NaN"]]`, nil},
		{"MAX_COMBINER", `[[1,2.5]]`, `[[3,2]]`, `[[3.0,2.5]]`, nil},
		{"MEDIAN_COMBINER", `[[1,"NaN",1e308]]`, `[[4,2,1.5e308]]`, `[[2.5,"NaN",1.25e+308]]`, nil},
		{"WEIGHTED_COMBINER", `[[1,"NaN"]]`, `[[4,2]]`, `[[4.0,2.0]]`, []graph.Parameter{weights("0,1e308")}},
		{"WEIGHTED_COMBINER", `[[1]]`, `[[4]]`, `[[2.5]]`, []graph.Parameter{weights("1e308,1e308")}},
		{"VOTE_COMBINER", `["cat","dog"]`, `["dog","dog"]`, `["cat","dog"]`, nil},
		{"VOTE_COMBINER", `["cat","dog"]`, `["dog","dog"]`, `["dog","dog"]`, []graph.Parameter{weights("1,2")}},
		{"VOTE_COMBINER", `[[7],[8]]`, `[[9],[8]]`, `[[7],[8]]`, nil},
		{"VOTE_COMBINER", `[[0.5,0.5]]`, `[[0.1,0.9]]`, `[[0.5,0.5]]`, nil},
		{"VOTE_COMBINER", `[[3,1]]`, `[[2,5]]`, `[[2,1]]`, []graph.Parameter{labels}},
		{"VOTE_COMBINER", `[true,false]`, `[true,true]`, `[true,false]`, nil},
		{"STACK_COMBINER", `[1,2]`, `[3,4]`, `[[1,3],[2,4]]`, nil},
		{"STACK_COMBINER", `[[1,2]]`, `[[3,4.5]]`, `[[[1.0,2.0],[3.0,4.5]]]`, nil},
		{"STACK_COMBINER", `[]`, `[]`, `[]`, nil},
		{"STACK_COMBINER", `["a"]`, `["b"]`, `[["a","b"]]`, nil},
		{"CONCATENATE_COMBINER", `[[1],[2]]`, `[[3,4],[5,6]]`, `[[1,3,4],[2,5,6]]`, nil},
		{"CONCATENATE_COMBINER", `[["a"]]`, `[["b","c"]]`, `[["a","b","c"]]`, nil},
		{"CONCATENATE_COMBINER", `[[]]`, `[[1]]`, `[[1.0]]`, nil},
	} {
		m, err := together(t, c.implementation, translate.SeldonJSON,
			[]string{`{"data":{"ndarray":` + c.a + `}}`, `{"data":{"ndarray":` + c.b + `}}`}, c.parameters...)
		if err != nil || !strings.Contains(string(m.Body), `"ndarray":`+c.want+`}`) {
			t.Errorf("%s of %s and %s is %s, %v, want %s", c.implementation, c.a, c.b, m.Body, err, c.want)
		}
	}
}

// Of some of the children, weights are those of who answered.
func TestCombinersOfSome(t *testing.T) {
	for _, c := range []struct {
		implementation, want string
		parameters           []graph.Parameter
	}{
		{"WEIGHTED_COMBINER", `[[1.0,3.0]]`, []graph.Parameter{weights("1,4,3"), parameter("quorum", "2")}},
		{"VOTE_COMBINER", `[[0.25,0.75]]`, []graph.Parameter{weights("1,4,3"), parameter("quorum", "2")}},
		{"VOTE_COMBINER", `[[1,0]]`, []graph.Parameter{parameter("labels", "true"), parameter("quorum", "2")}},
		{"MEDIAN_COMBINER", `[[1.0,2.0]]`, []graph.Parameter{parameter("quorum", "2")}},
		{"AVERAGE_COMBINER", `[[1.0,2.0]]`, []graph.Parameter{parameter("quorum", "2")}},
		{"FIRST_COMBINER", `[[1,0]]`, nil},
	} {
		n, err := All().New(step(t, c.implementation, 3, c.parameters...), &World{})
		if err != nil {
			t.Fatal(err)
		}
		of := func(bodies ...string) (Message, error) {
			var all []message.Message
			for _, body := range bodies {
				all = append(all, message.Message{Body: []byte(`{"data":{"ndarray":` + body + `}}`), Answer: true, Meta: &message.Meta{}})
			}
			return n.(Combiner).Combine(t.Context(), NewMessages(all, translate.SeldonJSON, 0).From([]int{0, 2}))
		}
		if m, err := of(`[[1,0]]`, `[[1,4]]`); err != nil || !strings.Contains(string(m.Wire().Body), `"ndarray":`+c.want+`}`) {
			t.Errorf("%s %v: %s, %v, want %s", c.implementation, c.parameters, m.Wire().Body, err, c.want)
		}
		if _, err := of(`[[1,0]]`, `[[1]]`); c.implementation != "FIRST_COMBINER" && (err == nil || !strings.HasPrefix(err.Error(), "of the answers of the children [0 2]: ") || protocol.CodeOf(err) != protocol.BadAnswer) {
			t.Errorf("%s: error is %v", c.implementation, err)
		}
	}
}

func TestCombinersRefuse(t *testing.T) {
	for _, c := range []struct{ implementation, a, b, want string }{
		{"MAX_COMBINER", `[[1,2]]`, `[[1]]`, "child 1 answers the shape [1 1], child 0 [1 2]"},
		{"MAX_COMBINER", `["a"]`, `["b"]`, "child 0 answers BYTES, which are not numbers"},
		{"MEDIAN_COMBINER", `[1]`, `["b"]`, "child 1: BYTES are not numbers"},
		{"VOTE_COMBINER", `[[1,2]]`, `[[1,"NaN"]]`, "child 1: element [0][1]: NaN is no vote"},
		{"VOTE_COMBINER", `["NaN"]`, `[1]`, "child 0: element [0]: NaN is no vote"},
		{"VOTE_COMBINER", `["a"]`, `[1]`, "child 1 answers INT64, child 0 BYTES"},
		{"STACK_COMBINER", `[[1]]`, `[[1,2]]`, "child 1 answers the shape [1 2], child 0 [1 1]"},
		{"CONCATENATE_COMBINER", `[1]`, `[2]`, "child 0 answers the shape [1], which has too few dimensions"},
		{"CONCATENATE_COMBINER", `[[1]]`, `[[1],[2]]`, "child 1 answers the shape [2 1], child 0 [1 1]"},
		{"MAX_COMBINER", `[[9007199254740993]]`, `[[0.5]]`, "child 0: element [0][0]: 9007199254740993 has more digits than it can hold (FP64)"},
		{"STACK_COMBINER", `[[1]]`, `[[1,2],[3]]`, "child 1: "},
	} {
		_, err := together(t, c.implementation, translate.SeldonJSON, []string{`{"data":{"ndarray":` + c.a + `}}`, `{"data":{"ndarray":` + c.b + `}}`})
		if err == nil || !strings.Contains(err.Error(), c.want) || protocol.CodeOf(err) != protocol.BadAnswer {
			t.Errorf("%s of %s and %s: error is %v, want %s", c.implementation, c.a, c.b, err, c.want)
		}
	}
}

// Columns go by their names: those of one kind of answer are put in order, those
// that stand side by side keep theirs.
func TestCombinersKnowColumns(t *testing.T) {
	named := func(names, array string) string { return `{"data":{"names":` + names + `,"ndarray":` + array + `}}` }
	for _, c := range []struct{ implementation, a, b, want string }{
		{"MAX_COMBINER", named(`["x","y"]`, `[[1,2]]`), named(`["y","x"]`, `[[3,0]]`), named(`["x","y"]`, `[[1,3]]`)},
		{"CONCATENATE_COMBINER", named(`["x","y"]`, `[[1,2]]`), named(`["z"]`, `[[3]]`), named(`["x","y","z"]`, `[[1,2,3]]`)},
		{"CONCATENATE_COMBINER", named(`["x"]`, `[[1]]`), named(`["x"]`, `[[3]]`), named(`["t:0","t:1"]`, `[[1,3]]`)},
		{"CONCATENATE_COMBINER", named(`["x"]`, `[[1]]`), named(`[]`, `[[3]]`), named(`["t:0","t:1"]`, `[[1,3]]`)},
		{"STACK_COMBINER", named(`["x","y"]`, `[[1,2]]`), named(`["y","x"]`, `[[3,0]]`), named(`["t:0","t:1"]`, `[[[1,2],[0,3]]]`)},
	} {
		m, err := together(t, c.implementation, translate.SeldonJSON, []string{c.a, c.b})
		if err != nil || !strings.Contains(string(m.Body), strings.Trim(c.want, "{}")) {
			t.Errorf("%s of %s and %s is %s, %v, want %s", c.implementation, c.a, c.b, m.Body, err, c.want)
		}
	}
}

// Combiners answer in each form, and types stay what they are.
func TestCombinersInEveryForm(t *testing.T) {
	three := map[translate.Form][2]string{
		translate.SeldonJSON:     {`{"data":{"ndarray":[[1,2]]}}`, `{"data":{"ndarray":[[3,0]]}}`},
		translate.TensorFlowJSON: {`{"predictions":[[1,2]]}`, `{"predictions":[[3,0]]}`},
		translate.V2JSON: {`{"model_name":"m","outputs":[{"name":"y","datatype":"INT32","shape":[1,2],"data":[1,2]}]}`,
			`{"model_name":"n","outputs":[{"name":"z","datatype":"INT32","shape":[1,2],"data":[3,0]}]}`},
	}
	protos := map[translate.Form]translate.Form{
		translate.SeldonJSON: translate.SeldonProto, translate.TensorFlowJSON: translate.TensorFlowProto, translate.V2JSON: translate.V2Proto,
	}
	for form, answers := range three {
		bodies := answers[:]
		for _, to := range []translate.Form{form, protos[form]} {
			if to != form {
				for i, body := range bodies {
					binary, err := translate.Answer(form, to, []byte(body))
					if err != nil {
						t.Fatal(err)
					}
					bodies[i] = string(binary)
				}
			}
			for implementation, want := range map[string]string{"MAX_COMBINER": "[1 2] [3 2]", "CONCATENATE_COMBINER": "[1 4] [1 2 3 0]"} {
				m, err := together(t, implementation, to, bodies)
				if err != nil {
					t.Fatal(err)
				}
				o, err := translate.Open(to, m)
				if err != nil {
					t.Fatal(err)
				}
				values, err := o.Tensors[0].Float64s()
				if got := fmt.Sprint(o.Tensors[0].Shape, " ", values); err != nil || got != want {
					t.Errorf("%v %s: %s, %v, want %s", to, implementation, got, err, want)
				}
				if form == translate.V2JSON && o.Tensors[0].DType.String() != "INT32" {
					t.Errorf("%v %s: the type is %v", to, implementation, o.Tensors[0].DType)
				}
			}
		}
	}
}

// BenchmarkCombiner is the cost of answers of three children, 32 rows of 10 scores,
// with reading and writing them.
func BenchmarkCombiner(b *testing.B) {
	rows := strings.Repeat(`[0.1,0.2,0.3,0.05,0.05,0.1,0.1,0.05,0.03,0.02],`, 32)
	body := `{"data":{"ndarray":[` + strings.TrimSuffix(rows, ",") + `]}}`
	for _, implementation := range []string{"AVERAGE_COMBINER", "WEIGHTED_COMBINER", "MAX_COMBINER", "MEDIAN_COMBINER", "VOTE_COMBINER", "STACK_COMBINER", "CONCATENATE_COMBINER"} {
		b.Run(implementation, func(b *testing.B) {
			var parameters []graph.Parameter
			if implementation == "WEIGHTED_COMBINER" {
				parameters = append(parameters, weights("1,2,3"))
			}
			for b.Loop() {
				if _, err := together(b, implementation, translate.SeldonJSON, []string{body, body, body}, parameters...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
