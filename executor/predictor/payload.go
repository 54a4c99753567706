package predictor

import (
	"context"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/payloadlog"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// Payloads takes what a node is asked and answers, in the clients' protocol.
// It must not keep the message.
type Payloads interface {
	Log(event payloadlog.EventType, t protocol.Transport, m message.Message)
}

// logged shows what a node is asked, and what it answers, to its payload log.
func (l *lane) logged(next link) link {
	if l.payloads == nil {
		return next
	}
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		l.payloads.Log(payloadlog.Request, l.transport, m.Whole())
		answer, err := next(ctx, m)
		if err == nil {
			l.payloads.Log(payloadlog.Response, l.transport, answer.Whole())
		}
		return answer, err
	}
}
