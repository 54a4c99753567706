package predictor

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/openapi"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// maxMetadata bounds what a server may tell of its model, from which a document
// of many times that size is made.
const maxMetadata = 1 << 20

// Overview asks all nodes at once what their models are like. A node that does
// not tell is part of it nevertheless.
func (p *Predictor) Overview(ctx context.Context) *openapi.Graph {
	g := p.Outline()
	var pool message.Pool
	lease := pool.Lease()
	defer lease.Release()
	together(len(p.nodes), func(i int) error {
		m := message.Message{Meta: &message.Meta{Header: message.NewHeader(map[string][]string{}), Limit: maxMetadata, Lease: lease}}
		l := p.callers[protocol.REST].lanes[i]
		if l.versions == nil {
			l.tell(ctx, m, &g.Nodes[i])
			return nil
		}
		m.Meta.Model.Version = l.versions.usual()
		l.tell(ctx, m, &g.Nodes[i])
		if names := l.versions.names(ctx, m.Meta); len(names) > 0 {
			g.Nodes[i].Versions = names
		}
		return nil
	})
	return g
}

// Outline is what the user said of the graph; no server is asked.
func (p *Predictor) Outline() *openapi.Graph {
	g := &openapi.Graph{Protocol: p.options.Outside, Repository: p.options.Repository.actions(), Nodes: make([]openapi.Node, len(p.nodes))}
	for i := range g.Nodes {
		g.Nodes[i] = p.described(&p.plan.Steps[i])
	}
	p.deepen(g, 0, 0)
	inputs, outputs := p.edges(0)
	for i, n := range g.Nodes {
		if n.Name == inputs {
			g.Inputs = i
		}
		if n.Name == outputs {
			g.Outputs = i
		}
	}
	return g
}

func (p *Predictor) deepen(g *openapi.Graph, step, depth int) {
	g.Nodes[step].Depth = depth
	for _, child := range p.plan.Steps[step].Children {
		p.deepen(g, child, depth+1)
	}
}

// described is what the user said of a node.
func (p *Predictor) described(s *graph.Step) openapi.Node {
	n := p.nodes[s.Index]
	o := openapi.Node{Name: s.Name, Foreign: n.foreign, Columns: n.translation.Columns}
	var types []string
	for _, word := range []string{string(s.Node.Type), s.Node.Implementation} {
		if word != "" && word != string(graph.UnknownType) && word != graph.UnknownImplementation {
			types = append(types, word)
		}
	}
	for _, m := range s.Node.Methods {
		types = append(types, string(m))
	}
	o.Type = strings.Join(types, ", ")
	if n.servers != [2]upstream.Server{} {
		o.Speaks = n.speaks.Name
	}
	for _, c := range []graph.Call{graph.CallPredict, graph.CallTransformInput, graph.CallTransformOutput, graph.CallAggregate} {
		o.Asked = o.Asked || s.Calls.Has(c) && o.Speaks != ""
	}
	o.Routes = s.Calls.Has(graph.CallRoute)
	return o
}

// tell asks a node's server and notes what it says.
func (l *lane) tell(ctx context.Context, m message.Message, o *openapi.Node) {
	if l.server.Host == "" {
		return
	}
	if l.foreign {
		spec, err := l.askSpec(ctx, m)
		var unanswered *askError
		o.Answered = err == nil || errors.As(err, &unanswered) && unanswered.final
		if spec != nil {
			s := signature(spec)
			if spec.Route != nil {
				s.Inputs = bentoInputs(spec.Route)
			}
			o.Signatures = []openapi.Signature{s}
		}
		return
	}
	answer, err := l.query(ctx, protocol.QueryMetadata, m)
	if err == nil {
		answer, err = protocol.Plain(answer)
	}
	if err != nil {
		o.Mute = cannotTell(err)
		o.Answered = o.Mute
		return
	}
	o.Answered = true
	if len(answer.Body) > maxMetadata {
		return
	}
	// What is kept of the answer outlives the request, whose buffers are used
	// again.
	body := bytes.Clone(answer.Body)
	if !l.speaks.Describes {
		o.Versions, o.Signatures = componentSignatures(body)
		return
	}
	o.Versions, o.Signatures = serverSignatures(l.dialect().Form, body)
}

func signature(s *translate.Spec) openapi.Signature {
	convert := func(all []translate.TensorSpec) (tensors []openapi.Tensor) {
		for _, t := range all {
			tensors = append(tensors, openapi.Tensor{TensorSpec: t})
		}
		return tensors
	}
	return openapi.Signature{Inputs: convert(s.Inputs), Outputs: convert(s.Outputs)}
}

// bentoInputs are what requests for a route of a Bento bring; none: a request that works
// cannot be made up.
func bentoInputs(route *translate.BentoRoute) []openapi.Tensor {
	inputs, whole := route.Inputs()
	if !whole {
		return nil
	}
	all := make([]openapi.Tensor, len(inputs))
	for i, in := range inputs {
		all[i] = openapi.Tensor{TensorSpec: in.TensorSpec, Row: in.Cells, Table: in.Table, Optional: in.Optional, File: in.File, Image: in.Image}
	}
	return all
}
