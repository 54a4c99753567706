package stub

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/prime-radiant/radiant/apis/tensorflow"
)

// tensorflow serves a model of one float input and one float output, both of
// any shape.
func (m Model) tensorflow(c Call) (Answer, error) {
	if c.GRPC {
		return m.tensorflowGRPC(c)
	}
	path, ok := strings.CutPrefix(c.Path, "/v1/models/"+m.Name)
	if !ok {
		return m.notFound(c), nil
	}
	path = strings.TrimPrefix(path, "/versions/1")
	switch path {
	case "":
		return Answer{Body: []byte(`{"model_version_status":[{"version":"1","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]}`)}, nil
	case "/metadata":
		return Answer{Body: fmt.Appendf(nil, tensorflowMetadata, m.Name, Input, Output)}, nil
	case ":route":
		return Answer{Body: fmt.Appendf(nil, `{"predictions":[%d]}`, m.Route)}, nil
	case ":predict":
		return m.tensorflowPredict(c.Body)
	case ":aggregate":
		return m.tensorflowAggregate(c.Body)
	}
	return m.notFound(c), nil
}

const tensorflowMetadata = `{"model_spec":{"name":%q,"signature_name":"","version":"1"},
"metadata":{"signature_def":{"signature_def":{"serving_default":{
"inputs":{%q:{"dtype":"DT_FLOAT","tensor_shape":{"dim":[],"unknown_rank":true},"name":"in:0"}},
"outputs":{%q:{"dtype":"DT_FLOAT","tensor_shape":{"dim":[],"unknown_rank":true},"name":"out:0"}},
"method_name":"tensorflow/serving/predict"}}}}}`

type tensorflowRequest struct {
	Instances   any `json:"instances"`
	Inputs      any `json:"inputs"`
	Predictions any `json:"predictions"`
}

func (m Model) tensorflowPredict(body []byte) (Answer, error) {
	var r tensorflowRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return Answer{}, err
	}
	key, in, err := "predictions", r.Instances, error(nil)
	switch {
	case r.Inputs != nil:
		key, in = "outputs", r.Inputs
		if named, ok := in.(map[string]any); ok {
			if in, ok = named[Input]; !ok {
				err = fmt.Errorf("missing input %s", Input)
			}
		}
	case r.Instances == nil:
		err = fmt.Errorf("request has neither instances nor inputs")
	}
	if err != nil {
		return Answer{}, err
	}
	return marshalled(map[string]any{key: mapped(in, func(x float64) float64 { return appended(x, m.Digit) })})
}

func (m Model) tensorflowAggregate(body []byte) (Answer, error) {
	var rs []tensorflowRequest
	if err := json.Unmarshal(body, &rs); err != nil || len(rs) == 0 {
		return Answer{}, fmt.Errorf("want a list of answers: %w", err)
	}
	var all [][]float64
	for _, r := range rs {
		all = append(all, numbers(r.Predictions))
	}
	return marshalled(map[string]any{"predictions": []any{m.append(sum(all...), m.Digit)}})
}

// mapped applies f to every number of a JSON value. Rows keep their shape;
// named columns are taken by name.
func mapped(v any, f func(float64) float64) any {
	switch v := v.(type) {
	case float64:
		return f(v)
	case map[string]any:
		return mapped(v[Input], f)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = mapped(v[i], f)
		}
		return out
	}
	return v
}

func (m Model) tensorflowGRPC(c Call) (Answer, error) {
	switch last(c.Path) {
	case "GetModelStatus":
		return encoded(&tensorflow.GetModelStatusResponse{ModelVersionStatus: []*tensorflow.ModelVersionStatus{{Version: 1, State: tensorflow.ModelVersionStatus_AVAILABLE}}})
	case "GetModelMetadata":
		return m.tensorflowSignatures()
	case "Predict":
	case "Classify":
		return encoded(&tensorflow.ClassificationResponse{ModelSpec: &tensorflow.ModelSpec{Name: "classified by " + m.Name}})
	default:
		return m.notFound(c), nil
	}
	var r tensorflow.PredictRequest
	if err := proto.Unmarshal(c.Body, &r); err != nil {
		return Answer{}, err
	}
	if r.GetModelSpec().GetName() != m.Name {
		return Answer{}, fmt.Errorf("servable not found: %q", r.GetModelSpec().GetName())
	}
	var in *tensorflow.TensorProto
	for _, t := range r.Inputs {
		in = t
	}
	if in == nil {
		return Answer{}, fmt.Errorf("request has no inputs")
	}
	digit := m.Digit
	xs := TensorNumbers(in)
	values := make([]float32, len(xs))
	for i, x := range xs {
		values[i] = float32(appended(x, digit))
		if m.Router {
			values[i] = float32(m.Route)
		}
	}
	out := &tensorflow.TensorProto{Dtype: tensorflow.DataType_DT_FLOAT, TensorShape: in.TensorShape, FloatVal: values}
	return encoded(&tensorflow.PredictResponse{
		ModelSpec: &tensorflow.ModelSpec{Name: m.Name, SignatureName: "serving_default"},
		Outputs:   map[string]*tensorflow.TensorProto{Output: out},
	})
}

func (m Model) tensorflowSignatures() (Answer, error) {
	info := func(name string) map[string]*tensorflow.TensorInfo {
		return map[string]*tensorflow.TensorInfo{name: {Dtype: tensorflow.DataType_DT_FLOAT, TensorShape: &tensorflow.TensorShapeProto{UnknownRank: true}}}
	}
	signatures, err := anypb.New(&tensorflow.SignatureDefMap{SignatureDef: map[string]*tensorflow.SignatureDef{
		"serving_default": {Inputs: info(Input), Outputs: info(Output), MethodName: "tensorflow/serving/predict"},
	}})
	if err != nil {
		return Answer{}, err
	}
	return encoded(&tensorflow.GetModelMetadataResponse{
		ModelSpec: &tensorflow.ModelSpec{Name: m.Name}, Metadata: map[string]*anypb.Any{"signature_def": signatures},
	})
}

// TensorNumbers reads a tensor of floats, doubles or 64-bit integers.
func TensorNumbers(t *tensorflow.TensorProto) []float64 {
	var xs []float64
	for _, v := range t.FloatVal {
		xs = append(xs, float64(v))
	}
	xs = append(xs, t.DoubleVal...)
	for _, v := range t.Int64Val {
		xs = append(xs, float64(v))
	}
	for b := t.TensorContent; len(b) > 0; {
		switch t.Dtype {
		case tensorflow.DataType_DT_FLOAT:
			xs, b = append(xs, float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))), b[4:]
		case tensorflow.DataType_DT_DOUBLE:
			xs, b = append(xs, math.Float64frombits(binary.LittleEndian.Uint64(b))), b[8:]
		default:
			xs, b = append(xs, float64(int64(binary.LittleEndian.Uint64(b)))), b[8:]
		}
	}
	return xs
}
