package translate

import (
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
)

// Answer writes an answer in JSON as the message of the same protocol.
func Answer(from, to Form, body []byte) ([]byte, error) {
	if from == SeldonJSON {
		// Its JSON is that of its messages, which need not hold data.
		var m seldon.SeldonMessage
		if err := protojson.Unmarshal(body, &m); err != nil {
			return nil, refuse("", "it is no seldon message: %s", reason(err))
		}
		return proto.Marshal(&m)
	}
	decoder, err := from.codec()
	if err != nil {
		return nil, err
	}
	encoder, err := to.codec()
	if err != nil {
		return nil, err
	}
	m, err := decoder.decodeResponse(message.Message{Body: body, Type: "application/json"})
	if err != nil {
		return nil, err
	}
	p, err := encoder.encodeResponse(m, &content{})
	return p.Body, err
}
