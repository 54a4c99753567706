package builtin

import (
	"context"
	"net/textproto"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
)

// Message is a request or an answer as a built-in node sees it. It is a value
// that costs nothing until it is read, and is never changed: changes make
// another.
type Message struct {
	wire message.Message
	form translate.Form
	// step is the index of the node's step.
	step int
}

// NewMessage makes a message in the form of the clients, for the node of a step.
func NewMessage(m message.Message, form translate.Form, step int) Message {
	return Message{wire: m, form: form, step: step}
}

// Wire is the message for the walk.
func (m Message) Wire() message.Message { return m.wire }

// Header returns a header of the client's request over REST, or its metadata
// over gRPC; empty: it has none of the name.
func (m Message) Header(ctx context.Context, name string) string {
	values := m.wire.Meta.Header.Fields()[textproto.CanonicalMIMEHeaderKey(name)]
	if len(values) == 0 {
		md, _ := metadata.FromOutgoingContext(ctx)
		values = md[strings.ToLower(name)]
	}
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// seldon reports whether the message is of seldon's protocol.
func (m Message) seldon() bool {
	return m.form == translate.SeldonJSON || m.form == translate.SeldonProto
}

// Puid identifies the request.
func (m Message) Puid() string { return m.wire.Meta.Puid }

// Read decodes the message. Its errors have their code: it is the client's
// fault, or of the node that answered.
func (m Message) Read() (*translate.Opened, error) {
	plain, err := protocol.Plain(m.wire)
	if err != nil {
		return nil, err
	}
	content, err := translate.Open(m.form, plain)
	if err != nil {
		return nil, protocol.Untranslated(m.fault(), err)
	}
	return content, nil
}

// Key is what the message says under a name, see [translate.Keys.Text]; empty: nothing.
func (m Message) Key(name string) (string, error) {
	keys, err := m.Keys()
	if err != nil {
		return "", err
	}
	return keys.Text(name)
}

// Keys are what the message says under several names.
func (m Message) Keys() (*Keys, error) {
	plain, err := protocol.Plain(m.wire)
	if err != nil {
		return nil, err
	}
	return &Keys{translate.NewKeys(m.form, plain), m.fault()}, nil
}

// Keys are what a message says under names. It is read once.
type Keys struct {
	keys  *translate.Keys
	fault protocol.Code
}

// Text is what [Message.Key] is.
func (k *Keys) Text(name string) (string, error) {
	text, err := k.keys.Text(name)
	if err != nil {
		return "", protocol.Untranslated(k.fault, err)
	}
	return text, nil
}

// Rows is the first dimension of the first tensor: 1 of a scalar, 0 where there is no
// tensor.
func (k *Keys) Rows() (int, error) {
	rows, err := k.keys.Rows()
	if err != nil {
		return 0, protocol.Untranslated(k.fault, err)
	}
	return rows, nil
}

// With is the message with another content.
func (m Message) With(c *translate.Opened) (Message, error) {
	changed, err := c.Write()
	if err != nil {
		return m, protocol.Untranslated(m.fault(), err)
	}
	m.wire = changed
	return m, nil
}

// borrow takes memory for what a node makes of a message while it looks at it, of that
// for messages. It is given back by who calls give.
func (m Message) borrow(n int64) (give func(), err error) {
	lease := m.lease()
	if err := lease.Take(n); err != nil {
		return func() {}, err
	}
	return func() { lease.Give(n) }, nil
}

// lease is that of the request; nil: nobody keeps count.
func (m Message) lease() *message.Lease {
	if m.wire.Meta == nil {
		return nil
	}
	return m.wire.Meta.Lease
}

// numberBytes is what an element takes as a number.
const numberBytes = 8

// elements are how many there are in all tensors.
func elements(ts []tensor.Tensor) int64 {
	n := 0
	for i := range ts {
		n += ts[i].Len()
	}
	return int64(n)
}

func (m Message) fault() protocol.Code {
	if m.wire.Answer {
		return protocol.BadAnswer
	}
	return protocol.Invalid
}

// Tagged is the message with tags, which are written into its meta or its
// parameters. Where its form has no place for tags, it is m.
func (m Message) Tagged(tags ...translate.Tag) (Message, error) {
	plain, err := protocol.Plain(m.wire)
	if err != nil {
		return m, err
	}
	tagged, ok, err := translate.Tagged(m.form, plain, tags)
	switch {
	case err != nil:
		return m, protocol.Untranslated(m.fault(), err)
	case ok:
		m.wire = tagged
	}
	return m, nil
}

// Note keeps something for the node's own later calls for the same request: a
// detector notes in TransformInput what Route goes by. It goes over no wire.
func (m Message) Note(note any) {
	if notes := m.wire.Meta.Notes; m.step < len(notes) {
		notes[m.step] = note
	}
}

// Noted is what the node noted of the request; nil: nothing.
func (m Message) Noted() any {
	if notes := m.wire.Meta.Notes; m.step < len(notes) {
		return notes[m.step]
	}
	return nil
}

// Messages are those that the children of a node answered.
type Messages struct {
	all []message.Message
	// from are the numbers of the children; nil: it is all of them.
	from []int
	form translate.Form
	step int
}

// NewMessages makes messages of what the walk brings, for the node of a step.
func NewMessages(all []message.Message, form translate.Form, step int) Messages {
	return Messages{all: all, form: form, step: step}
}

// From is the messages of the children of these numbers; nil: of all.
func (m Messages) From(children []int) Messages {
	m.from = children
	return m
}

// Child is the number of the i-th child that was asked.
func (m Messages) Child(i int) int {
	if m.from == nil {
		return i
	}
	return m.from[i]
}

// Len is how many there are.
func (m Messages) Len() int { return len(m.all) }

// At is the answer of the i-th child that was asked.
func (m Messages) At(i int) Message { return NewMessage(m.all[i], m.form, m.step) }

// Feedback is what became of a prediction.
type Feedback struct {
	// Reward is the client's; 0 if it gives none.
	Reward float64
	// Route is where this node sent the prediction: a child's number, or
	// [graph.RouteAll] if the feedback does not say.
	Route int
	// Request, Response and Truth are what the client sends along; a part that
	// it leaves out has no bytes.
	Request, Response, Truth Message
}
