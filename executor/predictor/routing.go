package predictor

import (
	"encoding/json"

	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// withRouting sets meta.routing of an answer that has a meta to the routes
// that the request took. Any other answer is left as it is.
func (p *Predictor) withRouting(t protocol.Transport, m protocol.Message, trail *graph.Trail) protocol.Message {
	routing := map[string]int32{}
	for i := range p.plan.Steps {
		if route, visited := trail.Route(i); visited {
			routing[p.plan.Steps[i].Name] = int32(route) //nolint:gosec // the walk has checked the range
		}
	}
	read, err := plain(m)
	if err != nil {
		return m
	}
	set := routedJSON
	if t == protocol.GRPC {
		set = routedProto
	}
	body, ok := set(read.Body, routing)
	if !ok {
		return m
	}
	read.Body = body
	return read
}

func routedJSON(body []byte, routing map[string]int32) ([]byte, bool) {
	var message, meta map[string]json.RawMessage
	if json.Unmarshal(body, &message) != nil || json.Unmarshal(message["meta"], &meta) != nil || meta == nil {
		return nil, false
	}
	var err error
	if meta["routing"], err = json.Marshal(routing); err != nil {
		return nil, false
	}
	if message["meta"], err = json.Marshal(meta); err != nil {
		return nil, false
	}
	body, err = json.Marshal(message)
	return body, err == nil
}

func routedProto(body []byte, routing map[string]int32) ([]byte, bool) {
	var m seldon.SeldonMessage
	if proto.Unmarshal(body, &m) != nil || m.Meta == nil {
		return nil, false
	}
	m.Meta.Routing = routing
	body, err := proto.Marshal(&m)
	return body, err == nil
}
