package translate

import (
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

func decodeV2ProtoRequest(p message.Message) (*content, error) {
	var in inference.ModelInferRequest
	if err := proto.Unmarshal(p.Body, &in); err != nil {
		return nil, refuse("", "not a ModelInferRequest: %s", reason(err))
	}
	m := &content{id: in.Id, model: in.ModelName, version: in.ModelVersion}
	if len(in.RawInputContents) > 0 {
		m.layout = apart
	}
	for _, o := range in.Outputs {
		m.outputs = append(m.outputs, wantedOutput{name: o.GetName()})
	}
	m.asFrame(in.Parameters["content_type"].GetStringParam())
	entries := rawContents{entries: in.RawInputContents}
	for _, t := range in.Inputs {
		if err := m.addV2(t, &entries); err != nil {
			return nil, err
		}
	}
	if len(m.tensors) == 0 {
		return nil, refuse("", "the ModelInferRequest has no inputs")
	}
	return m, entries.left()
}

func decodeV2ProtoResponse(p message.Message) (*content, error) {
	var in inference.ModelInferResponse
	if err := proto.Unmarshal(p.Body, &in); err != nil {
		return nil, refuse("", "not a ModelInferResponse: %s", reason(err))
	}
	m := &content{id: in.Id, model: in.ModelName, version: in.ModelVersion}
	if len(in.RawOutputContents) > 0 {
		m.layout = apart
	}
	m.contentType = in.Parameters["content_type"].GetStringParam()
	entries := rawContents{entries: in.RawOutputContents}
	for _, t := range in.Outputs {
		if err := m.addV2(t, &entries); err != nil {
			return nil, err
		}
	}
	return m, entries.left()
}

// protoTensor is what inputs and outputs have in common.
type protoTensor interface {
	GetName() string
	GetDatatype() string
	GetShape() []int64
	GetContents() *inference.InferTensorContents
}

// rawContents hands out raw entries to the tensors without contents.
type rawContents struct {
	entries [][]byte
	next    int
}

func (r *rawContents) take() ([]byte, bool) {
	if r.next == len(r.entries) {
		return nil, false
	}
	r.next++
	return r.entries[r.next-1], true
}

func (r *rawContents) left() error {
	if left := len(r.entries) - r.next; left > 0 {
		return refuse("", "%d raw contents belong to no tensor", left)
	}
	return nil
}

func (m *content) addV2(in protoTensor, entries *rawContents) error {
	name := in.GetName()
	dtype, ok := tensor.ParseDType(in.GetDatatype())
	if !ok {
		return refuse(name, "unknown datatype %q", in.GetDatatype())
	}
	t, err := fromV2Contents(in, dtype, entries)
	if err != nil {
		return blame(name, err)
	}
	t.Name = name
	m.tensors = append(m.tensors, t)
	return nil
}

func fromV2Contents(in protoTensor, dtype tensor.DType, entries *rawContents) (tensor.Tensor, error) {
	contents := in.GetContents()
	// Servers that answer raw may still send contents, empty.
	if contents == nil || proto.Size(contents) == 0 {
		if entry, ok := entries.take(); ok {
			return tensor.FromRaw(dtype, in.GetShape(), entry)
		}
	}
	switch dtype {
	case tensor.Bytes:
		return tensor.NewBytes(in.GetShape(), contents.GetBytesContents())
	case tensor.FP16, tensor.BF16:
		if contents != nil {
			return tensor.Tensor{}, refuse("", "%v has no place in contents, only raw", dtype)
		}
	}
	elements, err := contentsBytes(contents, dtype)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return tensor.New(dtype, in.GetShape(), elements)
}

// contentsBytes are the elements in the field of a type, as little-endian
// bytes.
func contentsBytes(in *inference.InferTensorContents, dtype tensor.DType) ([]byte, error) {
	switch dtype {
	case tensor.Bool:
		return littleEndianBools(in.GetBoolContents()), nil
	case tensor.FP32:
		return littleEndianFloats(in.GetFp32Contents()), nil
	case tensor.FP64:
		return littleEndian64(in.GetFp64Contents()), nil
	case tensor.Int64:
		return appendWords(nil, in.GetInt64Contents(), 8), nil
	case tensor.Uint64:
		return appendWords(nil, in.GetUint64Contents(), 8), nil
	case tensor.Int32:
		return appendWords(nil, in.GetIntContents(), 4), nil
	case tensor.Uint32:
		return appendWords(nil, in.GetUintContents(), 4), nil
	case tensor.Int8, tensor.Int16:
		return narrowWords(in.GetIntContents(), dtype)
	case tensor.Uint8, tensor.Uint16:
		return narrowWords(in.GetUintContents(), dtype)
	}
	return nil, nil
}

// narrowWords refuses integers that the declared type cannot hold.
func narrowWords[T int32 | uint32](values []T, dtype tensor.DType) ([]byte, error) {
	bits := 8 * dtype.Size()
	low, high := int64(0), int64(1)<<bits-1
	if dtype == tensor.Int8 || dtype == tensor.Int16 {
		low, high = -1<<(bits-1), 1<<(bits-1)-1
	}
	for i, v := range values {
		if int64(v) < low || int64(v) > high {
			return nil, refuse("", "element %d: %d is out of range (%v)", i, v, dtype)
		}
	}
	return appendWords(nil, values, dtype.Size()), nil
}

// encodeV2ProtoRequest sends raw contents, which hold every type.
func encodeV2ProtoRequest(m *content) (message.Message, error) {
	out := &inference.ModelInferRequest{ModelName: m.model, ModelVersion: m.version, Id: m.id, Parameters: contentParameter(m.contentType)}
	for i, t := range m.tensors {
		if t.Name == "" && len(m.tensors) == 1 {
			t.Name = unnamedInput
		}
		typed, raw, err := rawEntry(t)
		if err != nil {
			return message.Message{}, blame(t.Name, err)
		}
		input := &inference.ModelInferRequest_InferInputTensor{Name: t.Name, Datatype: typed.DType.String(), Shape: t.Shape}
		if i < len(m.contentTypes) {
			input.Parameters = contentParameter(m.contentTypes[i])
		}
		out.Inputs = append(out.Inputs, input)
		out.RawInputContents = append(out.RawInputContents, raw)
	}
	for _, w := range m.outputs {
		out.Outputs = append(out.Outputs, &inference.ModelInferRequest_InferRequestedOutputTensor{Name: w.name})
	}
	return marshal(out)
}

// contentParameter tells MLServer what something is; nothing for no word.
func contentParameter(contentType string) map[string]*inference.InferParameter {
	if contentType == "" {
		return nil
	}
	return map[string]*inference.InferParameter{"content_type": {
		ParameterChoice: &inference.InferParameter_StringParam{StringParam: contentType}}}
}

func rawEntry(t tensor.Tensor) (typed tensor.Tensor, raw []byte, err error) {
	if typed, err = t.Typed(); err != nil {
		return typed, nil, err
	}
	raw, err = typed.Raw()
	return typed, raw, err
}

// encodeV2ProtoResponse answers raw contents with raw contents, and with them
// as well where a type has no other place.
func encodeV2ProtoResponse(m, asked *content) (message.Message, error) {
	if err := m.columnsAsOutputs(); err != nil {
		return message.Message{}, err
	}
	out := &inference.ModelInferResponse{ModelName: m.model, ModelVersion: m.version, Id: asked.id}
	asRaw := asked.layout == apart
	for _, t := range m.tensors {
		asRaw = asRaw || t.DType == tensor.FP16 || t.DType == tensor.BF16
	}
	for _, t := range m.tensors {
		typed, entry, err := rawEntry(t)
		if err != nil {
			return message.Message{}, blame(t.Name, err)
		}
		output := &inference.ModelInferResponse_InferOutputTensor{
			Name: t.Name, Datatype: typed.DType.String(), Shape: t.Shape}
		if asRaw {
			out.RawOutputContents = append(out.RawOutputContents, entry)
		} else {
			output.Contents = toV2Contents(&typed, entry)
		}
		out.Outputs = append(out.Outputs, output)
	}
	return marshal(out)
}
