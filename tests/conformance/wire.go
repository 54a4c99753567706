package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// wire is a protocol over a transport, as a client uses it.
type wire struct {
	protocol string
	grpc     bool
	predict  func(ctx context.Context, e Executor, x float64) (float64, error)
}

func (w wire) String() string {
	if w.grpc {
		return w.protocol + "/gRPC"
	}
	return w.protocol + "/REST"
}

func wires() []wire {
	return []wire{
		{"seldon", false, overREST("/api/v1.0/predictions", `{"data":{"ndarray":[[%g]]}}`)},
		{"tensorflow", false, overREST("/v1/models/:predict", `{"instances":[[%g]]}`)},
		{"v2", false, overREST("/v2/models/infer", `{"inputs":[{"name":"`+stub.Input+`","datatype":"FP64","shape":[1,1],"data":[%g]}]}`)},
		{"seldon", true, seldonRPC},
		{"tensorflow", true, tensorflowRPC},
		{"v2", true, v2RPC},
	}
}

// status is a REST answer that is not 200.
type status struct {
	code int
	kind string
	body []byte
}

func (s *status) Error() string { return fmt.Sprintf("status %d: %s", s.code, s.body) }

// post sends a body and returns the answer's.
func post(ctx context.Context, url, kind string, body []byte) ([]byte, http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return do(r)
}

func get(ctx context.Context, url string) ([]byte, http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	return do(r)
}

func do(r *http.Request) ([]byte, http.Header, error) { return by(http.DefaultClient, r) }

func by(client *http.Client, r *http.Request) ([]byte, http.Header, error) {
	answer, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, answer.Header, &status{answer.StatusCode, answer.Header.Get("Content-Type"), body}
	}
	return body, answer.Header, nil
}

func overREST(path, format string) func(context.Context, Executor, float64) (float64, error) {
	return func(ctx context.Context, e Executor, x float64) (float64, error) {
		body, _, err := post(ctx, "http://"+e.REST+path, "application/json", fmt.Appendf(nil, format, x))
		if err != nil {
			return 0, err
		}
		return number(body)
	}
}

// number finds the number in an answer, or in a request that came back.
func number(body []byte) (float64, error) {
	var m struct {
		Data                                    struct{ NDArray any }
		Predictions, Outputs, Instances, Inputs any
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return 0, fmt.Errorf("answer %s: %w", body, err)
	}
	for _, v := range []any{m.Data.NDArray, m.Predictions, m.Outputs, m.Instances, m.Inputs} {
		if x, ok := firstNumber(v); ok {
			return x, nil
		}
	}
	return 0, fmt.Errorf("answer %s holds no number", body)
}

func firstNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case []any:
		if len(v) > 0 {
			return firstNumber(v[0])
		}
	case map[string]any:
		return firstNumber(v["data"])
	}
	return 0, false
}

// method is a full gRPC method of an executor.
type method struct {
	executor Executor
	name     string
}

func (e Executor) at(name string) method { return method{e, name} }

// invoke makes a gRPC call on a connection of its own.
func invoke(ctx context.Context, m method, in, out proto.Message, options ...grpc.CallOption) error {
	conn, err := dial(m.executor)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return conn.Invoke(ctx, m.name, in, out, options...)
}

func dial(e Executor) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+e.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func seldonRequest(x float64) *seldon.SeldonMessage {
	return &seldon.SeldonMessage{DataOneof: &seldon.SeldonMessage_Data{Data: &seldon.DefaultData{
		DataOneof: &seldon.DefaultData_Tensor{Tensor: &seldon.Tensor{Shape: []int32{1, 1}, Values: []float64{x}}},
	}}}
}

func seldonRPC(ctx context.Context, e Executor, x float64) (float64, error) {
	var out seldon.SeldonMessage
	if err := invoke(ctx, e.at(seldon.Seldon_Predict_FullMethodName), seldonRequest(x), &out); err != nil {
		return 0, err
	}
	return only(stub.SeldonNumbers(&out))
}

func tensorflowRequest(x float64) *tensorflow.PredictRequest {
	shape := &tensorflow.TensorShapeProto{Dim: []*tensorflow.TensorShapeProto_Dim{{Size: 1}, {Size: 1}}}
	return &tensorflow.PredictRequest{Inputs: map[string]*tensorflow.TensorProto{
		stub.Input: {Dtype: tensorflow.DataType_DT_FLOAT, TensorShape: shape, FloatVal: []float32{float32(x)}},
	}}
}

func tensorflowRPC(ctx context.Context, e Executor, x float64) (float64, error) {
	var out tensorflow.PredictResponse
	if err := invoke(ctx, e.at(tensorflow.PredictionService_Predict_FullMethodName), tensorflowRequest(x), &out); err != nil {
		return 0, err
	}
	for _, t := range out.Outputs {
		return only(stub.TensorNumbers(t))
	}
	return 0, fmt.Errorf("answer %v has no outputs", &out)
}

func v2Request(x float64) *inference.ModelInferRequest {
	return &inference.ModelInferRequest{Inputs: []*inference.ModelInferRequest_InferInputTensor{
		{Name: stub.Input, Datatype: "FP64", Shape: []int64{1, 1}, Contents: &inference.InferTensorContents{Fp64Contents: []float64{x}}},
	}}
}

func v2RPC(ctx context.Context, e Executor, x float64) (float64, error) {
	var out inference.ModelInferResponse
	if err := invoke(ctx, e.at(inference.GRPCInferenceService_ModelInfer_FullMethodName), v2Request(x), &out); err != nil {
		return 0, err
	}
	if len(out.Outputs) == 0 {
		return 0, fmt.Errorf("answer %v has no outputs", &out)
	}
	return only(stub.V2Numbers(out.Outputs[0].Datatype, out.Outputs[0].Contents, out.RawOutputContents))
}

func only(xs []float64) (float64, error) {
	if len(xs) != 1 {
		return 0, fmt.Errorf("answer holds the numbers %v: want one", xs)
	}
	return xs[0], nil
}

// each runs a check for every wire whose protocol is listed; none means all.
func each(t *testing.T, protocols []string, check func(t *testing.T, w wire)) {
	for _, w := range wires() {
		if len(protocols) == 0 || contains(protocols, w.protocol) {
			t.Run(w.String(), func(t *testing.T) { check(t, w) })
		}
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
