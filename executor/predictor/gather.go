package predictor

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// metaJSON is the meta of a seldon message, as far as it is gathered.
type metaJSON struct {
	Tags        map[string]json.RawMessage `json:"tags"`
	RequestPath map[string]json.RawMessage `json:"requestPath"`
	Metrics     []json.RawMessage          `json:"metrics"`
}

// gathering is a caller for one request that keeps the meta of what the nodes
// answer: a node may have lost what came to it from the nodes before.
type gathering struct {
	*caller
	transport protocol.Transport
	plan      *graph.Plan
	// steps are by index; nodes of one walk write to entries of their own.
	steps []gathered
}

// gathered is the meta that one node's answers had: to its input call, as a
// combiner, to its output call.
type gathered struct{ input, join, output metaJSON }

var _ graph.Caller[message.Message] = (*gathering)(nil)

func (g *gathering) Call(ctx context.Context, s *graph.Step, call graph.Call, m message.Message) (message.Message, error) {
	answer, err := g.caller.Call(ctx, s, call, m)
	if err == nil {
		own := g.own(answer, m)
		if call == graph.CallTransformOutput {
			g.steps[s.Index].output = own
		} else {
			g.steps[s.Index].input = own
		}
	}
	return answer, err
}

func (g *gathering) Join(ctx context.Context, s *graph.Step, ms []message.Message, from []int) (message.Message, error) {
	answer, err := g.caller.Join(ctx, s, ms, from)
	if err == nil {
		g.steps[s.Index].join = g.own(answer, ms...)
	}
	return answer, err
}

// own is the meta of an answer without the metrics that the node was sent and
// has handed on: metrics are listed once for each node, tags just set. A metric
// that equals one that was sent is taken to be that one.
func (g *gathering) own(answer message.Message, sent ...message.Message) metaJSON {
	meta := g.metaOf(answer)
	if len(meta.Metrics) == 0 {
		return meta
	}
	for _, m := range sent {
		for _, metric := range g.metaOf(m).Metrics {
			if i := slices.IndexFunc(meta.Metrics, func(own json.RawMessage) bool { return bytes.Equal(own, metric) }); i >= 0 {
				meta.Metrics = slices.Delete(meta.Metrics, i, i+1)
			}
		}
	}
	return meta
}

// metaOf reads the meta of a message; what cannot be read has none.
func (g *gathering) metaOf(m message.Message) metaJSON {
	var read struct {
		Meta metaJSON `json:"meta"`
	}
	m, err := protocol.Plain(m)
	if err != nil {
		return read.Meta
	}
	if g.transport == protocol.REST {
		_ = json.Unmarshal(m.Body, &read)
	} else if text, err := protoMeta(m.Body); err == nil {
		_ = json.Unmarshal(text, &read.Meta)
	}
	for i, metric := range read.Meta.Metrics {
		read.Meta.Metrics[i] = compact(metric)
	}
	return read.Meta
}

func protoMeta(body []byte) ([]byte, error) {
	var m seldon.SeldonMessage
	if err := proto.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	return protojson.Marshal(m.GetMeta())
}

func compact(text json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return text
	}
	return b.Bytes()
}

// merged is what was gathered in the order of the walk, on top of what the
// client sent: tags and paths of later nodes win, metrics stand in a row.
func (g *gathering) merged(request message.Message) metaJSON {
	all := metaJSON{Tags: map[string]json.RawMessage{}, RequestPath: map[string]json.RawMessage{}}
	all.add(g.metaOf(request))
	g.addStep(&all, 0)
	return all
}

func (g *gathering) addStep(all *metaJSON, index int) {
	all.add(g.steps[index].input)
	for _, child := range g.plan.Steps[index].Children {
		g.addStep(all, child)
	}
	all.add(g.steps[index].join)
	all.add(g.steps[index].output)
}

func (m *metaJSON) add(more metaJSON) {
	maps.Copy(m.Tags, more.Tags)
	maps.Copy(m.RequestPath, more.RequestPath)
	m.Metrics = append(m.Metrics, more.Metrics...)
}
