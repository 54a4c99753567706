package predictor

import (
	"context"
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// withMeta answers a request and writes into the answer's meta what the
// settings ask for: the routes that the request took, or all that is known of
// its way.
func (p *Predictor) withMeta(ctx context.Context, t protocol.Transport, m message.Message, trail *graph.Trail) (message.Message, error) {
	if !p.options.MergeMeta {
		answer, err := graph.Predict(ctx, p.plan, p.callers[t], m, trail)
		if err != nil {
			return answer, err
		}
		return p.written(t, answer, map[string]any{"routing": p.routes(trail)}), nil
	}
	g := &gathering{caller: p.callers[t], transport: t, plan: p.plan, steps: make([]gathered, len(p.nodes))}
	answer, err := graph.Predict[message.Message](ctx, p.plan, g, m, trail)
	if err != nil {
		return answer, err
	}
	all := g.merged(m)
	for i := range p.plan.Steps {
		s := &p.plan.Steps[i]
		_, visited := trail.Route(i)
		if _, told := all.RequestPath[s.Name]; visited && !told && s.Calls != 0 && s.Builtin == graph.NotBuiltin {
			all.RequestPath[s.Name], _ = json.Marshal(p.options.Images[s.Name]) // a string has a JSON form always
		}
	}
	return p.written(t, answer, map[string]any{
		"puid": m.Meta.Puid, "routing": p.routes(trail), "tags": all.Tags, "requestPath": all.RequestPath, "metrics": all.Metrics,
	}), nil
}

// routes is where the request was sent, by node.
func (p *Predictor) routes(trail *graph.Trail) map[string]int32 {
	routing := map[string]int32{}
	for i := range p.plan.Steps {
		if route, visited := trail.Route(i); visited {
			routing[p.plan.Steps[i].Name] = int32(route) //nolint:gosec // the walk has checked the range
		}
	}
	return routing
}

// chosen is where routers sent the request, as [protocol.HeaderRoute] has it.
func (p *Predictor) chosen(trail *graph.Trail) (value string) {
	for i := range p.plan.Steps {
		s := &p.plan.Steps[i]
		route, visited := trail.Route(i)
		if !visited || !s.Calls.Has(graph.CallRoute) {
			continue
		}
		child := ""
		if route >= 0 && route < len(s.Children) {
			child = p.plan.Steps[s.Children[route]].Name
		}
		value = protocol.AppendRoute(value, s.Name, route, child)
	}
	return value
}

// written sets members of an answer's meta. An answer that is no message of
// the protocol is left as it is, and so is one without a meta if the routes
// are all that there is to say.
func (p *Predictor) written(t protocol.Transport, m message.Message, members map[string]any) message.Message {
	read, err := protocol.Plain(m)
	if err != nil {
		return m
	}
	set := setJSON
	if t == protocol.GRPC {
		set = setProto
	}
	body, ok := set(read.Body, members, p.options.MergeMeta)
	if !ok {
		return m
	}
	read.Body = body
	return read
}

func setJSON(body []byte, members map[string]any, make bool) ([]byte, bool) {
	var message, meta map[string]json.RawMessage
	if json.Unmarshal(body, &message) != nil || message == nil {
		return nil, false
	}
	if text, ok := message["meta"]; ok && json.Unmarshal(text, &meta) != nil {
		return nil, false
	}
	if meta == nil {
		if !make {
			return nil, false
		}
		meta = map[string]json.RawMessage{}
	}
	var err error
	for name, value := range members {
		if meta[name], err = json.Marshal(value); err != nil {
			return nil, false
		}
		if string(meta[name]) == "null" {
			delete(meta, name)
		}
	}
	if message["meta"], err = json.Marshal(meta); err != nil {
		return nil, false
	}
	body, err = json.Marshal(message)
	return body, err == nil
}

func setProto(body []byte, members map[string]any, make bool) ([]byte, bool) {
	var m seldon.SeldonMessage
	if proto.Unmarshal(body, &m) != nil || m.Meta == nil && !make {
		return nil, false
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil, false
	}
	var set seldon.Meta
	if (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, &set) != nil {
		return nil, false
	}
	if make {
		m.Meta = &set
	} else {
		m.Meta.Routing = set.Routing
	}
	body, err = proto.Marshal(&m)
	return body, err == nil
}
