package translate

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// Join is what a combiner node is sent: the answers of its children as a JSON
// array, verbatim, or as a SeldonMessageList. The other proto forms have no
// such message.
func Join(form Form, ps []Payload) (Payload, error) {
	switch form {
	case SeldonJSON, TensorFlowJSON, V2JSON:
		return joinJSON(ps)
	case SeldonProto:
		return joinSeldonProto(ps)
	case TensorFlowProto:
		return Payload{}, refuse("", "TensorFlow Serving's gRPC service has no message for the answers of several children")
	case V2Proto:
		return Payload{}, refuse("", "the inference protocol's gRPC service has no message for the answers of several children")
	}
	return Payload{}, refuse("", "no such form")
}

func joinJSON(ps []Payload) (Payload, error) {
	size := 2
	for _, p := range ps {
		size += len(p.Body) + 1
	}
	out := Payload{ContentType: "application/json"}
	out.Body = append(make([]byte, 0, size), '[')
	for i, p := range ps {
		if p.JSONLength > 0 && p.JSONLength < len(p.Body) {
			return Payload{}, refuse("", "child %d: its answer has tensors outside the JSON", i)
		}
		value, err := jsontext.Value(p.Body)
		if err != nil {
			return Payload{}, refuse("", "child %d: data is not JSON: %s", i, reason(err))
		}
		if i > 0 {
			out.Body = append(out.Body, ',')
		}
		out.Body = append(out.Body, value...)
	}
	if len(ps) > 0 && ps[0].ContentType != "" {
		out.ContentType = ps[0].ContentType
	}
	out.Body = append(out.Body, ']')
	return out, nil
}

// listMessages is the field of SeldonMessageList.
const listMessages protowire.Number = 1

func joinSeldonProto(ps []Payload) (Payload, error) {
	size := 0
	for _, p := range ps {
		size += len(p.Body) + 8
	}
	body := make([]byte, 0, size)
	for i, p := range ps {
		if err := eachField(p.Body, func(protowire.Number, protowire.Type, []byte, []byte) {}); err != nil {
			return Payload{}, ofChild(i, err)
		}
		body = protowire.AppendBytes(protowire.AppendTag(body, listMessages, protowire.BytesType), p.Body)
	}
	return protoPayload(body), nil
}
