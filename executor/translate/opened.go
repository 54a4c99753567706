package translate

import (
	"slices"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// Opened is a message that was read, for those who read and change messages
// inside the executor, in whatever form.
type Opened struct {
	// Tensors may be changed and replaced, but for their elements.
	Tensors []tensor.Tensor

	// Columns are the names that a seldon message gives the columns of its table;
	// they may be replaced.
	Columns []string

	form    Form
	codec   codec
	source  message.Message
	content *content
	// request: the message is a request in a form that writes answers
	// differently.
	request bool
}

// Open reads a message, which is a request unless its Answer is set. Errors are
// of type [*Error].
func Open(form Form, m message.Message) (*Opened, error) {
	c, err := form.codec()
	if err != nil {
		return nil, err
	}
	o := &Opened{form: form, codec: c, source: m, request: !m.Answer && c.protocol != seldonProtocol}
	decode := c.decodeResponse
	if o.request {
		decode = c.decodeRequest
	}
	if o.content, err = decode(m); err != nil {
		return nil, err
	}
	o.Tensors, o.Columns = o.content.tensors, o.content.names
	if o.content.field == dataJSON {
		o.Tensors, err = readJSONData(o.content.value, c, c)
	}
	return o, err
}

// Write encodes the message again, with the tensors and columns that it has now, in
// the field in which it came. What it says beside its data stays: tags, and the
// parameters of a v2 message as a whole; not those of its tensors.
func (o *Opened) Write() (message.Message, error) {
	out := *o.content
	out.tensors, out.names = o.Tensors, o.Columns
	if len(out.tensors) > 1 && o.codec.protocol == seldonProtocol && out.field != dataJSON {
		out.table = true // Of columns that were not of one type any longer.
	}
	out.table = out.table && !slices.ContainsFunc(out.tensors, func(t tensor.Tensor) bool { return t.Rank() != 1 })
	var m message.Message
	var err error
	switch {
	case o.request:
		m, err = o.codec.encodeRequest(&out)
	case out.field == dataJSON:
		if out.value, err = o.codec.json.write(&out, o.content); err != nil {
			return message.Message{}, err
		}
		m, err = o.codec.encodeResponse(&out, o.content)
	default:
		m, err = o.codec.encodeResponse(&out, o.content)
	}
	if err == nil {
		m, err = withParameters(o.form, m, o.source)
	}
	return carry(m, o.source), err
}
