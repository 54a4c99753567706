package predictor

import (
	"context"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
)

// chained makes the request that a node is sent of what the node before
// answered. What the client sent is left as it is. In a protocol whose
// requests name no model, an answer is a request already.
func (l *lane) chained(next link) link {
	if !l.outside.Named {
		return next
	}
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		if !m.Answer {
			return next(ctx, m)
		}
		if m.Meta.Model.Verb != "" {
			return m, protocol.Errorf(protocol.Unimplemented, "the answer to a %s request cannot be sent on to another node", m.Meta.Model.Verb)
		}
		m, err := protocol.Plain(m)
		if err != nil {
			return m, err
		}
		done, err := workingOn(m)
		if err != nil {
			return m, err
		}
		request, err := translate.Chain(l.form(), m, l.asked(m.Meta).Name)
		done(request)
		if err != nil {
			return m, protocol.Untranslated(protocol.BadAnswer, err)
		}
		return next(ctx, request)
	}
}
