package translate

import (
	"bytes"
	"cmp"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// Canonical writes a message so that two that say the same are equal: members and
// fields in one order, JSON without white space, numbers and strings as they are
// spelled. The id of a v2 message is left out and returned; that there is one counts.
// What is no message of the form is its own bytes.
func Canonical(form Form, p message.Message) (words []byte, id string) {
	if form.text() {
		return canonicalText(form, p)
	}
	var m proto.Message
	switch {
	case form == SeldonProto:
		m = &seldon.SeldonMessage{}
	case form == TensorFlowProto && p.Answer:
		m = &tensorflow.PredictResponse{}
	case form == TensorFlowProto:
		m = &tensorflow.PredictRequest{}
	default:
		m = &inference.ModelInferRequest{}
	}
	if proto.Unmarshal(p.Body, m) != nil {
		return p.Body, ""
	}
	if r, ok := m.(*inference.ModelInferRequest); ok && r.Id != "" {
		id, r.Id = r.Id, "-"
	}
	words, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return p.Body, ""
	}
	return words, id
}

func canonicalText(form Form, p message.Message) (words []byte, id string) {
	text, tail := splitJSON(p)
	value, err := jsontext.Value(text)
	if err != nil {
		return p.Body, ""
	}
	words = make([]byte, 0, len(p.Body)+16)
	if fields, err := jsontext.ParseObject(value); err == nil && form == V2JSON {
		if f, ok := fields.Find("id"); ok {
			id, _ = fields.Text("id")
			value = slices.Concat(value[:f.Start], []byte(`"-"`), value[f.End:])
		}
	}
	words = appendCanonical(words, value)
	if tail != nil {
		words = append(append(words, 0), tail...)
	}
	return words, id
}

// appendCanonical appends a JSON value that has been checked.
func appendCanonical(dst, value []byte) []byte {
	switch jsontext.TypeOf(value) {
	case jsontext.Object:
		fields, err := jsontext.ParseObject(value)
		if err != nil {
			return append(dst, value...)
		}
		slices.SortStableFunc(fields, func(a, b jsontext.Field) int { return cmp.Compare(a.Key, b.Key) })
		dst = append(dst, '{')
		for _, f := range fields {
			dst = append(jsontext.AppendQuoted(dst, []byte(f.Key)), ':')
			dst = append(appendCanonical(dst, f.Value), ',')
		}
		return append(dst, '}')
	case jsontext.Array:
		if !bytes.ContainsAny(value, `{"`) {
			return appendCompact(dst, value)
		}
		elements, err := jsontext.ParseArray(value)
		if err != nil {
			return append(dst, value...)
		}
		dst = append(dst, '[')
		for _, e := range elements {
			dst = append(appendCanonical(dst, e), ',')
		}
		return append(dst, ']')
	case jsontext.String:
		if s, err := jsontext.Unquote(value); err == nil {
			return jsontext.AppendQuoted(dst, s)
		}
	}
	return append(dst, value...)
}

// appendCompact appends arrays without strings and objects, without white space,
// and as those with them are written.
func appendCompact(dst, value []byte) []byte {
	for i, c := range value {
		switch {
		case c <= ' ':
		case c == ']' && i > 0 && dst[len(dst)-1] != '[':
			dst = append(dst, ',', ']')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// WithID gives a v2 answer that has an id this one. No id changes nothing.
func WithID(form Form, p message.Message, id string) message.Message {
	if id == "" {
		return p
	}
	switch form {
	case V2Proto:
		const field = 3 // ModelInferResponse.id
		var r inference.ModelInferResponse
		r.Id = id
		if more, err := proto.Marshal(&r); err == nil && protoHas(p.Body, field) {
			// Of what is repeated, protobuf takes the last.
			p.Body = slices.Concat(p.Body, more)
		}
	case V2JSON:
		fields, _, err := splitV2(p)
		if err != nil {
			return p
		}
		if f, ok := fields.Find("id"); ok {
			quoted := jsontext.AppendQuoted(nil, []byte(id))
			p.Body = slices.Concat(p.Body[:f.Start], quoted, p.Body[f.End:])
			if p.JSONLength > 0 {
				p.JSONLength += len(quoted) - (f.End - f.Start)
			}
		}
	}
	return p
}

func protoHas(body []byte, field protowire.Number) bool {
	found := false
	_ = eachField(body, func(number protowire.Number, _ protowire.Type, _, _ []byte) { found = found || number == field })
	return found
}

// Failed reports whether a good answer says all the same that it is a failure, as
// seldon messages can.
func Failed(form Form, p message.Message) bool {
	switch form {
	case SeldonJSON:
		fields, err := jsontext.ParseObject(p.Body)
		return err != nil || seldonFailure(fields.Value("status")) != nil
	case SeldonProto:
		var m seldon.SeldonMessage
		return proto.Unmarshal(p.Body, &m) != nil || m.GetStatus().GetStatus() == seldon.Status_FAILURE
	}
	return false
}
