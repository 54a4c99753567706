package predictor

import (
	"context"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/payloadlog"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// Payloads takes what a node is asked and answers, in the clients' protocol.
// It must not keep the message, which is whole.
type Payloads interface {
	Log(event payloadlog.EventType, call string, t protocol.Transport, m message.Message)
	// LogFailure is told of a call that has no answer but an error.
	LogFailure(call string, meta *message.Meta, err error)
}

// logged shows what a node is asked, and what it answers or why it does not, to
// its payload log.
func (l *lane) logged(c graph.Call, next link) link {
	if l.payloads == nil {
		return next
	}
	call := c.String()
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		l.payloads.Log(payloadlog.Request, call, l.transport, m.Whole())
		answer, err := next(ctx, m)
		if err != nil {
			l.payloads.LogFailure(call, m.Meta, err)
		} else {
			l.payloads.Log(payloadlog.Response, call, l.transport, answer.Whole())
		}
		return answer, err
	}
}
