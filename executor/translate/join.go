package translate

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// Join is what a combiner node is sent: the answers of its children as a JSON
// array, verbatim, or as a SeldonMessageList. The other proto forms have no
// such message. What the first answer has besides its text stays.
func Join(form Form, ps []message.Message) (message.Message, error) {
	out, err := join(form, ps)
	if err != nil || len(ps) == 0 {
		return out, err
	}
	return carry(out, ps[0]), nil
}

func join(form Form, ps []message.Message) (message.Message, error) {
	switch form {
	case SeldonJSON, TensorFlowJSON, V2JSON:
		return joinJSON(ps)
	case SeldonProto:
		return joinSeldonProto(ps)
	case TensorFlowProto:
		return message.Message{}, refuse("", "TensorFlow Serving's gRPC service has no message for the answers of several children")
	case V2Proto:
		return message.Message{}, refuse("", "the inference protocol's gRPC service has no message for the answers of several children")
	}
	return message.Message{}, refuse("", "no such form")
}

func joinJSON(ps []message.Message) (message.Message, error) {
	size := 2
	for _, p := range ps {
		size += len(p.Body) + 1
	}
	out := message.Message{Type: "application/json"}
	out.Body = append(make([]byte, 0, size), '[')
	for i, p := range ps {
		if p.JSONLength > 0 && p.JSONLength < len(p.Body) {
			return message.Message{}, refuse("", "child %d: its answer has tensors outside the JSON", i)
		}
		value, err := jsontext.Value(p.Body)
		if err != nil {
			return message.Message{}, refuse("", "child %d: data is not JSON: %s", i, reason(err))
		}
		if i > 0 {
			out.Body = append(out.Body, ',')
		}
		out.Body = append(out.Body, value...)
	}
	if len(ps) > 0 && ps[0].Type != "" {
		out.Type = ps[0].Type
	}
	out.Body = append(out.Body, ']')
	return out, nil
}

// listMessages is the field of SeldonMessageList.
const listMessages protowire.Number = 1

func joinSeldonProto(ps []message.Message) (message.Message, error) {
	size := 0
	for _, p := range ps {
		size += len(p.Body) + 8
	}
	body := make([]byte, 0, size)
	for i, p := range ps {
		if err := eachField(p.Body, func(protowire.Number, protowire.Type, []byte, []byte) {}); err != nil {
			return message.Message{}, ofChild(i, err)
		}
		body = protowire.AppendBytes(protowire.AppendTag(body, listMessages, protowire.BytesType), p.Body)
	}
	return protoPayload(body), nil
}
