package translate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

func TestChainJSON(t *testing.T) {
	cases := []struct {
		form     Form
		in, want string
	}{
		{SeldonJSON, `not read at all`, `not read at all`},
		{TensorFlowJSON, `{"instances": [1]}`, `{"instances": [1]}`},
		{TensorFlowJSON, `{"inputs": {"a":[1]}, "predictions": 1}`, `{"inputs": {"a":[1]}, "predictions": 1}`},
		{TensorFlowJSON, ` { "predictions" : [9007199254740993, 1.50, NaN] } `, ` { "instances" : [9007199254740993, 1.50, NaN] } `},
		{TensorFlowJSON, `{"outputs":{"y":"a<b>&"},"z":1}`, `{"inputs":{"y":"a<b>&"},"z":1}`},
		{TensorFlowJSON, `{"\u0070redictions":[1]}`, `{"instances":[1]}`},
		{V2JSON, `{"inputs":[],"outputs":[]}`, `{"inputs":[],"outputs":[]}`},
		{V2JSON, `{"model_name":"m","id":"1","parameters":{"a":1},"outputs":[{"data":[18446744073709551615]}]}`,
			`{"model_name":"m","id":"1","parameters":{"a":1},"inputs":[{"data":[18446744073709551615]}]}`},
		{TensorFlowJSON, `{}`, `error: neither predictions nor outputs`},
		{TensorFlowJSON, `[1]`, `error: an array`},
		{TensorFlowJSON, `{"error":"e"}`, `error: neither predictions nor outputs`},
		{V2JSON, `{}`, `error: no outputs`},
		{V2JSON, `{"outputs":[1`, `error: ends too early`},
	}
	for _, c := range cases {
		got, err := Chain(c.form, message.Message{Body: []byte(c.in), Type: "t"}, "m")
		if want, isError := strings.CutPrefix(c.want, "error: "); isError {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %s", c.in, err, want)
			}
			continue
		}
		if err != nil || string(got.Body) != c.want || got.Type != "t" {
			t.Errorf("%s: %s, %v, want %s", c.in, got.Body, err, c.want)
		}
	}
	head := `{"outputs":[{"name":"a","datatype":"UINT8","shape":[1],"parameters":{"binary_data_size":1}}]}`
	got, err := Chain(V2JSON, message.Message{Body: []byte(head + "\xff"), JSONLength: len(head)}, "m")
	want := strings.Replace(head, "outputs", "inputs", 1)
	if err != nil || string(got.Body) != want+"\xff" || got.JSONLength != len(want) {
		t.Errorf("binary: %q, %d, %v", got.Body, got.JSONLength, err)
	}
}

func TestChainProto(t *testing.T) {
	answer := &tensorflow.PredictResponse{
		ModelSpec: &tensorflow.ModelSpec{Name: "first", SignatureName: "s"},
		Outputs: map[string]*tensorflow.TensorProto{"y": {Dtype: tensorflow.DataType_DT_FLOAT, FloatVal: []float32{1}},
			"z": {Dtype: tensorflow.DataType_DT_STRING, StringVal: [][]byte{{0xff}}}},
	}
	chained, err := Chain(TensorFlowProto, encoded(t, answer), "next")
	if err != nil {
		t.Fatal(err)
	}
	compareProto(t, &tensorflow.PredictRequest{ModelSpec: &tensorflow.ModelSpec{Name: "next"}, Inputs: answer.Outputs}, chained)

	infer := &inference.ModelInferResponse{ModelName: "first", ModelVersion: "1", Id: "i",
		Parameters: map[string]*inference.InferParameter{"p": {ParameterChoice: &inference.InferParameter_BoolParam{BoolParam: true}}},
		Outputs: []*inference.ModelInferResponse_InferOutputTensor{{Name: "y", Datatype: "FP32", Shape: []int64{1},
			Parameters: map[string]*inference.InferParameter{"q": {ParameterChoice: &inference.InferParameter_StringParam{StringParam: "s"}}}}},
		RawOutputContents: [][]byte{{0, 0, 128, 63}},
	}
	chained, err = Chain(V2Proto, encoded(t, infer), "next")
	if err != nil {
		t.Fatal(err)
	}
	compareProto(t, &inference.ModelInferRequest{ModelName: "next", Id: "i", Parameters: infer.Parameters,
		Inputs: []*inference.ModelInferRequest_InferInputTensor{{Name: "y", Datatype: "FP32", Shape: []int64{1},
			Parameters: infer.Outputs[0].Parameters}},
		RawInputContents: infer.RawOutputContents}, chained)

	for _, form := range []Form{TensorFlowProto, V2Proto} {
		for _, body := range []string{"\x0a", "\x0a\xff"} {
			if _, err := Chain(form, message.Message{Body: []byte(body)}, "m"); err == nil {
				t.Errorf("%#v: %q is chained", form, body)
			}
		}
		// An answer without outputs is a request without inputs, as over REST.
		if got, err := Chain(form, message.Message{}, "m"); err != nil || len(got.Body) == 0 {
			t.Errorf("%#v: an empty answer becomes %q, %v", form, got.Body, err)
		}
	}
}

