package predictor

import (
	"context"
	"slices"

	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// joining makes one message of those that the children answered.
type joining func(ctx context.Context, a answered) (message.Message, error)

// answered is what children answered, and from which numbers of them it is; nil: of
// all.
type answered struct {
	ms   []message.Message
	from []int
}

// joining asks the node, and its fallback where that fails.
func (l *lane) joining(other func(node string) *lane) joining {
	join := l.joined()
	f := l.fallback
	switch {
	case f == nil:
		return join
	case f.node != "":
		node := other(f.node)
		return instead(f, join, func(ctx context.Context, a answered) (message.Message, error) { return node.join(ctx, a) })
	case f.answers[l.transport] != nil:
		return instead(f, join, func(_ context.Context, a answered) (message.Message, error) {
			return f.answer(l.transport, a.ms[0].Meta), nil
		})
	}
	return join
}

// joined hands the children's answers to a combiner: the node's server, or the
// built-in node.
func (l *lane) joined() joining {
	const c = graph.CallAggregate
	ask := l.answering(c)
	combiner, inside := l.builtin.(builtin.Combiner)
	switch {
	case inside:
	case l.foreign:
		return l.noJoin(protocol.Errorf(protocol.Unimplemented,
			"a combiner must speak the predictor's own protocol %s, and this one speaks %s", l.outside.Name, l.speaks.Name))
	case l.targets[c] == nil:
		return l.noJoin(l.missing(c))
	}
	return func(ctx context.Context, a answered) (message.Message, error) {
		answers, err := legible(a.ms)
		if err == nil {
			var work work
			if work, err = workingOn(answers...); err == nil {
				defer work.done(message.Message{})
			}
		}
		var m message.Message
		switch {
		case err != nil:
		case inside:
			var joined builtin.Message
			joined, err = combiner.Combine(ctx, builtin.NewMessages(answers, l.form(), l.step).From(a.from))
			m = joined.Wire()
		default:
			if m, err = translate.Join(l.form(), answers); err != nil {
				err = protocol.Untranslated(protocol.BadAnswer, err)
			} else {
				m, err = ask(ctx, m)
			}
		}
		return m, protocol.AtNode(err, l.name, c.String())
	}
}

// noJoin is what a node answers that cannot join.
func (l *lane) noJoin(err error) joining {
	err = protocol.AtNode(err, l.name, graph.CallAggregate.String())
	return func(context.Context, answered) (message.Message, error) { return message.Message{}, err }
}

// legible undoes the compression of what the children answered.
func legible(ms []message.Message) ([]message.Message, error) {
	if !slices.ContainsFunc(ms, func(m message.Message) bool { return m.Encoding != "" || m.Parts != nil || m.Tail != nil }) {
		return ms, nil
	}
	answers := make([]message.Message, len(ms))
	for i, m := range ms {
		var err error
		if answers[i], err = protocol.Plain(m); err != nil {
			return nil, err
		}
	}
	return answers, nil
}
