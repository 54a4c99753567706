package predictor

import (
	"context"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// Query asks the server of the node that the request names.
func (p *Predictor) Query(ctx context.Context, t protocol.Transport, q protocol.Query, m message.Message) (message.Message, error) {
	s := p.named(m.Meta.Model.Name)
	if s == nil {
		return m, protocol.Errorf(protocol.NotFound, "Failed to find model %s", m.Meta.Model.Name)
	}
	answer, err := p.callers[t].query(ctx, p.nodes[s.Index], q, m)
	return answer, protocol.Placed(err, s.Name, q.String())
}

// named finds a step by its name, or else by what its server calls the model.
func (p *Predictor) named(name string) *graph.Step {
	var found *graph.Step
	for i := range p.plan.Steps {
		switch {
		case p.plan.Steps[i].Name == name:
			return &p.plan.Steps[i]
		case found == nil && p.nodes[i].model == name:
			found = &p.plan.Steps[i]
		}
	}
	return found
}

func (c *caller) query(ctx context.Context, n *node, q protocol.Query, m message.Message) (message.Message, error) {
	if n.servers[c.transport].Host == "" {
		return m, protocol.Errorf(protocol.Unimplemented, "the node has no %s port", c.transport)
	}
	if n.foreign {
		return c.foreignQuery(ctx, n, q, m)
	}
	asked := n.asked(m.Meta)
	asked.Name = n.model
	path, body := n.dialect(c.transport).Query(q, asked)
	if path == "" {
		return m, protocol.Errorf(protocol.Unimplemented, "protocol %s has no %s over %s", n.speaks.Name, q, c.transport)
	}
	if c.transport == protocol.GRPC && n.speaks.Named {
		body = m.Body
	}
	return c.question(ctx, n.observers.asks[c.transport][q], n.servers[c.transport].Target(path), message.Message{Body: body, Meta: m.Meta})
}
