package predictor

import (
	"context"
	"errors"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
)

// foreignQuery asks a server of another protocol and answers in that of the
// client. The server's own failure stands.
func (c *caller) foreignQuery(ctx context.Context, n *node, q protocol.Query, m message.Message) (message.Message, error) {
	var body []byte
	var err error
	switch {
	case q == protocol.QueryMetadata:
		var spec *translate.Spec
		if spec, err = c.specOf(ctx, n, m); err != nil {
			return m, err
		}
		body, err = c.outside.Describe(protocol.Description{Name: n.name, Platform: n.speaks.Name, Spec: spec})
	case q != protocol.QueryStatus:
		return m, protocol.Errorf(protocol.Unimplemented, "a server of protocol %s has no %s", n.speaks.Name, q)
	case c.outside.Up == nil:
		return m, protocol.Errorf(protocol.Unimplemented, "protocol %s has no %s over %s", c.predictor.options.Outside.Name, q, c.transport)
	default:
		path, question := n.dialect(c.transport).Query(q, message.Model{Name: n.model})
		if path == "" {
			return m, protocol.Errorf(protocol.Unimplemented, "protocol %s has no %s over %s", n.speaks.Name, q, c.transport)
		}
		if _, err := c.question(ctx, n.observers.asks[c.transport][q], n.servers[c.transport].Target(path), message.Message{Body: question, Meta: m.Meta}); err != nil {
			return m, c.refused(n, err)
		}
		body, err = c.outside.Up(n.name)
	}
	answer := message.Message{Body: body, Answer: true, Meta: m.Meta}
	if c.transport == protocol.REST {
		answer.Type = jsonType
	}
	return answer, err
}

// specOf asks for the spec now: a client that asks wants to know what is
// there at this moment. It is nil for a server that cannot tell.
func (c *caller) specOf(ctx context.Context, n *node, m message.Message) (*translate.Spec, error) {
	spec, err := c.askSpec(ctx, n, m)
	var unanswered *askError
	switch {
	case !errors.As(err, &unanswered):
		return spec, err
	case unanswered.final:
		return nil, nil
	}
	return nil, c.refused(n, unanswered.error)
}
