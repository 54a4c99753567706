package predictor

import (
	"context"

	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// transforming is a call that a built-in node answers; nil: it does not. What a
// built-in node makes of the input is a request again, and of the output an
// answer, so that no answer is made a request for it.
func (l *lane) transforming(c graph.Call) link {
	var transform func(context.Context, builtin.Message) (builtin.Message, error)
	before := func(next link) link { return next }
	if n, ok := l.builtin.(builtin.InputTransformer); ok && c == graph.CallTransformInput {
		transform, before = n.TransformInput, l.chained
	}
	if n, ok := l.builtin.(builtin.OutputTransformer); ok && c == graph.CallTransformOutput {
		transform = n.TransformOutput
	}
	if transform == nil {
		return nil
	}
	return l.atNode(c, before(l.logged(c, func(ctx context.Context, m message.Message) (message.Message, error) {
		out, err := transform(ctx, builtin.NewMessage(m, l.form(), l.step))
		return out.Wire(), err
	})))
}

// deciding asks a built-in router.
func (l *lane) deciding(r builtin.Router) routing {
	return func(ctx context.Context, m message.Message) (int, error) {
		branch, err := r.Route(ctx, builtin.NewMessage(m, l.form(), l.step))
		return branch, protocol.AtNode(err, l.name, graph.CallRoute.String())
	}
}

// taught is a caller for one feedback, which was read already: built-in nodes
// are told what it says, all others get it as it came.
type taught struct {
	*caller
	told *told
}

func (t *taught) Call(ctx context.Context, s *graph.Step, call graph.Call, m message.Message) (message.Message, error) {
	l := t.lanes[s.Index]
	learner, ok := l.builtin.(builtin.Learner)
	if !ok || call != graph.CallSendFeedback {
		return t.caller.Call(ctx, s, call, m)
	}
	part := func(body []byte, answer bool) builtin.Message {
		part := message.Message{Body: body, Answer: answer, Meta: m.Meta}
		if l.transport == protocol.REST {
			part.Type = jsonType
		}
		return builtin.NewMessage(part, l.form(), l.step)
	}
	err := learner.Learn(ctx, builtin.Feedback{
		Reward: t.told.reward, Route: t.told.route(s),
		Request: part(t.told.request, false), Response: part(t.told.response, true), Truth: part(t.told.truth, true),
	})
	return m, protocol.AtNode(err, l.name, call.String())
}