func TestBranch(t *testing.T) {
	cases := []struct {
		form       Form
		body, want string
	}{
		{SeldonJSON, `{"data":{"ndarray":[1]}}`, "1"},
		{SeldonJSON, `{"data":{"ndarray":[[2, 5]]}}`, "2"},
		{SeldonJSON, `{"data":{"ndarray":["3"]}}`, "0"},
		{SeldonJSON, `{"data":{"ndarray":[0.9]}}`, "0"},
		{SeldonJSON, `{"data":{"ndarray":[-2]}}`, "-2"},
		{SeldonJSON, `{"data":{"tensor":{"shape":[1,1],"values":[1]}},"meta":{}}`, "1"},
		{SeldonJSON, `{"data":{"tftensor":{"dtype":"DT_INT32","tensorShape":{},"intVal":[1]}}}`, "1"},
		{SeldonJSON, `{"data":{"names":["a"]}}`, "-1"},
		{SeldonJSON, `[1]`, "1"},
		{SeldonJSON, `{"data":{"ndarray":[1]}} and more`, "1"},
		{SeldonJSON, `{"data":{"ndarray":[1]}}{"data":{"ndarray":[2]}}`, "1"},
		{V2JSON, `{"data":{"ndarray":[1]}} and more`, "1"},
		{SeldonJSON, `[1] and more`, "error: names no child"},
		{SeldonJSON, `{"data":{"ndarray":[1]`, "error: names no child"},
		{SeldonJSON, `{"data":{"ndarray":[1]},"x":1}`, "error: names no child"},
		{SeldonJSON, `{"data":{"ndarray":[]}}`, "error: empty list"},
		{SeldonJSON, `{"data":{"ndarray":[[]]}}`, "error: empty list"},
		{SeldonJSON, `{"data":{"tensor":{}}}`, "error: empty list"},
		{SeldonJSON, `{"data":{"ndarray":[1e300]}}`, "error: no child's number"},
		{SeldonJSON, `{"data":{"tensor":{"values":["NaN"]}}}`, "error: no child's number"},
		{SeldonJSON, `{}`, "error: holds no data"},
		{SeldonJSON, `{"strData":"1"}`, "error: holds no data"},
		{SeldonJSON, `[]`, "error: empty list"},
		{SeldonJSON, `<html>`, "error: names no child"},
		{TensorFlowJSON, `{"predictions":[[1]]}`, "1"},
		{TensorFlowJSON, `{"outputs":2}`, "2"},
		{V2JSON, `{"outputs":[{"name":"o","shape":[1],"datatype":"INT32","data":[1]}]}`, "1"},
		{V2JSON, `{"outputs":[]}`, "error: outputs is empty"},
		{V2JSON, `{"outputs":[{"name":"o","shape":[1],"datatype":"BYTES","data":["1"]}]}`, "error: BYTES are not numbers"},
	}
	for _, c := range cases {
		got, err := Branch(c.form, message.Message{Body: []byte(c.body)})
		if want, isError := strings.CutPrefix(c.want, "error: "); isError {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %s", c.body, err, want)
			}
			continue
		}
		if err != nil || string(rune('0'+got)) != c.want && c.want[0] != '-' || c.want[0] == '-' && -got != int(c.want[1]-'0') {
			t.Errorf("%s: %d, %v, want %s", c.body, got, err, c.want)
		}
	}
	for _, m := range []proto.Message{seldonTensor([]int32{1, 1}, 1), seldonTensor([]int32{1, 1}, 1.5)} {
		if got, err := Branch(SeldonProto, encoded(t, m)); err != nil || got != 1 {
			t.Errorf("proto: %d, %v", got, err)
		}
	}
	if _, err := Branch(SeldonProto, encoded(t, &seldon.SeldonMessage{})); err == nil {
		t.Error("a message without data names a child")
	}
}

