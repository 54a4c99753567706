package translate

import (
	"errors"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// bentoSchemaJSON is what a Bento tells of itself, as BentoML writes it.
const bentoSchemaJSON = `{"name":"Kinds","type":"service","routes":[
{"name":"predict","route":"/predict","batchable":false,
 "input":{"properties":{"x":{"title":"X","type":"tensor","format":"numpy-array","dtype":"float64","shape":[-1,2]}},"required":["x"],"title":"Input","type":"object"},
 "output":{"type":"tensor","format":"numpy-array"}},
{"name":"ages","route":"/by/age","batchable":false,
 "input":{"properties":{"people":{"title":"People","type":"dataframe","orient":"records"},"limit":{"default":3,"title":"Limit","type":"integer"}},"required":["people"],"title":"Input","type":"object"},
 "output":{"type":"dataframe","orient":"records"}},
{"name":"shout","route":"/shout","batchable":false,
 "input":{"properties":{"text":{"title":"Text","type":"string"},"times":{"anyOf":[{"type":"integer"},{"type":"null"}],"default":null}},"required":["text"],"title":"Input","type":"object"},
 "output":{"type":"string"}},
{"name":"sums","route":"/sums","batchable":false,
 "input":{"properties":{"a":{"items":{"type":"number"},"type":"array"},"b":{"items":{"type":"number"},"type":"array"},"sharp":{"default":false,"type":"boolean"}},"required":["a","b"],"title":"Input","type":"object"},
 "output":{"additionalProperties":{"type":"number"},"type":"object"}},
{"name":"columns","route":"/columns","batchable":false,
 "input":{"properties":{"frame":{"type":"dataframe","orient":"columns","columns":["a","b"]}},"required":["frame"],"title":"Input","type":"object"},
 "output":{"type":"dataframe","orient":"columns"}},
{"name":"look","route":"/look","batchable":false,
 "input":{"properties":{"picture":{"type":"file","format":"image"},"size":{"default":8,"type":"integer"}},"required":["picture"],"title":"Input","type":"object"},
 "output":{"type":"file","format":"binary"}},
{"name":"bare","route":"/bare","batchable":false,"input":{"type":"tensor","format":"numpy-array","root_input":true},"output":{"type":"integer"}},
{"name":"say","route":"/say","batchable":false,"input":{"type":"string","root_input":true},"output":{"type":"string"}}
]}`

// bentoOf is what is known of a route of it.
func bentoOf(t *testing.T, api string) Options {
	t.Helper()
	spec, err := ParseSpec(BentoJSON, []byte(bentoSchemaJSON), api)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Node: "n", Model: api, Spec: spec}
}

