package translate

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// exchangeCase is a request and its answer, each before and after translation.
type exchangeCase struct {
	name            string
	from, to        Form
	options         Options
	request, sent   string
	answer, replied string
}

func imageSpec() *Spec {
	return &Spec{
		Inputs:  []TensorSpec{{Name: "images", DType: tensor.FP32, Shape: []int64{-1, 2}}},
		Outputs: []TensorSpec{{Name: "scores", DType: tensor.FP32, Shape: []int64{-1, 2}}},
	}
}

func jsonCases() []exchangeCase {
	return []exchangeCase{
		{
			name: "seldon ndarray to TensorFlow and back", from: SeldonJSON, to: TensorFlowJSON,
			request: `{"meta":{"puid":"p1","tags":{"a":1},"routing":{"r":0}},"data":{"names":["x","y"],"ndarray":[[1.0, 2.5],[3,4]]}}`,
			sent:    `{"instances":[[1.0,2.5],[3,4]]}`,
			answer:  `{"predictions": [[0.1, 0.9], [0.25, 1e-9]]}`,
			replied: `{"data":{"names":["t:0","t:1"],"ndarray":[[0.1,0.9],[0.25,1e-9]]},"meta":{"puid":"p1","tags":{"a":1}}}`,
		},
		{
			name: "seldon tensor by the model's names", from: SeldonJSON, to: TensorFlowJSON,
			options: Options{Spec: imageSpec(), Signature: "predict_images"},
			request: `{"data":{"tensor":{"shape":[2,2],"values":[1,2,3,4]}}}`,
			sent:    `{"signature_name":"predict_images","inputs":{"images":[[1.0,2.0],[3.0,4.0]]}}`,
			answer:  `{"outputs": [[0.5, 0], [1, 0.125]]}`,
			replied: `{"data":{"names":["t:0","t:1"],"tensor":{"shape":[2,2],"values":[0.5,0.0,1.0,0.125]}},"meta":{}}`,
		},
		{
			name: "seldon tftensor", from: SeldonJSON, to: TensorFlowJSON, options: Options{Spec: imageSpec()},
			request: `{"data":{"tftensor":{"dtype":"DT_FLOAT","tensorShape":{"dim":[{"size":"1"},{"size":"2"}]},"floatVal":[0.1,-0]}}}`,
			sent:    `{"inputs":{"images":[[0.1,-0.0]]}}`,
			answer:  `{"outputs": [[0.5, 1.0]]}`,
			replied: `{"data":{"names":["t:0","t:1"],"tftensor":{"dtype":"DT_FLOAT","tensorShape":{"dim":[{"size":"1"},{"size":"2"}]},"tensorContent":"AAAAPwAAgD8="}},"meta":{}}`,
		},
		{
			name: "seldon strData and binData as strings", from: SeldonJSON, to: TensorFlowJSON,
			request: `{"strData":"gr\u00fc\u00df \"dich\""}`,
			sent:    `{"instances":["grüß \"dich\""]}`,
			answer:  `{"predictions":["ok"]}`,
			replied: `{"strData":"ok","meta":{}}`,
		},
		{
			name: "seldon binData as base64", from: SeldonJSON, to: TensorFlowJSON,
			request: `{"binData":"/9j/4A=="}`,
			sent:    `{"instances":[{"b64":"/9j/4A=="}]}`,
			answer:  `{"predictions":[[1,2]]}`,
			replied: `{"data":{"names":["t:0","t:1"],"tensor":{"shape":[1,2],"values":[1,2]}},"meta":{}}`,
		},
		{
			name: "seldon jsonData that is a TensorFlow request passes", from: SeldonJSON, to: TensorFlowJSON,
			request: `{"jsonData":{"instances": [{"a": 1}], "signature_name":"s"}}`,
			sent:    `{"instances": [{"a": 1}], "signature_name":"s"}`,
			answer:  `{"predictions": [{"b": 2}]}`,
			replied: `{"jsonData":{"predictions": [{"b": 2}]},"meta":{}}`,
		},
		{
			name: "seldon jsonData of another kind becomes instances", from: SeldonJSON, to: TensorFlowJSON,
			options: Options{Signature: "s"},
			request: `{"jsonData":[1,2]}`,
			sent:    `{"signature_name":"s","instances":[1,2]}`,
			answer:  `{"predictions":[3]}`,
			replied: `{"data":{"names":[],"tensor":{"shape":[1],"values":[3]}},"meta":{}}`,
		},
		{
			name: "several outputs become jsonData", from: SeldonJSON, to: TensorFlowJSON,
			request: `{"data":{"ndarray":[[1],[2]]}}`,
			sent:    `{"instances":[[1],[2]]}`,
			answer:  `{"predictions":[{"a":[1,2],"b":"x"},{"a":[3,4],"b":"y"}]}`,
			replied: `{"jsonData":{"a":[[1,2],[3,4]],"b":["x","y"]},"meta":{}}`,
		},
		{
			name: "one of several outputs", from: SeldonJSON, to: TensorFlowJSON, options: Options{Output: "a"},
			request: `{"data":{"ndarray":[[1],[2]]}}`,
			sent:    `{"instances":[[1],[2]]}`,
			answer:  `{"outputs":{"a":[[1.5],[2]],"b":["x","y"]}}`,
			replied: `{"data":{"names":["t:0"],"ndarray":[[1.5],[2]]},"meta":{}}`,
		},
		{
			name: "numbers that are not finite", from: SeldonJSON, to: TensorFlowJSON,
			request: `{"data":{"ndarray":[["NaN",1],["Infinity","-Infinity"]]}}`,
			sent:    `{"instances":[[NaN,1],[Infinity,-Infinity]]}`,
			answer:  `{"predictions":[[NaN,-Infinity]]}`,
			replied: `{"data":{"names":["t:0","t:1"],"ndarray":[["NaN","-Infinity"]]},"meta":{}}`,
		},
		{
			name: "seldon to v2", from: SeldonJSON, to: V2JSON, options: Options{Outputs: []string{"predict_proba"}},
			request: `{"meta":{"puid":"p"},"data":{"ndarray":[[5.1,3.5],[1,2]]}}`,
			sent:    `{"id":"p","inputs":[{"name":"input-0","shape":[2,2],"datatype":"FP64","data":[5.1,3.5,1.0,2.0]}],"outputs":[{"name":"predict_proba"}]}`,
			answer:  `{"model_name":"m","id":"x","outputs":[{"name":"predict_proba","shape":[2,1],"datatype":"FP64","data":[0.97,1]}]}`,
			replied: `{"data":{"names":["t:0"],"ndarray":[[0.97],[1.0]]},"meta":{"puid":"p"}}`,
		},
		{
			name: "named columns for a data frame", from: SeldonJSON, to: V2JSON, options: Options{Columns: true},
			request: `{"data":{"names":["a","b"],"ndarray":[[1,0.5],[2,3]]}}`,
			sent: `{"parameters":{"content_type":"pd"},"inputs":[{"name":"a","shape":[2,1],"datatype":"FP64","data":[1.0,2.0]},` +
				`{"name":"b","shape":[2,1],"datatype":"FP64","data":[0.5,3.0]}]}`,
			answer:  `{"outputs":[{"name":"o","shape":[2],"datatype":"INT64","data":[0,1]}]}`,
			replied: `{"data":{"names":[],"ndarray":[0,1]},"meta":{}}`,
		},
		{
			name: "large integers survive", from: SeldonJSON, to: V2JSON,
			request: `{"data":{"ndarray":[9007199254740993,9223372036854775807,-9223372036854775808]}}`,
			sent:    `{"inputs":[{"name":"input-0","shape":[3],"datatype":"INT64","data":[9007199254740993,9223372036854775807,-9223372036854775808]}]}`,
			answer:  `{"model_name":"m","outputs":[{"name":"o","shape":[1],"datatype":"UINT64","data":[18446744073709551615]}]}`,
			replied: `{"data":{"names":[],"ndarray":[18446744073709551615]},"meta":{}}`,
		},
		{
			name: "null is NaN in v2", from: SeldonJSON, to: V2JSON, options: Options{Input: "x"},
			request: `{"data":{"ndarray":[0.5,1.5]}}`,
			sent:    `{"inputs":[{"name":"x","shape":[2],"datatype":"FP64","data":[0.5,1.5]}]}`,
			answer:  `{"outputs":[{"name":"o","shape":[2],"datatype":"FP32","data":[null,0.1]}]}`,
			replied: `{"data":{"names":[],"ndarray":["NaN",0.1]},"meta":{}}`,
		},
		{
			name: "seldon strings to v2", from: SeldonJSON, to: V2JSON,
			request: `{"data":{"ndarray":["a","b"]}}`,
			sent:    `{"inputs":[{"name":"input-0","shape":[2],"datatype":"BYTES","data":["a","b"]}]}`,
			answer:  `{"outputs":[{"name":"o","shape":[2],"datatype":"BYTES","data":["c","d"]}]}`,
			replied: `{"data":{"names":[],"ndarray":["c","d"]},"meta":{}}`,
		},
		{
			name: "an empty tensor keeps its shape in v2", from: SeldonJSON, to: V2JSON,
			request: `{"data":{"tensor":{"shape":[0,3],"values":[]}}}`,
			sent:    `{"inputs":[{"name":"input-0","shape":[0,3],"datatype":"FP64","data":[]}]}`,
			answer:  `{"outputs":[{"name":"o","shape":[0,2],"datatype":"FP32","data":[]}]}`,
			replied: `{"data":{"names":["t:0","t:1"],"tensor":{"shape":[0,2],"values":[]}},"meta":{}}`,
		},
		{
			name: "jsonData that is a v2 request passes", from: SeldonJSON, to: V2JSON,
			request: `{"jsonData":{"inputs":[{"name":"x","shape":[1],"datatype":"INT32","data":[1]}]}}`,
			sent:    `{"inputs":[{"name":"x","shape":[1],"datatype":"INT32","data":[1]}]}`,
			answer:  `{"outputs":[]}`,
			replied: `{"jsonData":{"outputs":[]},"meta":{}}`,
		},
		{
			name: "jsonData by name becomes v2 inputs", from: SeldonJSON, to: V2JSON,
			request: `{"jsonData":{"a":[1,2],"b":["x"]}}`,
			sent:    `{"inputs":[{"name":"a","shape":[2],"datatype":"INT64","data":[1,2]},{"name":"b","shape":[1],"datatype":"BYTES","data":["x"]}]}`,
			answer:  `{"outputs":[{"name":"o","shape":[1],"datatype":"INT64","data":[1]}]}`,
			replied: `{"data":{"names":[],"tensor":{"shape":[1],"values":[1]}},"meta":{}}`,
		},
		{
			name: "TensorFlow rows to v2", from: TensorFlowJSON, to: V2JSON, options: Options{Model: "m", Spec: imageSpec()},
			request: `{"signature_name":"serving_default","instances":[[1,2],[3,4.5]]}`,
			sent:    `{"inputs":[{"name":"images","shape":[2,2],"datatype":"FP32","data":[1.0,2.0,3.0,4.5]}]}`,
			answer:  `{"model_name":"m","outputs":[{"name":"scores","shape":[2,2],"datatype":"FP32","data":[1,0.1,-0,2]}]}`,
			replied: `{"predictions":[[1.0,0.1],[-0.0,2.0]]}`,
		},
		{
			name: "TensorFlow columns to v2", from: TensorFlowJSON, to: V2JSON,
			request: `{"inputs":{"a":[[1],[2]],"b":[{"b64":"/w=="}],"c":7}}`,
			sent: `{"inputs":[{"name":"a","shape":[2,1],"datatype":"INT64","data":[1,2]},` +
				`{"name":"b","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":5}},` +
				`{"name":"c","shape":[],"datatype":"INT64","data":[7]}]}` + "\x01\x00\x00\x00\xff",
			answer:  `{"outputs":[{"name":"o_bytes","shape":[1],"datatype":"BYTES","data":["x"]}]}`,
			replied: `{"outputs":[{"b64":"eA=="}]}`,
		},
		{
			name: "TensorFlow to seldon", from: TensorFlowJSON, to: SeldonJSON,
			request: `{"instances":[[1,NaN]]}`,
			sent:    `{"data":{"names":[],"ndarray":[[1,NaN]]},"meta":{}}`,
			answer:  `{"data":{"names":["t:0"],"ndarray":[[0.5]]},"meta":{"tags":{"x":1}}}`,
			replied: `{"predictions":[[0.5]]}`,
		},
		{
			name: "v2 to TensorFlow", from: V2JSON, to: TensorFlowJSON, options: Options{Model: "m", Version: "3"},
			request: `{"id":"i","inputs":[{"name":"x","shape":[2,1],"datatype":"FP32","data":[[1],[0.1]]}],"outputs":[{"name":"p"}]}`,
			sent:    `{"inputs":{"x":[[1.0],[0.1]]}}`,
			answer:  `{"outputs":{"p":[[0.25]],"q":[1]}}`,
			replied: `{"model_name":"m","model_version":"3","id":"i","outputs":[{"name":"p","shape":[1,1],"datatype":"FP64","data":[0.25]}]}`,
		},
		{
			name: "v2 to seldon", from: V2JSON, to: SeldonJSON, options: Options{Model: "m"},
			request: `{"id":"i","inputs":[{"name":"x","shape":[2,1],"datatype":"INT8","data":[1,-2]}]}`,
			sent:    `{"data":{"names":[],"ndarray":[[1],[-2]]},"meta":{"puid":"i"}}`,
			answer:  `{"data":{"names":[],"tensor":{"shape":[1],"values":[1.5]}}}`,
			replied: `{"model_name":"m","id":"i","outputs":[{"name":"output-0","shape":[1],"datatype":"FP64","data":[1.5]}]}`,
		},
		{
			name: "several v2 inputs to seldon", from: V2JSON, to: SeldonJSON,
			request: `{"inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[1]},{"name":"y","shape":[1],"datatype":"BOOL","data":[true]}]}`,
			sent:    `{"jsonData":{"x":[1],"y":[true]},"meta":{}}`,
			answer:  `{"jsonData":{"a":[1],"b":["t"]}}`,
			replied: `{"model_name":"","outputs":[{"name":"a","shape":[1],"datatype":"INT64","data":[1]},{"name":"b","shape":[1],"datatype":"BYTES","data":["t"]}]}`,
		},
		{
			name: "a scalar to seldon", from: V2JSON, to: SeldonJSON,
			request: `{"inputs":[{"name":"x","shape":[],"datatype":"FP32","data":[2]}]}`,
			sent:    `{"data":{"names":[],"tensor":{"shape":[],"values":[2.0]}},"meta":{}}`,
			answer:  `{"strData":"s"}`,
			replied: `{"model_name":"","outputs":[{"name":"output-0","shape":[1],"datatype":"BYTES","data":["s"]}]}`,
		},
	}
}

