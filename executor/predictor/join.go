package predictor

import (
	"context"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// joining makes one message of those that the children answered.
type joining func(ctx context.Context, ms []message.Message) (message.Message, error)

// joining asks the node, and its fallback where that fails.
func (l *lane) joining(other func(node string) *lane) joining {
	join := l.joined()
	f := l.fallback
	switch {
	case f == nil:
		return join
	case f.node != "":
		node := other(f.node)
		return instead(f, join, func(ctx context.Context, ms []message.Message) (message.Message, error) { return node.join(ctx, ms) })
	case f.answers[l.transport] != nil:
		return instead(f, join, func(_ context.Context, ms []message.Message) (message.Message, error) {
			return f.answer(l.transport, ms[0].Meta), nil
		})
	}
	return join
}

// joined hands the children's answers to a combiner: the node's server, or the
// built-in node.
func (l *lane) joined() joining {
	const c = graph.CallAggregate
	join := translate.Join
	ask := l.answering(c)
	switch {
	case l.builtin.Join != nil:
		join = l.builtin.Join
		ask = func(_ context.Context, m message.Message) (message.Message, error) { return m, nil }
	case l.foreign:
		return l.noJoin(protocol.Errorf(protocol.Unimplemented,
			"a combiner must speak the predictor's own protocol %s, and this one speaks %s", l.outside.Name, l.speaks.Name))
	case l.targets[c] == nil:
		return l.noJoin(l.missing(c))
	}
	return func(ctx context.Context, ms []message.Message) (message.Message, error) {
		m, err := l.combined(ms, join)
		if err == nil {
			m, err = ask(ctx, m)
		}
		return m, protocol.Placed(err, l.name, c.String())
	}
}

// noJoin is what a node answers that cannot join.
func (l *lane) noJoin(err error) joining {
	err = protocol.Placed(err, l.name, graph.CallAggregate.String())
	return func(context.Context, []message.Message) (message.Message, error) { return message.Message{}, err }
}

// combined makes one message of several.
func (l *lane) combined(ms []message.Message, join func(translate.Form, []message.Message) (message.Message, error)) (message.Message, error) {
	answers := make([]message.Message, len(ms))
	for i, m := range ms {
		var err error
		if answers[i], err = plain(m); err != nil {
			return m, err
		}
	}
	joined, err := join(l.form(), answers)
	if err != nil {
		return message.Message{}, untranslated(protocol.BadAnswer, err)
	}
	return joined, nil
}