func TestBento(t *testing.T) {
	for _, c := range []struct {
		name, api       string
		from            Form
		request, sent   string
		answer, replied string
	}{
		{"an array without a name", "predict", SeldonJSON, `{"data":{"ndarray":[[1,2.5],[3,"NaN"]]}}`, `{"x":[[1.0,2.5],[3.0,NaN]]}`,
			`[3, 7]`, `{"data":{"names":[],"ndarray":[3,7]},"meta":{}}`},
		{"a tensor", "predict", SeldonJSON, `{"data":{"tensor":{"shape":[1,2],"values":[1,2]}}}`, `{"x":[[1.0,2.0]]}`,
			`[[0.5,0.25]]`, `{"data":{"names":["t:0","t:1"],"tensor":{"shape":[1,2],"values":[0.5,0.25]}},"meta":{}}`},
		{"instances", "predict", TensorFlowJSON, `{"instances":[[1,2],[3,4]]}`, `{"x":[[1.0,2.0],[3.0,4.0]]}`, `[3,7]`, `{"predictions":[3,7]}`},
		{"an input by name", "predict", V2JSON, `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}]}`, `{"x":[[1.0,2.0]]}`,
			`[3]`, `{"model_name":"predict","outputs":[{"name":"output-0","shape":[1],"datatype":"INT64","data":[3]}]}`},
		{"jsonData by name", "predict", SeldonJSON, `{"jsonData":{"x":[[1,2]]}}`, `{"x":[[1.0,2.0]]}`,
			`[3]`, `{"data":{"names":[],"tensor":{"shape":[1],"values":[3]}},"meta":{}}`},
		{"records", "ages", SeldonJSON, `{"jsonData":[{"age":41,"city":"Rome"},{"age":null,"city":"Oslo"}]}`,
			`{"people":[{"age":41,"city":"Rome"},{"age":null,"city":"Oslo"}]}`,
			`[{"age":41,"old":true},{"age":7,"old":false}]`, `{"data":{"names":["age","old"],"ndarray":[[41,true],[7,false]]},"meta":{}}`},
		{"a table by the names of its columns, and a default", "ages", SeldonJSON, `{"data":{"names":["age","height"],"ndarray":[[41,1.5]]}}`,
			`{"people":[{"age":41,"height":1.5}]}`, `[{"age":41}]`, `{"data":{"names":["age"],"ndarray":[[41]]},"meta":{}}`},
		{"rows of a table beside a parameter", "ages", V2JSON,
			`{"inputs":[{"name":"age","datatype":"INT64","shape":[2,1],"data":[41,7]},{"name":"city","datatype":"BYTES","shape":[2,1],"data":["Rome","Oslo"]},` +
				`{"name":"limit","datatype":"INT64","shape":[1],"data":[1]}]}`,
			`{"limit":1,"people":[{"age":41,"city":"Rome"},{"age":7,"city":"Oslo"}]}`, `[{"age":41}]`,
			`{"model_name":"ages","outputs":[{"name":"age","shape":[1,1],"datatype":"INT64","data":[41]}]}`},
		{"instances that are rows of a table", "ages", TensorFlowJSON, `{"instances":[{"age":41,"city":"Rome"}]}`, `{"people":[{"age":41,"city":"Rome"}]}`,
			`[{"age":41}]`, `{"predictions":[41]}`},
		{"lists by the names of columns", "columns", SeldonJSON, `{"data":{"ndarray":[[1,2],[3,4]]}}`, `{"frame":{"a":[1,3],"b":[2,4]}}`,
			`{"a":[1,3],"b":[2,4]}`, `{"data":{"names":["a","b"],"ndarray":[[1,2],[3,4]]},"meta":{}}`},
		{"text", "shout", SeldonJSON, `{"strData":"gr\u00fc\u00df"}`, `{"text":"grüß"}`, "text/plain:GRÜSS", `{"strData":"GRÜSS","meta":{}}`},
		{"text and a number", "shout", V2JSON,
			`{"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":["a"]},{"name":"times","datatype":"INT32","shape":[1],"data":[2]}]}`,
			`{"text":"a","times":2}`, "text/plain:AA", `{"model_name":"shout","outputs":[{"name":"output-0","shape":[1],"datatype":"BYTES","data":["AA"]}]}`},
		{"several lists, and an object back", "sums", SeldonJSON, `{"jsonData":{"a":[1],"b":[2],"sharp":true}}`, `{"a":[1.0],"b":[2.0],"sharp":true}`,
			`{"sum": 3}`, `{"jsonData":{"sum": 3},"meta":{}}`},
		{"an object back, as outputs", "sums", TensorFlowJSON, `{"inputs":{"a":[1],"b":[2]}}`, `{"a":[1.0],"b":[2.0]}`,
			`{"sum": 3, "difference": -1}`, `{"outputs":{"sum":3,"difference":-1}}`},
		{"the body alone", "bare", SeldonJSON, `{"data":{"ndarray":[[1],[2]]}}`, `[[1],[2]]`, `3`, `{"data":{"names":[],"ndarray":[3]},"meta":{}}`},
		{"text that is the body alone", "say", SeldonJSON, `{"strData":"\"hi\""}`, `"hi"`, "text/plain:hi", `{"strData":"hi","meta":{}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			sent, x, err := Request(jsonPayload([]byte(c.request)), c.from, BentoJSON, bentoOf(t, c.api))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.sent, string(sent.Body)); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
			answer := jsonPayload([]byte(c.answer))
			if text, ok := strings.CutPrefix(c.answer, "text/plain:"); ok {
				answer = message.Message{Body: []byte(text), Type: "text/plain; charset=utf-8"}
			}
			replied, err := x.Response(answer)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.replied, string(replied.Body)); diff != "" {
				t.Errorf("replied (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBentoRefuses(t *testing.T) {
	for _, c := range []struct {
		api, request, tensor, reason string
		from                         Form
	}{
		{"predict", `{"data":{"ndarray":[[1,2,3]]}}`, "x", "the data has the shape [1 3], and the parameter takes [-1 2]", SeldonJSON},
		{"predict", `{"data":{"ndarray":[["a","b"]]}}`, "x", "BYTES is not FP64", SeldonJSON},
		{"predict", `{"inputs":[{"name":"y","datatype":"FP32","shape":[1,2],"data":[1,2]}]}`, "y", `the route /predict has no such parameter; it takes "x"`, V2JSON},
		{"predict", `{"jsonData":{"x":[[1,2]],"z":1}}`, "z", `the route /predict has no such parameter; it takes "x"`, SeldonJSON},
		{"sums", `{"data":{"ndarray":[1,2]}}`, "", `the data has no name and the route /sums takes several parameters: "a", "b", "sharp"`, SeldonJSON},
		{"sums", `{"inputs":{"a":[1]}}`, "b", "the route /sums wants this parameter, and the request does not bring it", TensorFlowJSON},
		{"sums", `{"jsonData":{"a":[1]}}`, "b", "the route /sums wants this parameter, and the request does not bring it", SeldonJSON},
		{"shout", `{"data":{"ndarray":["a","b"]}}`, "text", "the parameter is one text, and the request brings 2 of them", SeldonJSON},
		{"shout", `{"binData":"/9j/4A=="}`, "text", "the bytes are not UTF-8, and the parameter takes text", SeldonJSON},
		{"shout", `{"inputs":{"text":"a","times":[1.5]}}`, "times", "element [0]: 1.5 is not a whole number (INT64)", TensorFlowJSON},
		{"ages", `{"data":{"ndarray":[[41,"Rome"]]}}`, "people", "the columns of the table have no names; name them in data.names, or send jsonData", SeldonJSON},
	} {
		_, _, err := Request(jsonPayload([]byte(c.request)), c.from, BentoJSON, bentoOf(t, c.api))
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Tensor != c.tensor || refusal.Reason != c.reason || refusal.Node != "n" {
			t.Errorf("%s with %s: %v, want %q: %s", c.api, c.request, err, c.tensor, c.reason)
		}
	}
}

// A file and what goes with it are a form.
func TestBentoForm(t *testing.T) {
	sent, x, err := Request(jsonPayload([]byte(`{"inputs":{"picture":{"b64":"/9j/4A=="},"size":[4]}}`)), TensorFlowJSON, BentoJSON, bentoOf(t, "look"))
	if err != nil {
		t.Fatal(err)
	}
	kind, parameters, err := mime.ParseMediaType(sent.Type)
	if err != nil || kind != "multipart/form-data" {
		t.Fatalf("the type is %q: %v", sent.Type, err)
	}
	form, err := multipart.NewReader(strings.NewReader(string(sent.Body)), parameters["boundary"]).ReadForm(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if got := form.Value["size"]; len(got) != 1 || got[0] != "4" {
		t.Errorf("size is %q", got)
	}
	files := form.File["picture"]
	if len(files) != 1 || files[0].Size != 4 {
		t.Fatalf("the files are %v", form.File)
	}
	replied, err := x.Response(message.Message{Body: []byte{0xff, 0}, Type: "application/octet-stream"})
	if err != nil || string(replied.Body) != `{"outputs":[{"b64":"/wA="}]}` {
		t.Errorf("replied %s, %v", replied.Body, err)
	}
}

func TestBentoSpec(t *testing.T) {
	for _, c := range []struct {
		schema, api, path, err string
		inputs                 []TensorSpec
	}{
		{bentoSchemaJSON, "ages", "/by/age", "", []TensorSpec{{Name: "people"}, {Name: "limit", DType: tensor.Int64, Shape: []int64{}}}},
		{bentoSchemaJSON, "/by/age", "/by/age", "", []TensorSpec{{Name: "people"}, {Name: "limit", DType: tensor.Int64, Shape: []int64{}}}},
		{`{"routes":[{"name":"only","route":"/only","input":{"properties":{"x":{"type":"tensor"}},"required":["x"]},"output":{}}]}`, "", "/only", "", []TensorSpec{{Name: "x"}}},
		{bentoSchemaJSON, "", "", `cannot translate: the Bento has the routes ages, bare, columns, look, predict, say, shout or sums: give the node the parameter {name: api_name, type: STRING, value: ages}, or another of them`, nil},
		{`{"routes":[{"name":"only","route":"/only"}]}`, "other", "", `cannot translate: the Bento has no route "other", which the node's parameter api_name names; use only`, nil},
		{`<html>`, "", "", "cannot translate: reading schema.json of the Bento: invalid character '<' looking for beginning of value", nil},
	} {
		spec, err := ParseSpec(BentoJSON, []byte(c.schema), c.api)
		if err != nil || c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%q: %v, want %s", c.api, err, c.err)
			}
			continue
		}
		if diff := cmp.Diff(c.inputs, spec.Inputs); diff != "" || spec.Route.Path != c.path {
			t.Errorf("%q: path %s, inputs (-want +got):\n%s", c.api, spec.Route.Path, diff)
		}
	}
}
