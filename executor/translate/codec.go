package translate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// protocol is what the forms of one protocol have in common.
type protocol uint8

const (
	seldonProtocol protocol = iota
	tensorFlow
	v2
	bento
)

// content is what a request or an answer says, between decoder and encoder.
type content struct {
	tensors []tensor.Tensor
	// layout is where the message has the elements of its tensors.
	layout layout
	// table says that the tensors are the columns of one table; where it cannot
	// be a table, notArray is why it is not an array either.
	table    bool
	notArray error
	// nulls says that NaN in a table is written as null.
	nulls bool

	// field and names are how a seldon message is written; value is its
	// jsonData, or the answer to one.
	field dataField
	names []string
	value []byte
	meta  meta

	// id is a v2 message's id, a seldon message's puid.
	id string
	// model, version and signature are those that the message names.
	model, version, signature string
	outputs                   []wantedOutput
	// contentType tells MLServer what to make of a request's tensors, and of
	// each; its answer tells the same.
	contentType  string
	contentTypes []string
	// route is the one of a Bento that a request is for, and arguments are what its
	// parameters get.
	route     *BentoRoute
	arguments []bentoArgument
	// room is memory to write the message into; nil: it needs its own.
	room []byte
	// mlserver says that the server which a request is for is MLServer.
	mlserver bool
}

// layout is where a message has the elements of its tensors.
type layout uint8

const (
	// byTensor: each tensor has its own.
	byTensor layout = iota
	// byRow: a list of rows, as TensorFlow's instances and predictions are.
	byRow
	// apart: bytes apart from the tensors, behind the JSON of a v2 message or in
	// the raw contents of its protobuf.
	apart
)

// wantedOutput is an output that a request names.
type wantedOutput struct {
	name string
	// binary asks for it after the JSON of a v2 answer.
	binary bool
}

// choose leaves the named tensors, in the order of the names. No names leave
// all.
func (m *content) choose(wanted []wantedOutput) error {
	if len(wanted) == 0 || m.field == dataJSON {
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

// codec is one form: how its messages are read and written.
type codec struct {
	protocol       protocol
	decodeRequest  func(message.Message) (*content, error)
	encodeRequest  func(*content) (message.Message, error)
	decodeResponse func(message.Message) (*content, error)
	encodeResponse func(m, asked *content) (message.Message, error)
	// json serves seldon's jsonData.
	json jsonData
}

// codecs is the table of the forms.
func codecs() [lastForm + 1]codec {
	return [...]codec{
		SeldonJSON: {
			protocol:       seldonProtocol,
			decodeRequest:  decodeSeldonJSON,
			encodeRequest:  encodeSeldonJSONRequest,
			decodeResponse: decodeSeldonJSON,
			encodeResponse: encodeSeldonJSONResponse,
			json:           jsonData{read: readSeldonValue, write: writeTensorsByName},
		},
		SeldonProto: {
			protocol:       seldonProtocol,
			decodeRequest:  decodeSeldonProto,
			encodeRequest:  encodeSeldonProtoRequest,
			decodeResponse: decodeSeldonProto,
			encodeResponse: encodeSeldonProtoResponse,
			json:           jsonData{numbers: tensor.FP64, read: readSeldonValue, write: writeTensorsByName},
		},
		TensorFlowJSON: {
			protocol:       tensorFlow,
			decodeRequest:  decodeTensorFlowJSONRequest,
			encodeRequest:  encodeTensorFlowJSONRequest,
			decodeResponse: decodeTensorFlowJSONResponse,
			encodeResponse: encodeTensorFlowJSONResponse,
			json: jsonData{native: isTensorFlowRequest, pass: passTensorFlowJSON, read: readTensorFlowValue,
				passAnswer: passBody, write: writeTensorFlowValue},
		},
		TensorFlowProto: {
			protocol:       tensorFlow,
			decodeRequest:  decodeTensorFlowProtoRequest,
			encodeRequest:  encodeTensorFlowProtoRequest,
			decodeResponse: decodeTensorFlowProtoResponse,
			encodeResponse: encodeTensorFlowProtoResponse,
			json:           jsonData{native: isTensorFlowRequest, read: readTensorFlowValue, write: writeTensorFlowValue},
		},
		V2JSON: {
			protocol:       v2,
			decodeRequest:  decodeV2JSONRequest,
			encodeRequest:  encodeV2JSONRequest,
			decodeResponse: decodeV2JSONResponse,
			encodeResponse: encodeV2JSONResponse,
			json: jsonData{native: isV2Request, pass: passV2JSON, read: readV2Value,
				passAnswer: passBody, write: writeV2Value},
		},
		V2Proto: {
			protocol:       v2,
			decodeRequest:  decodeV2ProtoRequest,
			encodeRequest:  encodeV2ProtoRequest,
			decodeResponse: decodeV2ProtoResponse,
			encodeResponse: encodeV2ProtoResponse,
			json:           jsonData{native: isV2Request, read: readV2Value, write: writeV2Value},
		},
		BentoJSON: {
			protocol:       bento,
			decodeRequest:  undecodedBento,
			encodeRequest:  encodeBentoRequest,
			decodeResponse: decodeBentoResponse,
			encodeResponse: unencodedBento,
			json:           jsonData{pass: passBento, read: readSeldonValue, write: writeTensorsByName},
		},
	}
}

// text reports whether the form is JSON, in which an empty message is no
// message at all.
func (f Form) text() bool {
	return f == SeldonJSON || f == TensorFlowJSON || f == V2JSON || f == BentoJSON
}

// protocol is the one that the form belongs to.
func (f Form) protocol() protocol { return codecs()[f].protocol }

func (f Form) codec() (codec, error) {
	if f == NoForm || f > lastForm {
		return codec{}, refuse("", "no such form")
	}
	return codecs()[f], nil
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

// byKnowledge says of an error that what is known of the server has a part in
// it.
func byKnowledge(err error) error {
	if err == nil {
		return nil
	}
	known := *typed(err)
	known.Known = true
	return &known
}

// located makes any error an [*Error] of the node.
func located(err error, node string) error {
	at := *typed(err)
	at.Node = node
	return &at
}

// typed makes any error an [*Error].
func typed(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Reason: err.Error()}
}

func nameList(specs []TensorSpec) string {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = fmt.Sprintf("%q", s.Name)
	}
	return strings.Join(names, ", ")
}

// outcomeRoom is memory for what is made of a message: its numbers, which are nearly
// all of it, and names.
func outcomeRoom(p message.Message) []byte {
	if p.Meta == nil {
		return nil
	}
	return p.Meta.Lease.Room(len(p.Body) + len(p.Body)/8 + wordsRoom)
}

// wordsRoom is what the words of a message take that are not its numbers.
const wordsRoom = 512

func jsonPayload(body []byte) message.Message {
	return message.Message{Body: body, Type: "application/json"}
}

func protoPayload(body []byte) message.Message {
	return message.Message{Body: body, Type: "application/protobuf"}
}
