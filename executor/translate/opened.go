package translate

import (
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// Opened is a message that was read, for those who read and change messages
// inside the executor, in whatever form.
type Opened struct {
	// Tensors may be changed and replaced, but for their elements.
	Tensors []tensor.Tensor

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
	o := &Opened{codec: c, source: m, request: !m.Answer && c.protocol != seldonProtocol}
	decode := c.decodeResponse
	if o.request {
		decode = c.decodeRequest
	}
	if o.content, err = decode(m); err != nil {
		return nil, err
	}
	o.Tensors = o.content.tensors
	if o.content.field == dataJSON {
		o.Tensors, err = readJSONData(o.content.value, c, c)
	}
	return o, err
}

// Write encodes the message again, with the tensors that it has now, in the
// field in which it came. What no form has in common, such as the parameters of
// a v2 message, is not written.
func (o *Opened) Write() (message.Message, error) {
	out := *o.content
	out.tensors = o.Tensors
	if o.request {
		m, err := o.codec.encodeRequest(&out)
		return carry(m, o.source), err
	}
	if out.field == dataJSON {
		var err error
		if out.value, err = o.codec.json.write(&out, o.content); err != nil {
			return message.Message{}, err
		}
	}
	m, err := o.codec.encodeResponse(&out, o.content)
	return carry(m, o.source), err
}

// Columns are the names that a seldon message gives the columns of its table.
func (o *Opened) Columns() []string { return o.content.names }
