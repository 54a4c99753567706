package stub

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
)

type v2Tensor struct {
	Name       string         `json:"name"`
	Datatype   string         `json:"datatype"`
	Shape      []int64        `json:"shape"`
	Parameters map[string]any `json:"parameters,omitempty"`
	Data       any            `json:"data,omitempty"`
}

type v2Message struct {
	Model   string     `json:"model_name,omitempty"`
	ID      string     `json:"id,omitempty"`
	Inputs  []v2Tensor `json:"inputs,omitempty"`
	Outputs []v2Tensor `json:"outputs,omitempty"`
}

// v2 serves a model of one FP64 input and one FP64 output, both of any shape.
func (m Model) v2(c Call) (Answer, error) {
	if c.GRPC {
		return m.v2GRPC(c)
	}
	if c.Path == "/v2/health/ready" {
		return Answer{}, nil
	}
	path, ok := strings.CutPrefix(c.Path, "/v2/models/"+m.Name)
	if !ok {
		return m.notFound(c), nil
	}
	switch strings.TrimPrefix(path, "/versions/1") {
	case "/ready":
		return Answer{Body: fmt.Appendf(nil, `{"name":%q,"ready":true}`, m.Name)}, nil
	case "":
		tensor := func(name string) []any {
			return []any{map[string]any{"name": name, "datatype": "FP64", "shape": []int{-1, -1}}}
		}
		return marshalled(map[string]any{"name": m.Name, "versions": []string{"1"}, "platform": "stub", "inputs": tensor(Input), "outputs": tensor(Output)})
	case "/route":
		return marshalled(v2Message{Model: m.Name, Outputs: []v2Tensor{{Name: "route", Datatype: "INT64", Shape: []int64{1}, Data: []int{m.Route}}}})
	case "/infer":
		return m.v2Infer(c)
	case "/aggregate":
		return m.v2Aggregate(c.Body)
	}
	return m.notFound(c), nil
}

func (m Model) v2Infer(c Call) (Answer, error) {
	body, tail := c.Body, []byte(nil)
	if h := c.Header["Inference-Header-Content-Length"]; len(h) > 0 {
		n, err := strconv.Atoi(h[0])
		if err != nil || n > len(body) {
			return Answer{}, fmt.Errorf("header length %q is wrong", h[0])
		}
		body, tail = body[:n], body[n:]
	}
	var in v2Message
	if err := json.Unmarshal(body, &in); err != nil {
		return Answer{}, err
	}
	if len(in.Inputs) == 0 {
		return Answer{}, fmt.Errorf("request has no inputs")
	}
	t := in.Inputs[0]
	xs := numbers(t.Data)
	if tail != nil {
		xs = rawNumbers(t.Datatype, tail)
	}
	out := v2Tensor{Name: Output, Datatype: "FP64", Shape: t.Shape, Data: m.append(xs, m.Digit)}
	return marshalled(v2Message{Model: m.Name, ID: in.ID, Outputs: []v2Tensor{out}})
}

func rawNumbers(datatype string, b []byte) []float64 {
	var xs []float64
	for len(b) > 0 {
		switch datatype {
		case "FP32":
			xs, b = append(xs, float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))), b[4:]
		case "INT64":
			xs, b = append(xs, float64(int64(binary.LittleEndian.Uint64(b)))), b[8:]
		default:
			xs, b = append(xs, math.Float64frombits(binary.LittleEndian.Uint64(b))), b[8:]
		}
	}
	return xs
}

func (m Model) v2Aggregate(body []byte) (Answer, error) {
	var ins []v2Message
	if err := json.Unmarshal(body, &ins); err != nil || len(ins) == 0 {
		return Answer{}, fmt.Errorf("want a list of answers: %w", err)
	}
	var all [][]float64
	for _, in := range ins {
		if len(in.Outputs) == 0 {
			return Answer{}, fmt.Errorf("an answer has no outputs")
		}
		all = append(all, numbers(in.Outputs[0].Data))
	}
	out := ins[0].Outputs[0]
	out.Data = m.append(sum(all...), m.Digit)
	return marshalled(v2Message{Model: m.Name, Outputs: []v2Tensor{out}})
}

func (m Model) v2GRPC(c Call) (Answer, error) {
	switch last(c.Path) {
	case "ModelReady":
		return encoded(&inference.ModelReadyResponse{Ready: true})
	case "ModelMetadata":
		tensor := func(name string) []*inference.ModelMetadataResponse_TensorMetadata {
			return []*inference.ModelMetadataResponse_TensorMetadata{{Name: name, Datatype: "FP64", Shape: []int64{-1, -1}}}
		}
		return encoded(&inference.ModelMetadataResponse{Name: m.Name, Versions: []string{"1"}, Platform: "stub", Inputs: tensor(Input), Outputs: tensor(Output)})
	case "ModelConfig":
		return encoded(&inference.ModelConfigResponse{Config: &inference.ModelConfig{Name: m.Name, Platform: "stub"}})
	case "ModelStatistics":
		return encoded(&inference.ModelStatisticsResponse{ModelStats: []*inference.ModelStatistics{{Name: m.Name, InferenceCount: 5}}})
	case "ModelInfer", "ModelStreamInfer":
	default:
		return m.notFound(c), nil
	}
	var in inference.ModelInferRequest
	if err := proto.Unmarshal(c.Body, &in); err != nil {
		return Answer{}, err
	}
	switch {
	case in.ModelName != m.Name:
		return Answer{}, fmt.Errorf("model not found: %q", in.ModelName)
	case len(in.Inputs) == 0:
		return Answer{}, fmt.Errorf("request has no inputs")
	}
	t := in.Inputs[0]
	xs := V2Numbers(t.Datatype, t.Contents, in.RawInputContents)
	out := m.append(xs, m.Digit)
	if m.Router {
		out = []float64{float64(m.Route)}
	}
	answer := &inference.ModelInferResponse{ModelName: m.Name, Id: in.Id, Outputs: []*inference.ModelInferResponse_InferOutputTensor{
		{Name: Output, Datatype: "FP64", Shape: t.Shape},
	}}
	// The encoding of the request decides that of the answer.
	if len(in.RawInputContents) > 0 {
		var raw []byte
		for _, x := range out {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(x))
		}
		answer.RawOutputContents = [][]byte{raw}
	} else {
		answer.Outputs[0].Contents = &inference.InferTensorContents{Fp64Contents: out}
	}
	if last(c.Path) == "ModelStreamInfer" {
		return encoded(&inference.ModelStreamInferResponse{InferResponse: answer})
	}
	return encoded(answer)
}

// V2Numbers reads the first tensor of a message.
func V2Numbers(datatype string, c *inference.InferTensorContents, raw [][]byte) []float64 {
	if len(raw) > 0 {
		return rawNumbers(datatype, raw[0])
	}
	var xs []float64
	for _, v := range c.GetFp32Contents() {
		xs = append(xs, float64(v))
	}
	xs = append(xs, c.GetFp64Contents()...)
	for _, v := range c.GetInt64Contents() {
		xs = append(xs, float64(v))
	}
	return xs
}
