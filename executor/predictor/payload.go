package predictor

import (
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/payloadlog"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// Payloads takes what a node is asked and answers, in the clients' protocol.
// It must not keep the message.
type Payloads interface {
	Log(kind payloadlog.Kind, t protocol.Transport, m message.Message)
}

var _ graph.Watcher[message.Message] = (*caller)(nil)

// passages says what the messages at a passage are logged as.
var passages = [...]payloadlog.Kind{graph.Down: payloadlog.Request, graph.Up: payloadlog.Response, graph.FeedbackDown: payloadlog.Feedback}

// Watch logs what passes a node.
func (c *caller) Watch(s *graph.Step, p graph.Passage, m message.Message) {
	c.log(c.predictor.nodes[s.Index], passages[p], m)
}

func (c *caller) log(n *node, kind payloadlog.Kind, m message.Message) {
	if n.payloads != nil {
		n.payloads.Log(kind, c.transport, m)
	}
}
