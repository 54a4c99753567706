package translate

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// Chain makes an answer the next request of the same protocol without reading
// the numbers in it. A JSON request passes unchanged. In the proto forms p must
// be an answer, since its bytes alone do not tell; model becomes the model name
// of the new request.
func Chain(form Form, p message.Message, model string) (message.Message, error) {
	switch form {
	case SeldonJSON, SeldonProto:
		return p, nil
	case TensorFlowJSON:
		return chainTensorFlowJSON(p)
	case V2JSON:
		return chainV2JSON(p)
	case TensorFlowProto:
		return chainTensorFlowProto(p, model)
	case V2Proto:
		return chainV2Proto(p, model)
	}
	return message.Message{}, refuse("", "no such form")
}

func chainTensorFlowJSON(p message.Message) (message.Message, error) {
	p.JSONLength = 0
	fields, err := jsontext.ParseObject(p.Body)
	if err != nil {
		return message.Message{}, refuse("", "the answer cannot become a request: %s", reason(err))
	}
	if hasRowsOrColumns(fields) {
		return p, nil
	}
	if f, ok := fields.Find("predictions"); ok {
		return rename(p, f, `"instances"`), nil
	}
	if f, ok := fields.Find("outputs"); ok {
		return rename(p, f, `"inputs"`), nil
	}
	return message.Message{}, refuse("", "the answer cannot become a request: it has neither predictions nor outputs")
}

func chainV2JSON(p message.Message) (message.Message, error) {
	fields, _, err := splitV2(p)
	if err != nil {
		return message.Message{}, err
	}
	if _, ok := fields.Find("inputs"); ok {
		return p, nil
	}
	f, ok := fields.Find("outputs")
	if !ok {
		return message.Message{}, refuse("", "the answer cannot become a request: it has no outputs")
	}
	return rename(p, f, `"inputs"`), nil
}

// rename replaces a key; all other bytes stay.
func rename(p message.Message, f jsontext.Field, key string) message.Message {
	body := make([]byte, 0, len(p.Body)+len(key))
	body = append(body, p.Body[:f.KeyStart]...)
	body = append(body, key...)
	out := p
	out.Body = append(body, p.Body[f.KeyEnd:]...)
	if p.JSONLength > 0 {
		out.JSONLength += len(key) - (f.KeyEnd - f.KeyStart)
	}
	return out
}

// Field numbers of the messages that are rewritten without being decoded.
const (
	responseOutputs  protowire.Number = 1 // PredictResponse
	requestModelSpec protowire.Number = 1 // PredictRequest
	requestInputs    protowire.Number = 2
	modelSpecName    protowire.Number = 1

	inferModelName    protowire.Number = 1 // ModelInferRequest and ModelInferResponse
	inferModelVersion protowire.Number = 2
	rawInputs         protowire.Number = 7
	rawOutputs        protowire.Number = 6
)

// chainTensorFlowProto keeps the tensors alone, of which there may be none:
// version and signature are those of the model that answered.
func chainTensorFlowProto(p message.Message, model string) (message.Message, error) {
	body := make([]byte, 0, len(p.Body)+len(model)+16)
	if model != "" {
		spec := protowire.AppendString(protowire.AppendTag(nil, modelSpecName, protowire.BytesType), model)
		body = protowire.AppendBytes(protowire.AppendTag(body, requestModelSpec, protowire.BytesType), spec)
	}
	err := eachField(p.Body, func(number protowire.Number, kind protowire.Type, field, value []byte) {
		if number == responseOutputs && kind == protowire.BytesType {
			body = append(protowire.AppendTag(body, requestInputs, kind), value...)
		}
	})
	p.Body = body
	return p, err
}

// chainV2Proto keeps id, parameters, tensors and raw contents, as many as there
// are.
func chainV2Proto(p message.Message, model string) (message.Message, error) {
	body := make([]byte, 0, len(p.Body)+len(model)+8)
	if model != "" {
		body = protowire.AppendString(protowire.AppendTag(body, inferModelName, protowire.BytesType), model)
	}
	err := eachField(p.Body, func(number protowire.Number, kind protowire.Type, field, value []byte) {
		switch number {
		case inferModelName, inferModelVersion:
		case rawOutputs:
			body = append(protowire.AppendTag(body, rawInputs, kind), value...)
		default:
			body = append(body, field...)
		}
	})
	p.Body = body
	return p, err
}

// eachField visits the fields of a message: field is all of its bytes, value
// those behind the tag.
func eachField(body []byte, visit func(number protowire.Number, kind protowire.Type, field, value []byte)) error {
	for len(body) > 0 {
		number, kind, tag := protowire.ConsumeTag(body)
		if tag < 0 {
			return refuse("", "not a protobuf message: %v", protowire.ParseError(tag))
		}
		n := protowire.ConsumeFieldValue(number, kind, body[tag:])
		if n < 0 {
			return refuse("", "not a protobuf message: %v", protowire.ParseError(n))
		}
		visit(number, kind, body[:tag+n], body[tag:tag+n])
		body = body[tag+n:]
	}
	return nil
}
