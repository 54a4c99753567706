package openapi

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
)

// of makes a tensor.
func of(name string, d tensor.DType, shape ...int64) Tensor {
	return Tensor{TensorSpec: translate.TensorSpec{Name: name, DType: d, Shape: shape}}
}

// oneNode is a graph of a server that takes and gives these tensors.
func oneNode(t *testing.T, outside, speaks string, s ...Signature) *Graph {
	t.Helper()
	p, err := protocol.Lookup(outside)
	if err != nil {
		t.Fatal(err)
	}
	repository := []protocol.Action{protocol.RepositoryIndex, protocol.RepositoryLoad, protocol.RepositoryUnload}
	return &Graph{Protocol: p, Repository: repository, Nodes: []Node{{
		Name: "classifier", Type: "MODEL", Speaks: speaks, Foreign: speaks != outside, Asked: true, Answered: true, Signatures: s,
	}}}
}

var names = Names{Deployment: "digits", Namespace: "models", Predictor: "main"}

// parsed is a document as a client reads it.
type parsed struct {
	Paths      map[string]map[string]any
	Components struct {
		Examples map[string]struct{ Value json.RawMessage }
	}
}

func parse(t *testing.T, d Document) parsed {
	t.Helper()
	var p parsed
	if err := json.Unmarshal(d.JSON(), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryOperationIsDescribed(t *testing.T) {
	for _, p := range protocol.All() {
		d := parse(t, New(names, oneNode(t, p.Name, p.Name), "../.."))
		served := protocol.NewOperations(p)
		described := map[string]bool{}
		for path, methods := range d.Paths {
			for method := range methods {
				m, found, _ := served.Find(strings.ToUpper(method), strings.NewReplacer("{model}", "m", "{version}", "1", "{number}", "1", "{label}", "stable").Replace(path))
				if !found {
					t.Errorf("%s: %s %s is described and not served", p.Name, method, path)
					continue
				}
				described[m.Operation.Method+" "+m.Operation.Path] = true
			}
		}
		for _, r := range p.Served() {
			if r.Action != protocol.Docs && !described[r.Method+" "+r.Path] {
				t.Errorf("%s: %s %s is served and not described", p.Name, r.Method, r.Path)
			}
		}
	}
}

// TestOperationsThatAreRefused are not described.
func TestOperationsThatAreRefused(t *testing.T) {
	for allowed, want := range map[int]string{0: "", 1: "/v2/repository/index", 3: "/v2/repository/index /v2/repository/models/classifier/load /v2/repository/models/classifier/unload"} {
		g := oneNode(t, "v2", "v2")
		g.Repository = g.Repository[:allowed]
		var got []string
		for path := range parse(t, New(names, g, "../..")).Paths {
			if strings.Contains(path, "/repository/") {
				got = append(got, path)
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%d are allowed, and described are %v", allowed, got)
		}
	}
}

func TestYAMLSaysTheSameAsJSON(t *testing.T) {
	for _, p := range protocol.All() {
		g := oneNode(t, p.Name, "v2", Signature{Inputs: []Tensor{of("a: {b}", tensor.FP32, -1, 3)}, Outputs: []Tensor{of("true", tensor.Bytes, -1)}})
		d := New(Names{Deployment: `q"uote`, Namespace: "no", Predictor: "<main>"}, g, "../..")
		var want, got any
		if err := json.Unmarshal(d.JSON(), &want); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(d.YAML(), &got); err != nil {
			t.Fatalf("%v in\n%s", err, d.YAML())
		}
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var again any
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, again); diff != "" {
			t.Errorf("%s (-JSON +YAML):\n%s", p.Name, diff)
		}
	}
}

func TestExamples(t *testing.T) {
	picture := []Tensor{of("image", tensor.FP32, -1, 2, 1)}
	two := []Tensor{of("a", tensor.Int64, -1), of("b", tensor.Bytes, -1, 2)}
	component := of("", tensor.Number, -1, 2)
	component.Message, component.Columns = "tensor", []string{"x", "y"}
	form := Tensor{Message: "jsonData", Schema: json.RawMessage(`{"type":"object","properties":{"n":{"type":"integer"},"s":{"type":"array","items":{"enum":["red"]}}}}`)}
	for _, c := range []struct {
		name, outside, speaks string
		inputs                []Tensor
		want                  map[string]string
	}{
		{"seldon for TensorFlow", "seldon", "tensorflow", picture, map[string]string{
			"ndarray":  `{"data":{"ndarray":[[[0.5],[0.5]]]}}`,
			"tensor":   `{"data":{"tensor":{"shape":[1,2,1],"values":[0.5,0.5]}}}`,
			"jsonData": `{"jsonData":{"image":[[[0.5],[0.5]]]}}`,
		}},
		{"seldon for several inputs", "seldon", "v2", two, map[string]string{"jsonData": `{"jsonData":{"a":[1],"b":[["text","text"]]}}`}},
		{"seldon for text", "seldon", "tensorflow", []Tensor{of("s", tensor.Bytes, -1)}, map[string]string{
			"ndarray": `{"data":{"ndarray":["text"]}}`, "jsonData": `{"jsonData":{"s":["text"]}}`, "strData": `{"strData":"text"}`,
		}},
		{"seldon for a scalar", "seldon", "tensorflow", []Tensor{of("s", tensor.FP32, []int64{}...)}, nil},
		{"component with columns", "seldon", "seldon", []Tensor{component}, map[string]string{
			"tensor":  `{"data":{"names":["x","y"],"tensor":{"shape":[1,2],"values":[1,1]}}}`,
			"ndarray": `{"data":{"names":["x","y"],"ndarray":[[1,1]]}}`,
		}},
		{"component with JSON", "seldon", "seldon", []Tensor{form}, map[string]string{"jsonData": `{"jsonData":{"n":1,"s":["red"]}}`}},
		{"tensorflow", "tensorflow", "tensorflow", picture, map[string]string{
			"instances": `{"instances":[[[0.5],[0.5]]]}`, "inputs": `{"inputs":[[[0.5],[0.5]]]}`,
		}},
		{"tensorflow for several inputs", "tensorflow", "tensorflow", two, map[string]string{
			"instances": `{"instances":[{"a":1,"b":["text","text"]}]}`, "inputs": `{"inputs":{"a":[1],"b":[["text","text"]]}}`,
		}},
		{"tensorflow without a batch", "tensorflow", "tensorflow", []Tensor{of("x_bytes", tensor.Bytes, 2)}, map[string]string{
			"inputs": `{"inputs":[{"b64":"dGV4dA=="},{"b64":"dGV4dA=="}]}`,
		}},
		{"v2", "v2", "tensorflow", two, map[string]string{
			"inputs": `{"inputs":[{"name":"a","shape":[1],"datatype":"INT64","data":[1]},{"name":"b","shape":[1,2],"datatype":"BYTES","data":["text","text"]}]}`,
		}},
		{"v2, a picture", "v2", "v2", []Tensor{of("p", tensor.Uint8, -1, 64, 65)}, map[string]string{
			"inputs": `{"inputs":[{"name":"p","shape":[1,64,65],"datatype":"UINT8","data":[` + strings.TrimSuffix(strings.Repeat("0,", 64*65), ",") + `]}]}`,
		}},
		{"v2, too large", "v2", "v2", []Tensor{of("p", tensor.Uint8, -1, 1<<20, 1<<40, 1<<20)}, map[string]string{
			"inputs": `{"inputs":[{"name":"p","shape":[1,2,2,2],"datatype":"UINT8","data":[1,1,1,1,1,1,1,1]}]}`,
		}},
		{"nothing known", "seldon", "v2", nil, map[string]string{"ndarray": string(seldonGeneral)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := parse(t, New(names, oneNode(t, c.outside, c.speaks, Signature{Inputs: c.inputs}), "../.."))
			got := map[string]string{}
			for name, e := range d.Components.Examples {
				if !strings.HasPrefix(name, "answer-") {
					got[name] = string(e.Value)
				}
			}
			if c.want == nil {
				c.want = map[string]string{"tensor": `{"data":{"tensor":{"shape":[],"values":[0.5]}}}`, "jsonData": `{"jsonData":{"s":0.5}}`}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Paths that name a version by its number are not served by a model whose versions
// are names.
func TestVersionsOfPaths(t *testing.T) {
	for _, c := range []struct {
		name, outside string
		versions      []string
		want          string
	}{
		{"a name where numbers are asked for", "tensorflow", []string{"v1"}, ""},
		{"a number among names", "tensorflow", []string{"v1", "7"}, "7"},
		{"nothing known", "tensorflow", nil, "1"},
		{"a name where any version may be", "v2", []string{"v1"}, "v1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := oneNode(t, c.outside, "v2")
			g.Nodes[0].Versions = c.versions
			got := ""
			for path, methods := range parse(t, New(names, g, "../..")).Paths {
				if !strings.Contains(path, "/versions/{version}") {
					continue
				}
				for method, operation := range methods {
					first := operation.(map[string]any)["parameters"].([]any)[0].(map[string]any)
					if first["name"] != "version" || got != "" && first["example"] != got {
						t.Errorf("%s %s: the parameter is %v, others have the example %q", method, path, first, got)
					}
					got, _ = first["example"].(string)
				}
			}
			if got != c.want {
				t.Errorf("the version of paths is %q, want %q", got, c.want)
			}
		})
	}
}

// A column may come bare where the executor writes the server's message, with null for
// what is missing, and in another type of numbers.
func TestSchemasOfColumns(t *testing.T) {
	column := []Signature{{Inputs: []Tensor{of("age", tensor.FP32, -1, 1), of("city", tensor.Bytes, -1, 1)}}}
	number, one := `{"format":"float","nullable":true,"type":"number"}`, `"maxItems":1,"minItems":1,"type":"array"`
	for _, c := range []struct{ outside, speaks, schema, want string }{
		{"tensorflow", "v2", "properties.instances.items.properties.age.anyOf", `[{"items":` + number + `,` + one + `},` + number + `]`},
		{"tensorflow", "tensorflow", "properties.instances.items.properties.age.items", `{"format":"float","type":"number"}`},
		{"v2", "v2", "properties.inputs.items.anyOf.0.properties.datatype.enum",
			`["FP32","UINT8","UINT16","UINT32","UINT64","INT8","INT16","INT32","INT64","FP16","BF16","FP64"]`},
		{"v2", "v2", "properties.inputs.items.anyOf.1.properties.datatype.enum", `["BYTES"]`},
	} {
		var document struct {
			Components struct{ Schemas struct{ Request any } }
		}
		if err := json.Unmarshal(New(names, oneNode(t, c.outside, c.speaks, column...), "../..").JSON(), &document); err != nil {
			t.Fatal(err)
		}
		at := document.Components.Schemas.Request
		for step := range strings.SplitSeq(c.schema, ".") {
			if all, ok := at.([]any); ok {
				at = all[step[0]-'0']
			} else {
				at = at.(map[string]any)[step]
			}
		}
		if got, err := json.Marshal(at); err != nil || string(got) != c.want {
			t.Errorf("%s for %s: %s is\n%s, want\n%s", c.outside, c.speaks, c.schema, got, c.want)
		}
	}
}