func TestJSONExchanges(t *testing.T) {
	for _, c := range jsonCases() {
		t.Run(c.name, func(t *testing.T) {
			sent, x, err := Request(message.Message{Body: []byte(c.request)}, c.from, c.to, c.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.sent, string(sent.Body)); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			replied, err := x.Response(message.Message{Body: []byte(c.answer)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.replied, string(replied.Body)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRequestRefusals(t *testing.T) {
	two := &Spec{Inputs: []TensorSpec{{Name: "a", DType: tensor.FP32}, {Name: "b", DType: tensor.Int32}}}
	whole := &Spec{Inputs: []TensorSpec{{Name: "n", DType: tensor.Int32}}}
	cases := []struct {
		name     string
		from, to Form
		spec     *Spec
		request  string
		want     string
	}{
		{"no body", SeldonJSON, TensorFlowJSON, nil, ``,
			`node "n": cannot translate: the request has no body`},
		{"truncated", SeldonJSON, TensorFlowJSON, nil, `{"data":{"ndarray":[[1,2]`,
			`node "n": cannot translate: not a seldon message: the JSON ends too early`},
		{"ragged", SeldonJSON, TensorFlowJSON, nil, `{"data":{"ndarray":[[1,2],[3]]}}`,
			`node "n": cannot translate: data: element [1]: the arrays are ragged: 1 elements where others have 2`},
		{"mixed", SeldonJSON, V2JSON, nil, `{"data":{"ndarray":[[1,"a"]]}}`,
			`node "n": cannot translate: data: element [0][1]: a string where the first element is a number`},
		{"fraction", SeldonJSON, V2JSON, whole, `{"data":{"ndarray":[[1,1.5]]}}`,
			`node "n": cannot translate "n": element [0][1]: 1.5 is not a whole number (INT32)`},
		{"too many digits", SeldonJSON, V2JSON, imageSpec(), `{"data":{"ndarray":[16777217]}}`,
			`node "n": cannot translate "images": element [0]: 16777217 has more digits than it can hold (FP32)`},
		{"too large", SeldonJSON, V2JSON, nil, `{"data":{"ndarray":[1e400]}}`,
			`node "n": cannot translate "input-0": element [0]: 1e400 is out of range (FP64)`},
		{"shape", SeldonJSON, V2JSON, nil, `{"data":{"tensor":{"shape":[2,2],"values":[1,2,3]}}}`,
			`node "n": cannot translate: data: the shape [2 2] needs 4 elements, 3 came`},
		{"no data", SeldonJSON, V2JSON, nil, `{"meta":{}}`,
			`node "n": cannot translate: the message holds no data`},
		{"two kinds of data", SeldonJSON, V2JSON, nil, `{"strData":"","binData":""}`,
			`node "n": cannot translate: the message has both strData and binData`},
		{"customData", SeldonJSON, V2JSON, nil, `{"customData":{"@type":"x"}}`,
			`node "n": cannot translate: customData is known to the component alone`},
		{"free jsonData for v2", SeldonJSON, V2JSON, nil, `{"jsonData":{"a":{"b":1}}}`,
			`node "n": cannot translate "a": an object is no value of a tensor`},
		{"which input", SeldonJSON, TensorFlowJSON, two, `{"data":{"ndarray":[1]}}`,
			`node "n": cannot translate: the data has no name and the model takes several inputs: "a", "b"`},
		{"unknown input", V2JSON, TensorFlowJSON, two, `{"inputs":[{"name":"c","shape":[1],"datatype":"FP32","data":[1]}]}`,
			`node "n": cannot translate "c": the model has no such input; it takes "a", "b"`},
		{"signature", TensorFlowJSON, V2JSON, nil, `{"signature_name":"s","instances":[1]}`,
			`node "n": cannot translate: the model server's protocol has no signatures, and "s" is asked for`},
		{"v2 datatype", V2JSON, SeldonJSON, nil, `{"inputs":[{"name":"c","shape":[1],"datatype":"FP8","data":[1]}]}`,
			`node "n": cannot translate "c": unknown datatype "FP8"`},
		{"v2 count", V2JSON, SeldonJSON, nil, `{"inputs":[{"name":"c","shape":[3],"datatype":"FP32","data":[1]}]}`,
			`node "n": cannot translate "c": the shape [3] needs 3 elements, 1 came`},
		{"string for a number", V2JSON, TensorFlowJSON, whole, `{"inputs":[{"name":"n","shape":[1],"datatype":"BYTES","data":["1"]}]}`,
			`node "n": cannot translate "n": BYTES is not INT32`},
		{"array at the top", TensorFlowJSON, V2JSON, nil, `[1]`,
			`node "n": cannot translate: not a TensorFlow request: a JSON object is expected, not an array`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := Request(message.Message{Body: []byte(c.request)}, c.from, c.to, Options{Node: "n", Spec: c.spec})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error is %v, not an *Error", err)
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
