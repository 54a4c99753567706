package predictor

import (
	"cmp"
	"context"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// Query asks the server of the node that the request names.
func (p *Predictor) Query(ctx context.Context, t protocol.Transport, q protocol.Query, m message.Message) (message.Message, error) {
	if p.versions {
		m.Meta.Versions = message.NewVersions(asksVersion(m.Meta), len(p.nodes))
	}
	s := p.named(m.Meta.Model.Name)
	if s == nil {
		return m, protocol.Errorf(protocol.NotFound, "Failed to find model %s", m.Meta.Model.Name)
	}
	answer, err := p.callers[t].lanes[s.Index].query(ctx, q, m)
	return answer, protocol.AtNode(err, s.Name, q.String())
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

func (l *lane) query(ctx context.Context, q protocol.Query, m message.Message) (message.Message, error) {
	if l.server.Host == "" {
		return m, protocol.Errorf(protocol.Unimplemented, "the node has no %s port", l.wire)
	}
	if l.versions == nil {
		return l.queried(ctx, q, m)
	}
	picked := choice{}
	if q == protocol.QueryMetadata {
		picked.version = l.versions.usual()
	}
	if word := l.wantedVersion(m.Meta); word != "" {
		var err error
		if picked, err = l.versions.resolve(word); err != nil {
			return m, err
		}
	}
	answer, err := withVersion(ctx, m, picked, func(ctx context.Context, m message.Message) (message.Message, error) {
		return l.queried(ctx, q, m)
	})
	if err != nil && picked.version != "" {
		err = l.versions.explained(ctx, m.Meta, picked.version, err)
	}
	return answer, err
}

// queried asks of the version that the message names.
func (l *lane) queried(ctx context.Context, q protocol.Query, m message.Message) (message.Message, error) {
	if l.foreign {
		return l.foreignQuery(ctx, q, m)
	}
	asked := l.asked(m.Meta)
	asked.Name = l.model
	path, body := l.dialect().Query(q, asked)
	if path == "" {
		return m, protocol.Errorf(protocol.Unimplemented, "protocol %s has no %s over %s", l.speaks.Name, q, l.transport)
	}
	if l.transport == protocol.GRPC && l.speaks.Named {
		body = m.Body
		if version := cmp.Or(asked.Version, asked.Label); version != "" {
			body = l.dialect().ForVersion(message.Message{Body: body}, version).Whole().Body
		}
	}
	return l.question(ctx, q, path, message.Message{Body: body, Meta: m.Meta})
}