func TestMean(t *testing.T) {
	cases := []struct {
		name   string
		form   Form
		bodies []string
		want   string
	}{
		{"ndarray and tensor", SeldonJSON, []string{
			`{"data":{"names":["p"],"ndarray":[[1],[0.5]]},"meta":{"puid":"a","tags":{"x":1},"metrics":[{"key":"k"}]}}`,
			`{"data":{"tensor":{"shape":[2,1],"values":[2,1]}},"meta":{"puid":"b","tags":{"x":2,"y":[3]},"metrics":[{"key":"l"}]}}`},
			`{"data":{"names":["p"],"ndarray":[[1.5],[0.75]]},"meta":{"metrics":[{"key":"k"},{"key":"l"}],"puid":"a","tags":{"x":2,"y":[3]}}}`},
		{"no overflow", SeldonJSON, []string{`{"data":{"tensor":{"shape":[1],"values":[1.5e308]}}}`, `{"data":{"tensor":{"shape":[1],"values":[1.5e308]}}}`},
			`{"data":{"names":[],"tensor":{"shape":[1],"values":[1.5e+308]}},"meta":{}}`},
		{"by name", SeldonJSON, []string{`{"jsonData":{"a":[1],"b":2}}`, `{"jsonData":{"b":4,"a":[2]}}`}, `{"jsonData":{"a":[1.5],"b":3.0},"meta":{}}`},
		{"rows", TensorFlowJSON, []string{`{"predictions":[[1,2]]}`, `{"predictions":[[3,4]]}`, `{"predictions":[[5,6]]}`}, `{"predictions":[[3.0,4.0]]}`},
		{"columns", TensorFlowJSON, []string{`{"outputs":1}`, `{"outputs":2}`}, `{"outputs":1.5}`},
		{"FP32", V2JSON, []string{
			`{"model_name":"m","outputs":[{"name":"o","shape":[1],"datatype":"FP32","data":[0.1]}]}`,
			`{"model_name":"n","outputs":[{"name":"q","shape":[1],"datatype":"FP32","data":[0.3]}]}`},
			`{"model_name":"m","outputs":[{"name":"o","shape":[1],"datatype":"FP32","data":[0.2]}]}`},
		{"shapes", SeldonJSON, []string{`{"data":{"ndarray":[[1]]}}`, `{"data":{"ndarray":[[1]]}}`, `{"data":{"ndarray":[1]}}`},
			`error: child 2 answers the shape [1], child 0 [1 1]`},
		{"strings", SeldonJSON, []string{`{"strData":"a"}`, `{"strData":"b"}`}, `error: child 0: BYTES are not numbers`},
		{"garbage", SeldonJSON, []string{`{"data":{"ndarray":[1]}}`, `oops`}, `error: child 1: not a seldon message`},
		{"other outputs", TensorFlowJSON, []string{`{"outputs":{"a":1,"b":2}}`, `{"outputs":{"a":1,"c":2}}`}, `error: child 1: it does not answer this tensor`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var ps []message.Message
			for _, b := range c.bodies {
				ps = append(ps, message.Message{Body: []byte(b)})
			}
			got, err := Combine(c.form, ps, Combination{Of: tensor.Mean})
			if want, isError := strings.CutPrefix(c.want, "error: "); isError {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got.Body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	got, err := Combine(SeldonProto, []message.Message{encoded(t, seldonTensor([]int32{1}, 1)), encoded(t, seldonTensor([]int32{1}, 4))}, Combination{Of: tensor.Mean})
	if err != nil {
		t.Fatal(err)
	}
	compareProto(t, seldonTensor([]int32{1}, 2.5), got)
}

func TestJoin(t *testing.T) {
	got, err := Join(SeldonJSON, []message.Message{{Body: []byte(` {"data": 1.50} `), Type: "application/x"}, {Body: []byte(`"<"`)}})
	if err != nil || string(got.Body) != `[{"data": 1.50},"<"]` || got.Type != "application/x" {
		t.Errorf("%q, %v", got.Body, err)
	}
	if _, err = Join(V2JSON, []message.Message{{Body: []byte(`{}`)}, {Body: []byte(`{`)}}); err == nil || !strings.Contains(err.Error(), "child 1") {
		t.Errorf("a broken child: %v", err)
	}
	one, two := seldonTensor([]int32{1}, 1), seldonTensor([]int32{1}, 2)
	got, err = Join(SeldonProto, []message.Message{encoded(t, one), encoded(t, two)})
	if err != nil {
		t.Fatal(err)
	}
	compareProto(t, &seldon.SeldonMessageList{SeldonMessages: []*seldon.SeldonMessage{one, two}}, got)
	for _, form := range []Form{TensorFlowProto, V2Proto} {
		if _, err := Join(form, nil); err == nil {
			t.Errorf("%#v has a message for joins", form)
		}
	}
}

func TestReadServer(t *testing.T) {
	for body, want := range map[string]Spec{
		`{"name":"mlserver","version":"1.7.1","extensions":[]}`:                  {MLServer: true},
		`{"name":"triton","extensions":["classification","binary_tensor_data"]}`: {Binary: true},
		`{"name":"kserve"}`: {}, `[]`: {}, ``: {}, `{"name":1,"extensions":["binary_tensor_data"]}`: {},
	} {
		var got Spec
		if got.ReadServer([]byte(body)); !got.Same(&want) {
			t.Errorf("%s says %+v", body, got)
		}
	}
}

func TestParseSpec(t *testing.T) {
	text := `{"model_spec":{"name":"m"},"metadata":{"signature_def":{"signature_def":{
		"predict_images":{"inputs":{"images":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[{"size":"-1","name":""},{"size":"784"}],"unknown_rank":false},"name":"x:0"}},
			"outputs":{"scores":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[],"unknown_rank":true}},"classes":{"dtype":"DT_STRING","tensor_shape":{"dim":[{"size":"10"}]}}}},
		"__saved_model_init_op":{"inputs":{},"outputs":{}}}}}}`
	want := &Spec{
		Inputs:  []TensorSpec{{Name: "images", DType: tensor.FP32, Shape: []int64{-1, 784}}},
		Outputs: []TensorSpec{{Name: "classes", DType: tensor.Bytes, Shape: []int64{10}}, {Name: "scores", DType: tensor.FP32}},
	}
	for _, signature := range []string{"", "predict_images"} {
		got, err := ParseSpec(TensorFlowJSON, []byte(text), signature)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	var signatures tensorflow.SignatureDefMap
	if err := protojson.Unmarshal([]byte(`{"signature_def":{"s":{"inputs":{"i":{"dtype":"DT_INT64","tensor_shape":{"dim":[{"size":"3"}]}}}}}}`), &signatures); err != nil {
		t.Fatal(err)
	}
	packed, err := anypb.New(&signatures)
	if err != nil {
		t.Fatal(err)
	}
	metadata := &tensorflow.GetModelMetadataResponse{Metadata: map[string]*anypb.Any{"signature_def": packed}}
	got, err := ParseSpec(TensorFlowProto, encoded(t, metadata).Body, "")
	if err != nil || len(got.Inputs) != 1 || got.Inputs[0].Name != "i" || got.Inputs[0].DType != tensor.Int64 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ParseSpec(TensorFlowJSON, []byte(text), "other"); err == nil || !strings.Contains(err.Error(), `no signature "other"; it has ["predict_images"]`) {
		t.Errorf("an unknown signature: %v", err)
	}
	v2 := `{"name":"m","inputs":[{"name":"a","datatype":"FP32","shape":[-1,4]},{"name":"b","datatype":"ODD","shape":[]}],"outputs":[]}`
	got, err = ParseSpec(V2JSON, []byte(v2), "")
	wantV2 := &Spec{Inputs: []TensorSpec{{Name: "a", DType: tensor.FP32, Shape: []int64{-1, 4}}, {Name: "b", Shape: []int64{}}}}
	if diff := cmp.Diff(wantV2, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := ParseSpec(SeldonJSON, []byte("{}"), ""); err == nil {
		t.Error("seldon has tensor metadata")
	}
}
