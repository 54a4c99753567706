package predictor

import (
	"context"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/payloadlog"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// caller is the walk's view of the world over one transport. It is passed by
// its address: a value would be copied to the heap by each request.
type caller struct {
	// lanes are those of all nodes, by the index of their step.
	lanes []*lane
}

var (
	_ graph.Caller[message.Message]  = (*caller)(nil)
	_ graph.Watcher[message.Message] = (*caller)(nil)
)

// newCaller makes the lanes of the nodes, and their chains when all are there:
// the fallback of one may be another.
func newCaller(nodes []*node, t protocol.Transport, o *Options) *caller {
	c := &caller{lanes: make([]*lane, len(nodes))}
	named := map[string]*lane{}
	for i, n := range nodes {
		c.lanes[i] = newLane(n, t, o)
		named[n.name] = c.lanes[i]
	}
	for _, l := range c.lanes {
		l.chain(func(node string) *lane { return named[node] })
	}
	return c
}

// Call makes a call on a node.
func (c *caller) Call(ctx context.Context, s *graph.Step, call graph.Call, m message.Message) (message.Message, error) {
	return c.lanes[s.Index].calls[call](ctx, m)
}

// Route asks a router.
func (c *caller) Route(ctx context.Context, s *graph.Step, m message.Message) (int, error) {
	return c.lanes[s.Index].route(ctx, m)
}

// Join makes one message of the children's answers.
func (c *caller) Join(ctx context.Context, s *graph.Step, ms []message.Message, from []int) (message.Message, error) {
	return c.lanes[s.Index].join(ctx, answered{ms, from})
}

// passages says what the messages at a passage are logged as.
var passages = [...]payloadlog.EventType{graph.Down: payloadlog.Request, graph.Up: payloadlog.Response, graph.FeedbackDown: payloadlog.Feedback}

// Watch logs what passes a node.
func (c *caller) Watch(s *graph.Step, p graph.Passage, m message.Message) {
	if l := c.lanes[s.Index]; l.payloads != nil {
		call := payloadlog.Children
		if p == graph.FeedbackDown {
			call = graph.CallSendFeedback.String()
		}
		l.payloads.Log(passages[p], call, l.transport, m.Whole())
	}
}
