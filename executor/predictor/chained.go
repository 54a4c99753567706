package predictor

import (
	"context"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// chained makes the request that a node is sent of what the node before
// answered. What the client sent is left as it is. In a protocol whose
// requests name no model, an answer is a request already.
func (l *lane) chained(next link) link {
	if !l.outside.Named {
		return next
	}
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		if !m.Answer {
			return next(ctx, m)
		}
		if m.Meta.Model.Verb != "" {
			return m, protocol.Errorf(protocol.Unimplemented, "the answer to a %s request cannot be sent on to another node", m.Meta.Model.Verb)
		}
		m, err := protocol.Plain(m)
		if err != nil {
			return m, err
		}
		work, err := workingOn(m)
		if err != nil {
			return m, err
		}
		request, err := translate.Chain(l.form(), m, l.asked(m.Meta).Name)
		work.done(request)
		if err != nil {
			return m, protocol.Untranslated(protocol.BadAnswer, err)
		}
		return next(ctx, request)
	}
}

// placeNodes tells each node of the others, and which of its calls gives the
// graph's answer. It reports whether there are several nodes with servers.
func (p *Predictor) placeNodes() bool {
	var servers []*node
	for i, n := range p.nodes {
		if p.plan.Steps[i].Calls != 0 && p.plan.Steps[i].Builtin == graph.NotBuiltin {
			servers = append(servers, n)
		}
	}
	if len(servers) < 2 {
		return false
	}
	models := map[string]bool{}
	for _, n := range servers {
		models[n.model], n.models = true, models
	}
	p.placeLast(0)
	return true
}

func (p *Predictor) placeLast(step int) {
	s := &p.plan.Steps[step]
	last := &p.nodes[step].last
	switch {
	case s.Calls.Has(graph.CallTransformOutput):
		*last = graph.CallSet(graph.CallTransformOutput)
	case s.Calls.Has(graph.CallAggregate) && s.Builtin == graph.NotBuiltin:
		// It is asked by the answers of its children, a list without outputs.
	case len(s.Children) > 0:
		for _, child := range s.Children {
			p.placeLast(child)
		}
	default:
		*last = graph.CallSet(graph.CallPredict, graph.CallTransformInput)
	}
}

// withoutOutputs takes from a request the outputs that it asks for, and keeps
// them for the node whose answer is the graph's: no other has them.
func (p *Predictor) withoutOutputs(t protocol.Transport, m message.Message) message.Message {
	form := p.options.Outside.Dialects[t].Form
	if way := translate.AsksOutputs(form); way != nil && protocol.StringOf(m, way) == "" {
		return m
	}
	read, err := protocol.Plain(m)
	if err != nil {
		return m
	}
	rest, outputs := translate.TakeOutputs(form, read)
	if outputs == nil {
		return m
	}
	m.Meta.Outputs = outputs
	return rest
}

// asking asks the node whose answer is the graph's for what the client wants
// that answer to hold.
func (l *lane) asking(c graph.Call, next link) link {
	if !l.last.Has(c) {
		return next
	}
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		if m.Meta.Outputs != nil {
			m = translate.GiveOutputs(l.form(), m, m.Meta.Outputs)
		}
		return next(ctx, m)
	}
}
