package translate

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/executor/message"
)

func shapeOf(dims ...int64) *tensorflow.TensorShapeProto {
	shape := &tensorflow.TensorShapeProto{}
	for _, d := range dims {
		shape.Dim = append(shape.Dim, &tensorflow.TensorShapeProto_Dim{Size: d})
	}
	return shape
}

func seldonTensor(shape []int32, values ...float64) *seldon.SeldonMessage {
	return &seldon.SeldonMessage{Meta: &seldon.Meta{}, DataOneof: &seldon.SeldonMessage_Data{Data: &seldon.DefaultData{
		DataOneof: &seldon.DefaultData_Tensor{Tensor: &seldon.Tensor{Shape: shape, Values: values}}}}}
}

func named(m *seldon.SeldonMessage, names ...string) *seldon.SeldonMessage {
	m.GetData().Names = names
	return m
}

// protoCase is a request and its answer over gRPC.
type protoCase struct {
	name            string
	from, to        Form
	options         Options
	request, sent   proto.Message
	answer, replied proto.Message
}

func protoCases() []protoCase {
	return []protoCase{
		{
			name: "seldon tensor to TensorFlow", from: SeldonProto, to: TensorFlowProto,
			options: Options{Model: "m", Version: "7", Signature: "s", Spec: imageSpec()},
			request: seldonTensor([]int32{1, 2}, 0.5, 0.1),
			sent: &tensorflow.PredictRequest{
				ModelSpec: &tensorflow.ModelSpec{Name: "m", SignatureName: "s",
					VersionChoice: &tensorflow.ModelSpec_Version{Version: wrapperspb.Int64(7)}},
				Inputs: map[string]*tensorflow.TensorProto{"images": {Dtype: tensorflow.DataType_DT_FLOAT,
					TensorShape: shapeOf(1, 2), TensorContent: []byte{0, 0, 0, 63, 0xcd, 0xcc, 0xcc, 0x3d}}},
			},
			answer: &tensorflow.PredictResponse{Outputs: map[string]*tensorflow.TensorProto{
				"scores": {Dtype: tensorflow.DataType_DT_FLOAT, TensorShape: shapeOf(1, 3), FloatVal: []float32{0.25}}}},
			replied: named(seldonTensor([]int32{1, 3}, 0.25, 0.25, 0.25), "t:0", "t:1", "t:2"),
		},
		{
			name: "seldon ndarray, meta and an integer answer", from: SeldonProto, to: V2Proto,
			options: Options{Model: "m", Outputs: []string{"predict"}},
			request: &seldon.SeldonMessage{
				Meta: &seldon.Meta{Puid: "p", Tags: map[string]*structpb.Value{"t": structpb.NewBoolValue(true)},
					Routing: map[string]int32{"r": 1}},
				DataOneof: &seldon.SeldonMessage_Data{Data: &seldon.DefaultData{DataOneof: &seldon.DefaultData_Ndarray{
					Ndarray: &structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(1), structpb.NewStringValue("NaN")}}}}},
			},
			sent: &inference.ModelInferRequest{ModelName: "m", Id: "p",
				Inputs:           []*inference.ModelInferRequest_InferInputTensor{{Name: "input-0", Datatype: "FP64", Shape: []int64{2}}},
				Outputs:          []*inference.ModelInferRequest_InferRequestedOutputTensor{{Name: "predict"}},
				RawInputContents: [][]byte{{0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 1, 0, 0, 0, 0, 0, 0xf8, 0x7f}}},
			answer: &inference.ModelInferResponse{Outputs: []*inference.ModelInferResponse_InferOutputTensor{
				{Name: "other", Datatype: "INT64", Shape: []int64{0}, Contents: &inference.InferTensorContents{}},
				{Name: "predict", Datatype: "INT64", Shape: []int64{1}, Contents: &inference.InferTensorContents{Int64Contents: []int64{1 << 53}}}}},
			replied: &seldon.SeldonMessage{
				Meta: &seldon.Meta{Puid: "p", Tags: map[string]*structpb.Value{"t": structpb.NewBoolValue(true)}},
				DataOneof: &seldon.SeldonMessage_Data{Data: &seldon.DefaultData{DataOneof: &seldon.DefaultData_Ndarray{
					Ndarray: &structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(1 << 53)}}}}},
			},
		},
		{
			name: "a string through v2", from: SeldonProto, to: V2Proto,
			request: &seldon.SeldonMessage{DataOneof: &seldon.SeldonMessage_StrData{StrData: "hé"}},
			sent: &inference.ModelInferRequest{
				Inputs:           []*inference.ModelInferRequest_InferInputTensor{{Name: "input-0", Datatype: "BYTES", Shape: []int64{1}}},
				RawInputContents: [][]byte{{3, 0, 0, 0, 'h', 0xc3, 0xa9}}},
			answer: &inference.ModelInferResponse{
				Outputs:           []*inference.ModelInferResponse_InferOutputTensor{{Name: "o", Datatype: "BYTES", Shape: []int64{1}}},
				RawOutputContents: [][]byte{{1, 0, 0, 0, 0xff}}},
			replied: &seldon.SeldonMessage{Meta: &seldon.Meta{}, DataOneof: &seldon.SeldonMessage_BinData{BinData: []byte{0xff}}},
		},
		{
			name: "v2 contents to TensorFlow", from: V2Proto, to: TensorFlowProto, options: Options{Model: "m"},
			request: &inference.ModelInferRequest{ModelName: "client", Id: "i",
				Inputs: []*inference.ModelInferRequest_InferInputTensor{{Name: "x", Datatype: "INT8", Shape: []int64{2},
					Contents: &inference.InferTensorContents{IntContents: []int32{-1, 2}}}},
				Outputs: []*inference.ModelInferRequest_InferRequestedOutputTensor{{Name: "y"}}},
			sent: &tensorflow.PredictRequest{ModelSpec: &tensorflow.ModelSpec{Name: "m"}, OutputFilter: []string{"y"},
				Inputs: map[string]*tensorflow.TensorProto{"x": {Dtype: tensorflow.DataType_DT_INT8, TensorShape: shapeOf(2),
					TensorContent: []byte{0xff, 2}}}},
			answer: &tensorflow.PredictResponse{ModelSpec: &tensorflow.ModelSpec{Name: "m",
				VersionChoice: &tensorflow.ModelSpec_Version{Version: wrapperspb.Int64(3)}},
				Outputs: map[string]*tensorflow.TensorProto{"y": {Dtype: tensorflow.DataType_DT_STRING, TensorShape: shapeOf(1),
					StringVal: [][]byte{{0xff}}}}},
			replied: &inference.ModelInferResponse{ModelName: "m", ModelVersion: "3", Id: "i",
				Outputs: []*inference.ModelInferResponse_InferOutputTensor{{Name: "y", Datatype: "BYTES", Shape: []int64{1},
					Contents: &inference.InferTensorContents{BytesContents: [][]byte{{0xff}}}}}},
		},
		{
			name: "v2 raw contents are answered raw", from: V2Proto, to: TensorFlowProto, options: Options{Model: "m"},
			request: &inference.ModelInferRequest{
				Inputs:           []*inference.ModelInferRequest_InferInputTensor{{Name: "x", Datatype: "FP16", Shape: []int64{1}}},
				RawInputContents: [][]byte{{0, 0x3c}}},
			sent: &tensorflow.PredictRequest{ModelSpec: &tensorflow.ModelSpec{Name: "m"},
				Inputs: map[string]*tensorflow.TensorProto{"x": {Dtype: tensorflow.DataType_DT_HALF, TensorShape: shapeOf(1),
					TensorContent: []byte{0, 0x3c}}}},
			answer: &tensorflow.PredictResponse{Outputs: map[string]*tensorflow.TensorProto{
				"y": {Dtype: tensorflow.DataType_DT_BOOL, TensorShape: shapeOf(2), BoolVal: []bool{true, false}}}},
			replied: &inference.ModelInferResponse{ModelName: "m",
				Outputs:           []*inference.ModelInferResponse_InferOutputTensor{{Name: "y", Datatype: "BOOL", Shape: []int64{2}}},
				RawOutputContents: [][]byte{{1, 0}}},
		},
		{
			name: "jsonData that is a TensorFlow request", from: SeldonProto, to: TensorFlowProto, options: Options{Input: "x"},
			request: &seldon.SeldonMessage{DataOneof: &seldon.SeldonMessage_JsonData{JsonData: structpb.NewStructValue(
				&structpb.Struct{Fields: map[string]*structpb.Value{"instances": structpb.NewListValue(
					&structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(1.5)}})}})}},
			sent: &tensorflow.PredictRequest{ModelSpec: &tensorflow.ModelSpec{},
				Inputs: map[string]*tensorflow.TensorProto{"x": {Dtype: tensorflow.DataType_DT_DOUBLE, TensorShape: shapeOf(1),
					TensorContent: []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f}}}},
			answer: &tensorflow.PredictResponse{Outputs: map[string]*tensorflow.TensorProto{
				"y": {Dtype: tensorflow.DataType_DT_INT32, TensorShape: shapeOf(1), IntVal: []int32{3}}}},
			replied: &seldon.SeldonMessage{Meta: &seldon.Meta{}, DataOneof: &seldon.SeldonMessage_JsonData{JsonData: structpb.NewStructValue(
				&structpb.Struct{Fields: map[string]*structpb.Value{"predictions": structpb.NewListValue(
					&structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(3)}})}})}},
		},
		{
			name: "TensorFlow to seldon", from: TensorFlowProto, to: SeldonProto,
			request: &tensorflow.PredictRequest{ModelSpec: &tensorflow.ModelSpec{Name: "c"},
				Inputs: map[string]*tensorflow.TensorProto{"x": {Dtype: tensorflow.DataType_DT_BFLOAT16, TensorShape: shapeOf(1, 1),
					HalfVal: []int32{0x3f80}}}},
			sent:   seldonTensor([]int32{1, 1}, 1),
			answer: seldonTensor([]int32{2}, 0.1, math.Inf(1)),
			replied: &tensorflow.PredictResponse{ModelSpec: &tensorflow.ModelSpec{Name: "c"},
				Outputs: map[string]*tensorflow.TensorProto{"output-0": {Dtype: tensorflow.DataType_DT_DOUBLE, TensorShape: shapeOf(2),
					TensorContent: []byte{0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f}}}},
		},
	}
}

