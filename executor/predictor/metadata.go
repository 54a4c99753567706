package predictor

import (
	"context"
	"encoding/json"

	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/jsonerror"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

const jsonType = "application/json"

// GraphMetadata puts the metadata of all nodes together, with the inputs and
// outputs that the graph as a whole has. Nodes are asked at once; built-in
// ones have nothing to tell.
func (p *Predictor) GraphMetadata(ctx context.Context, t protocol.Transport, m message.Message) (message.Message, error) {
	models, err := p.askAll(ctx, t, m)
	if err != nil {
		return m, err
	}
	answer := message.Message{Answer: true, Meta: m.Meta}
	if t == protocol.GRPC {
		answer.Body, err = p.graphProto(models)
		return answer, err
	}
	answer.Type = jsonType
	answer.Body, err = p.graphJSON(models)
	return answer, err
}

// askAll returns the metadata of each step's node; no body where there is
// nothing to ask.
func (p *Predictor) askAll(ctx context.Context, t protocol.Transport, m message.Message) ([]message.Message, error) {
	models := make([]message.Message, len(p.nodes))
	errs := together(len(p.nodes), func(i int) error {
		n := p.nodes[i]
		if n.servers == [2]upstream.Server{} {
			return nil
		}
		meta := *m.Meta
		meta.Model = message.Model{Name: n.model}
		answer, err := p.callers[t].lanes[i].query(ctx, protocol.QueryMetadata, message.Message{Meta: &meta})
		if err == nil {
			models[i], err = protocol.Plain(answer)
		}
		return protocol.AtNode(err, n.name, protocol.QueryMetadata.String())
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return models, nil
}

// modelJSON is a node's metadata as it appears in the graph's.
type modelJSON struct {
	Name     string            `json:"name,omitempty"`
	Platform string            `json:"platform,omitempty"`
	Versions []string          `json:"versions,omitempty"`
	Inputs   json.RawMessage   `json:"inputs,omitempty"`
	Outputs  json.RawMessage   `json:"outputs,omitempty"`
	Custom   map[string]string `json:"custom,omitempty"`
}

func (p *Predictor) graphJSON(answers []message.Message) ([]byte, error) {
	models := map[string]modelJSON{}
	for i, a := range answers {
		if len(a.Body) == 0 {
			continue
		}
		var model modelJSON
		if err := json.Unmarshal(a.Body, &model); err != nil {
			return nil, protocol.AtNode(protocol.Coded(protocol.BadAnswer, jsonerror.Told(err, a.Body)), p.nodes[i].name, protocol.QueryMetadata.String())
		}
		for _, raw := range []*json.RawMessage{&model.Inputs, &model.Outputs} {
			if string(*raw) == "null" {
				*raw = nil
			}
		}
		models[p.nodes[i].name] = model
	}
	inputs, outputs := p.edges(0)
	return json.Marshal(struct {
		Name    string               `json:"name"`
		Models  map[string]modelJSON `json:"models"`
		Inputs  json.RawMessage      `json:"graphinputs"`
		Outputs json.RawMessage      `json:"graphoutputs"`
	}{p.options.Name, models, models[inputs].Inputs, models[outputs].Outputs})
}

func (p *Predictor) graphProto(answers []message.Message) ([]byte, error) {
	models := map[string]*seldon.SeldonModelMetadata{}
	for i, a := range answers {
		if a.Meta == nil {
			continue
		}
		model := &seldon.SeldonModelMetadata{}
		if err := proto.Unmarshal(a.Body, model); err != nil {
			return nil, protocol.AtNode(protocol.Errorf(protocol.BadAnswer, "reading the answer: %w", err), p.nodes[i].name, protocol.QueryMetadata.String())
		}
		models[p.nodes[i].name] = model
	}
	inputs, outputs := p.edges(0)
	return proto.Marshal(&seldon.SeldonGraphMetadata{
		Name: p.options.Name, Models: models, Inputs: models[inputs].GetInputs(), Outputs: models[outputs].GetOutputs(),
	})
}

// edges names the nodes whose inputs and outputs are those of the graph below
// a step. A node that hands its input on shows its first child's, and so for
// outputs.
func (p *Predictor) edges(step int) (inputs, outputs string) {
	s := &p.plan.Steps[step]
	inputs, outputs = s.Name, s.Name
	if len(s.Children) == 0 {
		return inputs, outputs
	}
	childInputs, childOutputs := p.edges(s.Children[0])
	if !s.Calls.Has(graph.CallPredict) && !s.Calls.Has(graph.CallTransformInput) {
		inputs = childInputs
	}
	own := s.Calls.Has(graph.CallTransformOutput) || s.Calls.Has(graph.CallAggregate) && s.Builtin == graph.NotBuiltin
	if !own {
		outputs = childOutputs
	}
	return inputs, outputs
}
