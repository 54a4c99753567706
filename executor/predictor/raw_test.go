package predictor

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
)

// A server that cannot write texts into contents is asked in raw ones, and the client
// gets contents all the same.
func TestTextsThatGoOutAsRawContentsAlone(t *testing.T) {
	var asked []string
	refusal := status.Error(codes.Internal, unwritten)
	p := build(t, "v2", modelNode("m"), func(_ *upstream.Target, m message.Message) (message.Message, error) {
		var in inference.ModelInferRequest
		if err := proto.Unmarshal(m.Whole().Body, &in); err != nil {
			t.Fatal(err)
		}
		if len(in.RawInputContents) == 0 {
			asked = append(asked, "contents")
			return message.Message{}, protocol.Coded(protocol.Refused, refusal)
		}
		asked = append(asked, "raw")
		if in.Id != "7" || in.Inputs[0].Contents != nil || len(in.RawInputContents[0]) != 16 {
			t.Errorf("asked %v", &in)
		}
		body, err := proto.Marshal(&inference.ModelInferResponse{ModelName: "m", Id: in.Id,
			Outputs: []*inference.ModelInferResponse_InferOutputTensor{{Name: "predict", Datatype: "BYTES", Shape: []int64{2, 1},
				Contents: &inference.InferTensorContents{}, Parameters: in.Inputs[0].Parameters}},
			RawOutputContents: [][]byte{[]byte("\x03\x00\x00\x00bad\x04\x00\x00\x00good")}})
		return message.Message{Body: body, Answer: true, Meta: m.Meta}, err
	})
	numpy := map[string]*inference.InferParameter{"content_type": {ParameterChoice: &inference.InferParameter_StringParam{StringParam: "np"}}}
	ask := func() (*inference.ModelInferResponse, error) {
		body, err := proto.Marshal(&inference.ModelInferRequest{ModelName: "m", Id: "7", Inputs: []*inference.ModelInferRequest_InferInputTensor{{
			Name: "x", Datatype: "FP64", Shape: []int64{2, 1}, Parameters: numpy, Contents: &inference.InferTensorContents{Fp64Contents: []float64{1, 2}}}}})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Predict(t.Context(), protocol.GRPC, message.Message{Body: body, Meta: &message.Meta{}})
		var out inference.ModelInferResponse
		if err := proto.Unmarshal(answer.Body, &out); err != nil {
			t.Fatal(err)
		}
		return &out, err
	}
	want := &inference.ModelInferResponse{ModelName: "m", Id: "7", Outputs: []*inference.ModelInferResponse_InferOutputTensor{{
		Name: "predict", Datatype: "BYTES", Shape: []int64{2, 1}, Parameters: numpy,
		Contents: &inference.InferTensorContents{BytesContents: [][]byte{[]byte("bad"), []byte("good")}}}}}
	for _, calls := range []int{2, 1} {
		asked = nil
		if got, err := ask(); err != nil || !proto.Equal(got, want) || len(asked) != calls || asked[calls-1] != "raw" {
			t.Errorf("asked %v: %v, %v", asked, got, err)
		}
	}

	// Another failure is told at once.
	p, asked = build(t, "v2", modelNode("m"), func(to *upstream.Target, _ message.Message) (message.Message, error) {
		if strings.HasSuffix(to.Path, "/ModelInfer") {
			asked = append(asked, "once")
		}
		return message.Message{}, protocol.Coded(protocol.Refused, status.Error(codes.Internal, "other"))
	}), nil
	if _, err := ask(); err == nil || len(asked) != 1 {
		t.Errorf("asked %v: %v", asked, err)
	}
}
