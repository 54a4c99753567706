package translate

import (
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

func decodeTensorFlowProtoRequest(p message.Message) (*content, error) {
	var in tensorflow.PredictRequest
	if err := proto.Unmarshal(p.Body, &in); err != nil {
		return nil, refuse("", "not a PredictRequest: %s", reason(err))
	}
	m := &content{}
	m.readModelSpec(in.GetModelSpec())
	for _, name := range in.GetOutputFilter() {
		m.outputs = append(m.outputs, wantedOutput{name: name})
	}
	var err error
	if m.tensors, err = fromTensorMap(in.GetInputs()); err == nil && len(m.tensors) == 0 {
		err = refuse("", "the PredictRequest has no inputs")
	}
	return m, err
}

func decodeTensorFlowProtoResponse(p message.Message) (*content, error) {
	var in tensorflow.PredictResponse
	if err := proto.Unmarshal(p.Body, &in); err != nil {
		return nil, refuse("", "not a PredictResponse: %s", reason(err))
	}
	m := &content{}
	m.readModelSpec(in.GetModelSpec())
	var err error
	m.tensors, err = fromTensorMap(in.GetOutputs())
	return m, err
}

func (m *content) readModelSpec(spec *tensorflow.ModelSpec) {
	m.model, m.signature = spec.GetName(), spec.GetSignatureName()
	switch version := spec.GetVersionChoice().(type) {
	case *tensorflow.ModelSpec_Version:
		m.version = strconv.FormatInt(version.Version.GetValue(), 10)
	case *tensorflow.ModelSpec_VersionLabel:
		m.version = version.VersionLabel
	}
}

func writeModelSpec(m *content) *tensorflow.ModelSpec {
	spec := &tensorflow.ModelSpec{Name: m.model, SignatureName: m.signature}
	if version, err := strconv.ParseInt(m.version, 10, 64); err == nil {
		spec.VersionChoice = &tensorflow.ModelSpec_Version{Version: wrapperspb.Int64(version)}
	} else if m.version != "" {
		spec.VersionChoice = &tensorflow.ModelSpec_VersionLabel{VersionLabel: m.version}
	}
	return spec
}

// fromTensorMap reads tensors in the order of their names.
func fromTensorMap(in map[string]*tensorflow.TensorProto) ([]tensor.Tensor, error) {
	tensors := make([]tensor.Tensor, 0, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		t, err := fromTensorProto(in[name])
		if err != nil {
			return nil, blame(name, err)
		}
		t.Name = name
		tensors = append(tensors, t)
	}
	return tensors, nil
}

func toTensorMap(tensors []tensor.Tensor) (map[string]*tensorflow.TensorProto, error) {
	out := make(map[string]*tensorflow.TensorProto, len(tensors))
	for i := range tensors {
		t := &tensors[i]
		if _, ok := out[t.Name]; ok {
			return nil, refuse(t.Name, "the name appears twice")
		}
		tf, err := toTensorProto(t)
		if err != nil {
			return nil, blame(t.Name, err)
		}
		out[t.Name] = tf
	}
	return out, nil
}

func encodeTensorFlowProtoRequest(m *content) (message.Message, error) {
	for _, t := range m.tensors {
		if t.Name == "" {
			return message.Message{}, refuse("", "the data has no name and the name of the model's input is not known")
		}
	}
	inputs, err := toTensorMap(m.tensors)
	if err != nil {
		return message.Message{}, err
	}
	out := &tensorflow.PredictRequest{ModelSpec: writeModelSpec(m), Inputs: inputs}
	for _, w := range m.outputs {
		out.OutputFilter = append(out.OutputFilter, w.name)
	}
	return marshal(out)
}

// encodeTensorFlowProtoResponse repeats the request's model_spec, with the
// version that the server reports.
func encodeTensorFlowProtoResponse(m, asked *content) (message.Message, error) {
	outputs, err := toTensorMap(m.tensors)
	if err != nil {
		return message.Message{}, err
	}
	spec := *asked
	if spec.model == "" {
		spec.model = m.model
	}
	if m.version != "" {
		spec.version = m.version
	}
	return marshal(&tensorflow.PredictResponse{Outputs: outputs, ModelSpec: writeModelSpec(&spec)})
}
