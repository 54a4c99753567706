package translate

import (
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// ToRaw writes the elements of a request's inputs as raw contents, which some servers
// answer by raw contents. It is false for a request that has some, or cannot be read:
// the request stays as it is.
func ToRaw(m message.Message) (message.Message, bool) {
	var in inference.ModelInferRequest
	if proto.Unmarshal(m.Body, &in) != nil || len(in.RawInputContents) > 0 || len(in.Inputs) == 0 {
		return m, false
	}
	for _, t := range in.Inputs {
		raw, _, ok := rawOf(t, &rawContents{})
		if !ok {
			return m, false
		}
		t.Contents = nil
		in.RawInputContents = append(in.RawInputContents, raw)
	}
	return rewritten(m, &in)
}

// FromRaw writes the raw contents of an answer as contents, for a client that sent no
// raw ones. It is false where that cannot be, as with FP16: the answer stays as it is.
func FromRaw(m message.Message) (message.Message, bool) {
	var in inference.ModelInferResponse
	if proto.Unmarshal(m.Body, &in) != nil || len(in.RawOutputContents) == 0 {
		return m, false
	}
	entries := &rawContents{entries: in.RawOutputContents}
	for _, t := range in.Outputs {
		raw, typed, ok := rawOf(t, entries)
		if !ok || typed.DType == tensor.FP16 || typed.DType == tensor.BF16 {
			return m, false
		}
		t.Contents = toV2Contents(&typed, raw)
	}
	in.RawOutputContents = nil
	return rewritten(m, &in)
}

// rawOf are the elements of a tensor as raw contents, and the tensor.
func rawOf(in protoTensor, entries *rawContents) (raw []byte, typed tensor.Tensor, ok bool) {
	dtype, ok := tensor.ParseDType(in.GetDatatype())
	if !ok {
		return nil, typed, false
	}
	t, err := fromV2Contents(in, dtype, entries)
	if err != nil {
		return nil, typed, false
	}
	typed, raw, err = rawEntry(t)
	return raw, typed, err == nil
}

func rewritten(m message.Message, in proto.Message) (message.Message, bool) {
	body, err := proto.Marshal(in)
	if err != nil {
		return m, false
	}
	m.Body = body
	return m, true
}
