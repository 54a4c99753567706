package predictor

import (
	"context"

	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// routing asks a router for a child's number, [graph.RouteAll] or
// [graph.RouteNone].
type routing func(ctx context.Context, m message.Message) (int, error)

// routing asks the node's server, or the built-in node. Over REST a router has a path of its own and
// is shown what its children get; over gRPC, and in another protocol, it is
// asked like any model.
func (l *lane) routing() routing {
	if r, ok := l.builtin.(builtin.Router); ok {
		return l.deciding(r)
	}
	ask := l.answering(graph.CallRoute)
	if l.foreign || l.transport == protocol.GRPC {
		ask = l.readable(l.chained(ask))
	}
	return l.routedInstead(func(ctx context.Context, m message.Message) (int, error) {
		answer, err := ask(ctx, m)
		if err != nil {
			return 0, err
		}
		branch, err := l.branch(answer)
		if err != nil {
			l.unusable(graph.CallRoute)
		}
		return branch, err
	})
}

// branch reads a router's answer.
func (l *lane) branch(m message.Message) (int, error) {
	m, err := protocol.Plain(m)
	if err != nil {
		return 0, err
	}
	branch, err := translate.Branch(l.form(), m)
	if err != nil {
		return 0, protocol.Untranslated(protocol.BadAnswer, err)
	}
	return branch, nil
}

// routedInstead takes the route of the node's fallback where the router failed.
func (l *lane) routedInstead(next routing) routing {
	var instead *int32
	if l.fallback != nil {
		instead = l.fallback.route
	}
	return func(ctx context.Context, m message.Message) (int, error) {
		branch, err := next(ctx, m)
		switch {
		case err == nil:
			return branch, nil
		case instead != nil && nodesFault(ctx, err):
			l.fallback.meter.FellBack()
			return int(*instead), nil
		}
		return 0, protocol.AtNode(err, l.name, graph.CallRoute.String())
	}
}
