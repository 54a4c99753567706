package predictor

import (
	"context"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/policy"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// fallback is what answers for a node that failed: a node, a message for each
// transport, or a route.
type fallback struct {
	meter   *policy.Meter
	node    string
	answers [2][]byte
	route   *int32
}

// fallingBack answers for a node that failed, by another node or by the answer
// that the user wrote. A route is for route.go.
func (l *lane) fallingBack(c graph.Call, next link, other func(node string) *lane) link {
	f := l.fallback
	switch {
	case f == nil:
		return next
	case f.node != "":
		node := other(f.node)
		return instead(f, next, func(ctx context.Context, m message.Message) (message.Message, error) { return node.calls[c](ctx, m) })
	case f.answers[l.transport] != nil:
		return instead(f, next, func(_ context.Context, m message.Message) (message.Message, error) {
			return f.answer(l.transport, m.Meta), nil
		})
	}
	return next
}

// instead asks other where next fails by a fault of the node. What other cannot
// answer fails as the node did.
func instead[Q any](f *fallback, next, other func(context.Context, Q) (message.Message, error)) func(context.Context, Q) (message.Message, error) {
	return func(ctx context.Context, q Q) (message.Message, error) {
		answer, err := next(ctx, q)
		if err == nil || !nodesFault(ctx, err) {
			return answer, err
		}
		replacement, otherErr := other(ctx, q)
		if otherErr != nil {
			return answer, err
		}
		f.meter.FellBack()
		return replacement, nil
	}
}

// answer is the one that the user wrote.
func (f *fallback) answer(t protocol.Transport, meta *message.Meta) message.Message {
	answer := message.Message{Body: f.answers[t], Answer: true, Meta: meta}
	if t == protocol.REST {
		answer.Type = jsonType
	}
	return answer
}

// nodesFault reports whether a failure is that of the node, for which a
// fallback answers, and not of what the client sent or of a client that went
// away, which ends ctx.
func nodesFault(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	switch protocol.CodeOf(err) {
	case protocol.Invalid, protocol.UnsupportedType, protocol.TooLarge, protocol.NotFound, protocol.Unimplemented, protocol.Declined:
		return false
	}
	return true
}
