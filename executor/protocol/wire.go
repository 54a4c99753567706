package protocol

import (
	"github.com/prime-radiant/radiant/executor/message"
	"google.golang.org/protobuf/encoding/protowire"
)

// StringAt returns the string field of a protobuf message that the field
// numbers lead to, the last one if it is repeated, and "" if there is none.
// It decodes nothing else.
func StringAt(body []byte, way []protowire.Number) string {
	found := ""
	if len(way) == 0 {
		return ""
	}
	for len(body) > 0 {
		number, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return found
		}
		body = body[n:]
		if number != way[0] || kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, body); n < 0 {
				return found
			}
			body = body[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(body)
		if n < 0 {
			return found
		}
		body = body[n:]
		if len(way) == 1 {
			found = string(value)
		} else if deeper := StringAt(value, way[1:]); deeper != "" {
			found = deeper
		}
	}
	return found
}

// stringField writes a string at the end of the way, wrapped in the messages
// along it. Written behind a message it sets the field there: of what is
// repeated, protobuf takes the last.
func stringField(way []protowire.Number, value string) []byte {
	b := []byte(value)
	for i := len(way) - 1; i >= 0; i-- {
		b = protowire.AppendBytes(protowire.AppendTag(nil, way[i], protowire.BytesType), b)
	}
	return b
}

// WithModel returns a request that names the model, if this dialect's requests
// do so and this one does not yet.
func (d *Dialect) WithModel(m message.Message, name string) message.Message {
	if len(d.Name) == 0 || StringAt(m.Tail, d.Name) != "" || StringAt(m.Body, d.Name) != "" {
		return m
	}
	m.Tail = append(stringField(d.Name, name), m.Tail...)
	return m
}

// True is a message whose one field says true.
func True(field protowire.Number) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), 1)
}
