package translate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// protocol is what the forms of one protocol have in common.
type protocol uint8

const (
	seldonProtocol protocol = iota
	tensorFlow
	v2
)

// content is what a request or an answer says, between decoder and encoder.
type content struct {
	tensors []tensor.Tensor

	// kind and names are how a seldon message is written; value is its
	// jsonData, or the answer to one.
	kind  kind
	names []string
	value []byte
	meta  meta
	// doubles: the numbers in value are protobuf's, whose spelling is exact
	// for a double alone.
	doubles bool

	// id is a v2 message's id, a seldon message's puid.
	id string
	// model, version and signature are those that the message names.
	model, version, signature string
	// rows: a TensorFlow JSON request lists instances, its answer predictions.
	rows bool
	// raw: a v2 proto request has its elements in raw_input_contents.
	raw     bool
	outputs []wantedOutput
	// frame: the tensors of a request to a v2 server are columns of one table.
	frame bool
	// binary: a v2 JSON request wants all outputs after the JSON.
	binary bool
}

// wantedOutput is an output that a request names.
type wantedOutput struct {
	name string
	// binary asks for it after the JSON of a v2 answer.
	binary bool
}

// choose leaves the named tensors, in the order of the names. No names leave
// all.
func (m *content) choose(wanted []wantedOutput) error {
	if len(wanted) == 0 || m.kind == kindJSON {
		return nil
	}
	chosen := make([]tensor.Tensor, 0, len(wanted))
	for _, w := range wanted {
		i := 0
		for i < len(m.tensors) && m.tensors[i].Name != w.name {
			i++
		}
		if i == len(m.tensors) {
			return refuse(w.name, "the model server's answer has no such output")
		}
		chosen = append(chosen, m.tensors[i])
	}
	m.tensors = chosen
	return nil
}

// codec is one form. The last five functions serve seldon's jsonData: isRequest
// tells a request in the protocol's own JSON, passJSON makes the value the request
// as it stands, readJSON finds the tensors in it; passAnswer makes a JSON answer
// the value, writeJSON any other. Those that pass may decline.
type codec struct {
	protocol       protocol
	decodeRequest  func(message.Message) (*content, error)
	encodeRequest  func(*content) (message.Message, error)
	decodeResponse func(message.Message) (*content, error)
	encodeResponse func(m, asked *content) (message.Message, error)
	isRequest      func([]byte) bool
	passJSON       func([]byte, *Options) (p message.Message, ok bool, err error)
	readJSON       func([]byte) ([]tensor.Tensor, error)
	passAnswer     func(message.Message) (value []byte, ok bool, err error)
	writeJSON      func(m, asked *content) ([]byte, error)
}

// json reports whether the form is text, in which an empty message is no
// message at all.
func (f Form) json() bool { return f == SeldonJSON || f == TensorFlowJSON || f == V2JSON }

func (f Form) codec() (codec, error) {
	switch f {
	case SeldonJSON:
		return codec{seldonProtocol, decodeSeldonJSON, encodeSeldonJSONRequest, decodeSeldonJSON, encodeSeldonJSONResponse,
			never, nil, readSeldonValue, nil, writeTensorsByName}, nil
	case SeldonProto:
		return codec{seldonProtocol, decodeSeldonProto, encodeSeldonProtoRequest, decodeSeldonProto, encodeSeldonProtoResponse,
			never, nil, readSeldonValue, nil, writeTensorsByName}, nil
	case TensorFlowJSON:
		return codec{tensorFlow, decodeTensorFlowJSONRequest, encodeTensorFlowJSONRequest, decodeTensorFlowJSONResponse,
			encodeTensorFlowJSONResponse, isTensorFlowRequest, passTensorFlowJSON, readTensorFlowValue, passBody, writeTensorFlowValue}, nil
	case TensorFlowProto:
		return codec{tensorFlow, decodeTensorFlowProtoRequest, encodeTensorFlowProtoRequest, decodeTensorFlowProtoResponse,
			encodeTensorFlowProtoResponse, isTensorFlowRequest, nil, readTensorFlowValue, nil, writeTensorFlowValue}, nil
	case V2JSON:
		return codec{v2, decodeV2JSONRequest, encodeV2JSONRequest, decodeV2JSONResponse, encodeV2JSONResponse,
			isV2Request, passV2JSON, readV2Value, passBody, writeV2Value}, nil
	case V2Proto:
		return codec{v2, decodeV2ProtoRequest, encodeV2ProtoRequest, decodeV2ProtoResponse, encodeV2ProtoResponse,
			isV2Request, nil, readV2Value, nil, writeV2Value}, nil
	}
	return codec{}, refuse("", "no such form")
}

func never([]byte) bool { return false }

// passBody declines where elements are behind the JSON.
func passBody(p message.Message) (value []byte, ok bool, err error) {
	if p.JSONLength > 0 && p.JSONLength < len(p.Body) {
		return nil, false, nil
	}
	if value, err = jsontext.Value(p.Body); err != nil {
		return nil, false, refuse("", "the model server's answer: %s", reason(err))
	}
	return value, true, nil
}

// refuse makes the error of one tensor; an empty name means the message.
func refuse(name, format string, args ...any) error {
	return &Error{Tensor: name, Reason: fmt.Sprintf(format, args...)}
}

// reason is the text of an error, without what an [*Error] says before it.
func reason(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return err.Error()
}

// blame makes an error that of one tensor.
func blame(name string, err error) error { return &Error{Tensor: name, Reason: reason(err)} }

// located makes any error an [*Error] of the node.
func located(err error, node string) error {
	var e *Error
	if errors.As(err, &e) {
		named := *e
		named.Node = node
		return &named
	}
	return &Error{Node: node, Reason: err.Error()}
}

func nameList(specs []TensorSpec) string {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = fmt.Sprintf("%q", s.Name)
	}
	return strings.Join(names, ", ")
}

func jsonPayload(body []byte) message.Message {
	return message.Message{Body: body, Type: "application/json"}
}

func protoPayload(body []byte) message.Message {
	return message.Message{Body: body, Type: "application/protobuf"}
}