func TestProtoExchanges(t *testing.T) {
	for _, c := range protoCases() {
		t.Run(c.name, func(t *testing.T) {
			sent, x, err := Request(encoded(t, c.request), c.from, c.to, c.options)
			if err != nil {
				t.Fatal(err)
			}
			compareProto(t, c.sent, sent)
			replied, err := x.Response(encoded(t, c.answer))
			if err != nil {
				t.Fatal(err)
			}
			compareProto(t, c.replied, replied)
		})
	}
}

func encoded(t *testing.T, m proto.Message) message.Message {
	t.Helper()
	body, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return message.Message{Body: body}
}

func compareProto(t *testing.T, want proto.Message, p message.Message) {
	t.Helper()
	got := want.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(p.Body, got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProtoRefusals(t *testing.T) {
	tensorOf := func(tf *tensorflow.TensorProto) proto.Message {
		return &tensorflow.PredictRequest{Inputs: map[string]*tensorflow.TensorProto{"x": tf}}
	}
	cases := []struct {
		name     string
		from, to Form
		request  proto.Message
		want     string
	}{
		{"no name for TensorFlow", SeldonProto, TensorFlowProto, seldonTensor([]int32{1}, 1),
			`node "n": cannot translate: the data has no name and the name of the model's input is not known`},
		{"too large for a double", V2Proto, SeldonProto, &inference.ModelInferRequest{Inputs: []*inference.ModelInferRequest_InferInputTensor{
			{Name: "x", Datatype: "INT64", Shape: []int64{1}, Contents: &inference.InferTensorContents{Int64Contents: []int64{1<<53 + 1}}}}},
			`node "n": cannot translate "x": element [0]: 9007199254740993 has more digits than it can hold (FP64)`},
		{"out of the declared type", V2Proto, SeldonProto, &inference.ModelInferRequest{Inputs: []*inference.ModelInferRequest_InferInputTensor{
			{Name: "x", Datatype: "UINT8", Shape: []int64{1}, Contents: &inference.InferTensorContents{UintContents: []uint32{256}}}}},
			`node "n": cannot translate "x": element 0: 256 is out of range (UINT8)`},
		{"missing raw contents", V2Proto, SeldonProto, &inference.ModelInferRequest{Inputs: []*inference.ModelInferRequest_InferInputTensor{
			{Name: "x", Datatype: "FP32", Shape: []int64{2}}}},
			`node "n": cannot translate "x": the shape [2] of FP32 needs 8 bytes, 0 came`},
		{"superfluous raw contents", V2Proto, SeldonProto, &inference.ModelInferRequest{RawInputContents: [][]byte{{}, {}},
			Inputs: []*inference.ModelInferRequest_InferInputTensor{{Name: "x", Datatype: "FP32", Shape: []int64{0}}}},
			`node "n": cannot translate: 1 raw contents belong to no tensor`},
		{"complex numbers", TensorFlowProto, V2Proto, tensorOf(&tensorflow.TensorProto{Dtype: tensorflow.DataType_DT_COMPLEX64}),
			`node "n": cannot translate "x": elements of type DT_COMPLEX64 cannot be translated`},
		{"unknown rank", TensorFlowProto, V2Proto, tensorOf(&tensorflow.TensorProto{Dtype: tensorflow.DataType_DT_FLOAT,
			TensorShape: &tensorflow.TensorShapeProto{UnknownRank: true}}),
			`node "n": cannot translate "x": the tensor's shape is unknown`},
		{"a few bytes that ask for gigabytes", TensorFlowProto, V2Proto, tensorOf(&tensorflow.TensorProto{
			Dtype: tensorflow.DataType_DT_FLOAT, TensorShape: shapeOf(1<<20, 1<<10), FloatVal: []float32{1}}),
			`node "n": cannot translate "x": 1073741823 elements are missing`},
		{"a message of another service", TensorFlowProto, V2Proto, &seldon.SeldonMessage{},
			`node "n": cannot translate: the PredictRequest has no inputs`},
		{"failure", SeldonProto, V2Proto, &seldon.SeldonMessage{Status: &seldon.Status{Info: "broken", Status: seldon.Status_FAILURE}},
			`node "n": cannot translate: the message reports a failure: broken`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := Request(encoded(t, c.request), c.from, c.to, Options{Node: "n"})
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

func TestBinaryTensors(t *testing.T) {
	head := `{"id":"i","parameters":{"binary_data_output":true},"inputs":[` +
		`{"name":"a","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}},` +
		`{"name":"b","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":5}}],` +
		`"outputs":[{"name":"y"},{"name":"z","parameters":{"binary_data":false}}]}`
	body := head + "\x00\x00\x80\x3f\xcd\xcc\xcc\x3d" + "\x01\x00\x00\x00\xff"
	sent, x, err := Request(message.Message{Body: []byte(body), JSONLength: len(head)}, V2JSON, TensorFlowJSON, Options{Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"inputs":{"a":[1.0,0.1],"b":[{"b64":"/w=="}]}}`, string(sent.Body)); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	replied, err := x.Response(message.Message{Body: []byte(`{"outputs":{"y":[[true,false]],"z":[1]}}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"model_name":"m","id":"i","outputs":[{"name":"y","shape":[1,2],"datatype":"BOOL","parameters":{"binary_data_size":2}},` +
		`{"name":"z","shape":[1],"datatype":"INT64","data":[1]}]}`
	if diff := cmp.Diff(want+"\x01\x00", string(replied.Body)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if replied.JSONLength != len(want) || replied.Type != "application/octet-stream" {
		t.Errorf("JSONLength %d of type %q, want %d", replied.JSONLength, replied.Type, len(want))
	}
	for _, length := range []int{-1, len(body) + 1, len(head) - 1} {
		if _, _, err := Request(message.Message{Body: []byte(body), JSONLength: length}, V2JSON, TensorFlowJSON, Options{}); err == nil {
			t.Errorf("a JSON length of %d is accepted", length)
		}
	}
	if _, _, err := Request(message.Message{Body: []byte(body + "x"), JSONLength: len(head)}, V2JSON, TensorFlowJSON, Options{}); err == nil {
		t.Error("a byte too many is accepted")
	}
}
