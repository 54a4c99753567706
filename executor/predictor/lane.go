package predictor

import (
	"context"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/payloadlog"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// caller is the walk's view of the world over one transport.
type caller struct {
	predictor *Predictor
	transport protocol.Transport
	outside   *protocol.Dialect
	send      Sender
}

var _ graph.Caller[message.Message] = (*caller)(nil)

// Call asks a node's server.
func (c *caller) Call(ctx context.Context, s *graph.Step, call graph.Call, m message.Message) (message.Message, error) {
	n := c.predictor.nodes[s.Index]
	if call == graph.CallSendFeedback {
		if n.foreign || !n.speaks.Feedback {
			return m, nil
		}
		answer, err := c.ask(ctx, n, call, m)
		return answer, protocol.Placed(err, s.Name, call.String())
	}
	answer, err := c.request(n, m)
	if err == nil {
		c.log(n, payloadlog.Request, answer)
		answer, err = c.ask(ctx, n, call, answer)
	}
	if err == nil {
		c.log(n, payloadlog.Response, answer)
	} else {
		answer, err = c.fallBack(ctx, n, m, protocol.Placed(err, s.Name, call.String()), func(other *graph.Step) (message.Message, error) {
			return c.Call(ctx, other, call, m)
		})
	}
	return answer, err
}

// request makes what a node is asked, in the client's protocol, of the message
// that the walk brings.
func (c *caller) request(n *node, m message.Message) (message.Message, error) {
	if n.foreign {
		var err error
		if m, err = c.readable(m); err != nil {
			return m, err
		}
	}
	return c.next(n, m)
}

// ask sends a request to the node's server, as its policy has it.
func (c *caller) ask(ctx context.Context, n *node, call graph.Call, m message.Message) (message.Message, error) {
	if n.policy != nil {
		return c.bounded(ctx, n, call, m)
	}
	return c.once(ctx, n, call, m)
}

// once sends a request to the node's server, in the protocol that it speaks.
func (c *caller) once(ctx context.Context, n *node, call graph.Call, m message.Message) (message.Message, error) {
	if n.foreign {
		return c.translated(ctx, n, call, m)
	}
	return c.forward(ctx, n, call, m)
}

// Route asks a router, or decides for a built-in one.
func (c *caller) Route(ctx context.Context, s *graph.Step, m message.Message) (int, error) {
	n := c.predictor.nodes[s.Index]
	if n.builtin.Route != nil {
		return n.builtin.Route(), nil
	}
	route, err := c.route(ctx, n, m)
	if err != nil && n.fallback != nil && n.fallback.route != nil && nodesFault(ctx, err) {
		n.fallback.meter.FellBack()
		return int(*n.fallback.route), nil
	}
	return route, protocol.Placed(err, s.Name, graph.CallRoute.String())
}

func (c *caller) route(ctx context.Context, n *node, m message.Message) (int, error) {
	var err error
	// Over REST a router has a path of its own and is shown what its children
	// get; over gRPC, and in another protocol, it is asked like any model.
	if n.foreign || c.transport == protocol.GRPC {
		if m, err = c.request(n, m); err != nil {
			return 0, err
		}
	}
	if m, err = c.ask(ctx, n, graph.CallRoute, m); err != nil {
		return 0, err
	}
	branch, err := c.branch(m)
	if err != nil {
		n.unusable(c.transport, graph.CallRoute)
	}
	return branch, err
}

// branch reads a router's answer.
func (c *caller) branch(m message.Message) (int, error) {
	m, err := plain(m)
	if err != nil {
		return 0, err
	}
	branch, err := translate.Branch(c.outside.Form, m)
	if err != nil {
		return 0, untranslated(protocol.BadAnswer, err)
	}
	return branch, nil
}

// Join sends the children's answers to a combiner, or combines them itself.
func (c *caller) Join(ctx context.Context, s *graph.Step, ms []message.Message) (message.Message, error) {
	n := c.predictor.nodes[s.Index]
	m, err := c.join(ctx, n, ms)
	if err != nil {
		m, err = c.fallBack(ctx, n, ms[0], protocol.Placed(err, s.Name, graph.CallAggregate.String()), func(other *graph.Step) (message.Message, error) {
			return c.Join(ctx, other, ms)
		})
	}
	return m, err
}

func (c *caller) join(ctx context.Context, n *node, ms []message.Message) (message.Message, error) {
	answers := make([]message.Message, len(ms))
	for i, m := range ms {
		var err error
		if answers[i], err = plain(m); err != nil {
			return m, err
		}
	}
	if n.foreign {
		return message.Message{}, protocol.Errorf(protocol.Unimplemented,
			"a combiner must speak the predictor's own protocol %s, and this one speaks %s", c.predictor.options.Outside.Name, n.speaks.Name)
	}
	join := n.builtin.Join
	if join == nil {
		join = translate.Join
		if _, err := n.target(c.transport, graph.CallAggregate, ms[0].Meta); err != nil {
			return message.Message{}, err
		}
	}
	joined, err := join(c.outside.Form, answers)
	if err != nil {
		return message.Message{}, untranslated(protocol.BadAnswer, err)
	}
	if n.builtin.Join != nil {
		return joined, nil
	}
	return c.ask(ctx, n, graph.CallAggregate, joined)
}

// next makes the request that a node is sent of what came from the node
// before. What the client sent is left as it is.
func (c *caller) next(n *node, m message.Message) (message.Message, error) {
	if m.Answer && c.predictor.options.Outside.Named {
		if m.Meta.Model.Verb != "" {
			return m, protocol.Errorf(protocol.Unimplemented, "the answer to a %s request cannot be sent on to another node", m.Meta.Model.Verb)
		}
		m, err := plain(m)
		if err != nil {
			return m, err
		}
		chained, err := translate.Chain(c.outside.Form, m, n.asked(m.Meta).Name)
		if err != nil {
			return m, untranslated(protocol.BadAnswer, err)
		}
		return chained, nil
	}
	return m, nil
}

// forward sends m to the node as it is.
func (c *caller) forward(ctx context.Context, n *node, call graph.Call, m message.Message) (message.Message, error) {
	to, err := n.target(c.transport, call, m.Meta)
	if err != nil {
		return m, err
	}
	return c.attempt(ctx, n.observer(c.transport, call, m.Meta.Model.Verb), to, n.dialect(c.transport).WithModel(m, n.asked(m.Meta).Name))
}
