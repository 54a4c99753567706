package builtin

import (
	"context"
	"net/textproto"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
)

// Message is a request or an answer as a built-in node sees it. It is a value
// that costs nothing until it is read, and is never changed: changes make
// another.
type Message struct {
	wire message.Message
	form translate.Form
}

// NewMessage makes a message in the form of the clients.
func NewMessage(m message.Message, form translate.Form) Message {
	return Message{wire: m, form: form}
}

// Wire is the message for the walk.
func (m Message) Wire() message.Message { return m.wire }

// Header returns a header of the client's request over REST, or its metadata
// over gRPC; empty: it has none of the name.
func (m Message) Header(ctx context.Context, name string) string {
	values := m.wire.Meta.Header[textproto.CanonicalMIMEHeaderKey(name)]
	if len(values) == 0 {
		md, _ := metadata.FromOutgoingContext(ctx)
		values = md[strings.ToLower(name)]
	}
	if len(values) == 0 {
		return ""
	}
	return values[0]
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

// With is the message with another content.
func (m Message) With(c *translate.Opened) (Message, error) {
	changed, err := c.Write()
	if err != nil {
		return m, protocol.Untranslated(m.fault(), err)
	}
	m.wire = changed
	return m, nil
}

func (m Message) fault() protocol.Code {
	if m.wire.Answer {
		return protocol.BadAnswer
	}
	return protocol.Invalid
}

// Noting is the message with a note for the node's own next call, which no
// protocol carries: a detector notes in TransformInput what Route goes by.
func (m Message) Noting(note any) Message {
	m.wire.Note = note
	return m
}

// Note is what was noted on the message; nil: nothing.
func (m Message) Note() any { return m.wire.Note }

// Messages are those that the children of a node answered.
type Messages struct {
	all  []message.Message
	form translate.Form
}

// NewMessages makes messages of what the walk brings.
func NewMessages(all []message.Message, form translate.Form) Messages { return Messages{all, form} }

// Len is how many there are.
func (m Messages) Len() int { return len(m.all) }

// At is the answer of the i-th child that was asked.
func (m Messages) At(i int) Message { return NewMessage(m.all[i], m.form) }

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
