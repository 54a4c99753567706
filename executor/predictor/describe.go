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
func (l *lane) foreignQuery(ctx context.Context, q protocol.Query, m message.Message) (message.Message, error) {
	var body []byte
	var err error
	switch {
	case q == protocol.QueryMetadata:
		var spec *translate.Spec
		if spec, err = l.specOf(ctx, m); err != nil {
			return m, err
		}
		d := protocol.Description{Name: l.name, Platform: l.speaks.Name, Spec: spec}
		if l.versions != nil {
			d.Version, d.Versions = m.Meta.Model.Version, l.versions.names(ctx, m.Meta)
		}
		body, err = l.clients().Describe(d)
	case q != protocol.QueryStatus:
		return m, protocol.Errorf(protocol.Unimplemented, "a server of protocol %s has no %s", l.speaks.Name, q)
	case l.clients().Up == nil:
		return m, protocol.Errorf(protocol.Unimplemented, "protocol %s has no %s over %s", l.outside.Name, q, l.transport)
	default:
		path, question := l.dialect().Query(q, l.asked(m.Meta))
		if path == "" {
			return m, protocol.Errorf(protocol.Unimplemented, "protocol %s has no %s over %s", l.speaks.Name, q, l.transport)
		}
		if _, err := l.question(ctx, q, path, message.Message{Body: question, Meta: m.Meta}); err != nil {
			return m, l.refused(err)
		}
		body, err = l.clients().Up(l.name)
	}
	answer := message.Message{Body: body, Answer: true, Meta: m.Meta}
	if l.transport == protocol.REST {
		answer.Type = jsonType
	}
	return answer, err
}

// specOf asks for the spec now: a client that asks wants to know what is
// there at this moment. It is nil for a server that cannot tell.
func (l *lane) specOf(ctx context.Context, m message.Message) (*translate.Spec, error) {
	spec, err := l.askSpec(ctx, m)
	var unanswered *askError
	switch {
	case !errors.As(err, &unanswered):
		return spec, err
	case unanswered.final:
		return nil, nil
	}
	return nil, l.refused(unanswered.error)
}
