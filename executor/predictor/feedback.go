package predictor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/jsonerror"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// Feedback passes feedback along the way that the prediction took, which is
// written in the feedback itself (response.meta.routing) or in the header
// [protocol.HeaderRoute]. Where nothing is written, all children get it. The answer is that of the root, or the
// feedback where the root takes none.
func (p *Predictor) Feedback(ctx context.Context, t protocol.Transport, m message.Message) (message.Message, error) {
	said := &told{}
	if p.branches && !p.options.Outside.Named || p.learns {
		var err error
		if m, err = protocol.Plain(m); err != nil {
			return m, err
		}
		if said, err = toldBy(t, m.Body); err != nil && !p.options.V1 {
			return m, protocol.Errorf(protocol.Invalid, "reading feedback: %w", err)
		}
		if err := said.byHeader(ctx, m.Meta); err != nil {
			return m, protocol.Errorf(protocol.Invalid, "reading feedback: %w", err)
		}
	}
	caller := graph.Caller[message.Message](p.callers[t])
	if p.learns {
		caller = &taught{caller: p.callers[t], told: said}
	}
	answer, err := graph.Feedback(ctx, p.plan, caller, m, said.route)
	var route *graph.RouteError
	if errors.As(err, &route) {
		return answer, protocol.Errorf(protocol.Invalid, "response.meta.routing: %w", route)
	}
	if err == nil && t == protocol.GRPC && !answer.Answer {
		answer.Body = nil
	}
	return answer, err
}

// told is what a feedback says.
type told struct {
	routing                  map[string]int32
	reward                   float64
	request, response, truth []byte
}

// route is where the prediction went at a step.
func (t *told) route(s *graph.Step) int {
	if route, ok := t.routing[s.Name]; ok && len(s.Children) > 0 {
		return int(route)
	}
	return graph.RouteAll
}

// byHeader takes from a header of the client where the prediction went, if the
// feedback does not say.
func (t *told) byHeader(ctx context.Context, meta *message.Meta) error {
	if len(t.routing) > 0 {
		return nil
	}
	values := meta.Header.Fields()[protocol.HeaderRoute]
	if len(values) == 0 {
		md, _ := metadata.FromOutgoingContext(ctx)
		values = md.Get(protocol.HeaderRoute)
	}
	if len(values) == 0 {
		return nil
	}
	var err error
	t.routing, err = protocol.ParseRoute(values[0])
	return err
}

// toldBy reads a feedback. With an error what it says is empty.
func toldBy(t protocol.Transport, body []byte) (*told, error) {
	if t == protocol.GRPC {
		return toldByProto(body)
	}
	var f struct {
		Request, Response, Truth json.RawMessage
		Reward                   any
	}
	var r struct {
		Response struct {
			Meta struct {
				Routing map[string]json.RawMessage `json:"routing"`
			} `json:"meta"`
		} `json:"response"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return &told{}, jsonerror.Told(err, body)
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return &told{}, jsonerror.Told(err, body)
	}
	reward, _ := f.Reward.(float64)
	said := &told{routing: map[string]int32{}, reward: reward, request: f.Request, response: f.Response, truth: f.Truth}
	for name, number := range r.Response.Meta.Routing {
		// In quotes it is a number too, as to Protocol Buffers.
		var read json.Number
		err := json.Unmarshal(number, &read)
		v, notNumber := read.Float64()
		if err != nil || notNumber != nil || v != math.Trunc(v) || math.Abs(v) > math.MaxInt32 {
			return &told{}, fmt.Errorf("response.meta.routing: %q is routed to %s: want a child number", name, number)
		}
		said.routing[name] = int32(v)
	}
	return said, nil
}

func toldByProto(body []byte) (*told, error) {
	var f seldon.Feedback
	if err := proto.Unmarshal(body, &f); err != nil {
		return &told{}, err
	}
	said := &told{routing: f.GetResponse().GetMeta().GetRouting(), reward: float64(f.GetReward())}
	for _, part := range []struct {
		message *seldon.SeldonMessage
		body    *[]byte
	}{{f.Request, &said.request}, {f.Response, &said.response}, {f.Truth, &said.truth}} {
		if part.message == nil {
			continue
		}
		var err error
		if *part.body, err = proto.Marshal(part.message); err != nil {
			return &told{}, err
		}
	}
	return said, nil
}
