package predictor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/jsonerror"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// Feedback passes feedback along the way that the prediction took, which is
// written in the feedback itself (response.meta.routing). Where nothing is
// written, all children get it. The answer is that of the root, or the
// feedback where the root takes none.
func (p *Predictor) Feedback(ctx context.Context, t protocol.Transport, m message.Message) (message.Message, error) {
	routing := map[string]int32{}
	if p.branches && !p.options.Outside.Named {
		var err error
		if m, err = plain(m); err != nil {
			return m, err
		}
		if routing, err = routingOf(t, m.Body); err != nil && !p.options.V1 {
			return m, protocol.Errorf(protocol.Invalid, "reading feedback: %w", err)
		}
	}
	answer, err := graph.Feedback(ctx, p.plan, p.callers[t], m, func(s *graph.Step) int {
		if route, ok := routing[s.Name]; ok && len(s.Children) > 0 {
			return int(route)
		}
		return graph.RouteAll
	})
	var route *graph.RouteError
	if errors.As(err, &route) {
		return answer, protocol.Errorf(protocol.Invalid, "response.meta.routing: %w", route)
	}
	if err == nil && t == protocol.GRPC && !answer.Answer {
		answer.Body = nil
	}
	return answer, err
}

func routingOf(t protocol.Transport, body []byte) (map[string]int32, error) {
	if t == protocol.GRPC {
		var f seldon.Feedback
		if err := proto.Unmarshal(body, &f); err != nil {
			return nil, err
		}
		return f.GetResponse().GetMeta().GetRouting(), nil
	}
	var f struct {
		Response struct {
			Meta struct {
				Routing map[string]json.Number `json:"routing"`
			} `json:"meta"`
		} `json:"response"`
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return nil, jsonerror.Placed(err, body)
	}
	routing := map[string]int32{}
	for name, number := range f.Response.Meta.Routing {
		v, err := number.Float64()
		if err != nil || v != math.Trunc(v) || math.Abs(v) > math.MaxInt32 {
			return nil, fmt.Errorf("response.meta.routing: %q is routed to %s: want a child number", name, number)
		}
		routing[name] = int32(v)
	}
	return routing, nil
}
