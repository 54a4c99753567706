package openapi

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/executor/tensor"
)

// TestWhatServersDoNotTellIsReadFromFiles: MLServer answers that a model of
// scikit-learn has no inputs.
func TestWhatServersDoNotTellIsReadFromFiles(t *testing.T) {
	const (
		numbers = `{"inputs":[{"datatype":"FP64","shape":[-1,2],"columns":["age","income"],"row":[41,0.5]}]}`
		frame   = `{"inputs":[{"datatype":"BYTES","shape":[-1,2],"columns":["age","city"],"row":[41,"rome"],"frame":true}]}`
		texts   = `{"inputs":[{"datatype":"BYTES","shape":[-1],"row":["text"]}]}`
	)
	for _, c := range []struct{ name, outside, hint, request, grpc string }{
		{"numbers to seldon", "seldon", numbers, `{"data":{"names":["age","income"],"ndarray":[[41,0.5]]}}`, `{"data":{"names":["age","income"],"ndarray":[[41,0.5]]}}`},
		{"numbers to tensorflow", "tensorflow", numbers, `{"instances":[[41,0.5]]}`,
			`{"model_spec":{"name":"classifier"},"inputs":{"input-0":{"dtype":"DT_DOUBLE","tensor_shape":{"dim":[{"size":1},{"size":2}]},"double_val":[41,0.5]}}}`},
		{"numbers to v2", "v2", numbers, `{"inputs":[{"name":"input-0","shape":[1,2],"datatype":"FP64","data":[41,0.5]}]}`,
			`{"model_name":"classifier","inputs":[{"name":"input-0","datatype":"FP64","shape":[1,2],"contents":{"fp64_contents":[41,0.5]}}]}`},
		{"a frame to seldon", "seldon", frame, `{"jsonData":[{"age":41,"city":"rome"}]}`, `{"jsonData":[{"age":41,"city":"rome"}]}`},
		{"a frame to tensorflow", "tensorflow", frame, `{"instances":[{"age":41,"city":"rome"}]}`, ""},
		{"a frame to v2", "v2", frame,
			`{"parameters":{"content_type":"pd"},"inputs":[{"name":"age","shape":[1],"datatype":"FP64","data":[41]},{"name":"city","shape":[1],"datatype":"BYTES","parameters":{"content_type":"str"},"data":["rome"]}]}`,
			`{"model_name":"classifier","parameters":{"content_type":{"string_param":"pd"}},"inputs":[` +
				`{"name":"age","datatype":"FP64","shape":[1],"contents":{"fp64_contents":[41]}},{"name":"city","datatype":"BYTES","shape":[1],"parameters":{"content_type":{"string_param":"str"}},"contents":{"bytes_contents":["cm9tZQ=="]}}]}`},
		{"texts to seldon", "seldon", texts, `{"data":{"ndarray":["text"]}}`, `{"data":{"ndarray":["text"]}}`},
		{"texts to v2", "v2", texts, `{"inputs":[{"name":"input-0","shape":[1],"datatype":"BYTES","parameters":{"content_type":"str"},"data":["text"]}]}`,
			`{"model_name":"classifier","inputs":[{"name":"input-0","datatype":"BYTES","shape":[1],"parameters":{"content_type":{"string_param":"str"}},"contents":{"bytes_contents":["dGV4dA=="]}}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := oneNode(t, c.outside, "v2", Signature{})
			Hints{Files: fstest.MapFS{"classifier.json": {Data: []byte(c.hint)}}}.add(g)
			call := callOf(t, g)
			if !call.Known || string(call.Request) != c.request || string(call.GRPC.Request) != c.grpc {
				t.Errorf("known %v\n%s\nwant\n%s\nover gRPC\n%s\nwant\n%s", call.Known, call.Request, c.request, call.GRPC.Request, c.grpc)
			}
		})
	}
}

func TestAGivenRequestComesFirst(t *testing.T) {
	g := oneNode(t, "seldon", "seldon")
	Hints{Files: fstest.MapFS{"request.json": {Data: []byte("{\"strData\":\n\"hello\"}\n")}, "classifier.json": {Data: []byte("broken")}}}.add(g)
	call := callOf(t, g)
	if diff := cmp.Diff(`{"strData":"hello"}`, string(call.Request)); diff != "" || !call.Known {
		t.Errorf("known %v (-want +got):\n%s", call.Known, diff)
	}
	examples := parse(t, New(names, g, "../..")).Components.Examples
	if _, shown := examples["request"]; !shown {
		t.Errorf("the page has %v", examples)
	}
}

func TestAServerKnowsBestWhatItTakes(t *testing.T) {
	g := oneNode(t, "seldon", "tensorflow", Signature{Inputs: []Tensor{of("image", tensor.FP32, -1, 2)}})
	Hints{Files: fstest.MapFS{"classifier.json": {Data: []byte(`{"inputs":[{"datatype":"FP64","shape":[-1,9]}]}`)}}}.add(g)
	if got := string(callOf(t, g).Request); got != `{"data":{"ndarray":[[0.5,0.5]]}}` {
		t.Errorf("the request is %s", got)
	}
	if callOf(t, oneNode(t, "seldon", "seldon")).Known {
		t.Error("a request for any model passes for one of this model")
	}
}

type calling struct {
	Known   bool
	Path    string
	Request json.RawMessage
	GRPC    struct {
		Method  string
		Request json.RawMessage
	}
}

// callOf is what the document of g says in x-call, in one line.
func callOf(t *testing.T, g *Graph) calling {
	t.Helper()
	var d struct {
		Call calling `json:"x-call"`
	}
	if err := json.Unmarshal(New(names, g, "../..").JSON(), &d); err != nil {
		t.Fatal(err)
	}
	return d.Call
}

// Where a deployment has several predictors, who tries it out chooses one.
func TestAPredictorIsChosen(t *testing.T) {
	g := oneNode(t, "seldon", "seldon")
	const name, choice = `"Seldon-Predictor"`, `"main",`
	if text := string(New(Names{Deployment: "d"}, g, "..").JSON()); strings.Contains(text, name) {
		t.Errorf("a predictor that is not known is to be chosen:\n%s", text)
	}
	g.Shares = []Share{{Name: "main", Percent: 90}, {Name: "canary", Percent: 10}}
	text := string(New(Names{Deployment: "d"}, g, "..").JSON())
	if !strings.Contains(text, name) || !strings.Contains(text, choice) || strings.Count(text, "#/components/parameters/Predictor") < 2 {
		t.Errorf("no choice of a predictor in\n%s", text)
	}
}
