package predictor

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/payloadlog"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// Relayer joins a client's stream to one of a node's server.
type Relayer interface {
	Relay(ctx context.Context, to *upstream.Target, client protocol.Stream, each func(message.Message) message.Message) error
}

// Stream answers a stream of requests. In a graph of one node the stream is
// the node's server's own, which may answer a request by any number of
// messages. In any other graph each request walks the graph, one after the
// other; a request that fails is answered by its error, and the stream goes on.
func (p *Predictor) Stream(ctx context.Context, m protocol.Method, client protocol.Stream) error {
	if to, n := p.relayed(m); to != nil {
		if relayer, ok := p.options.GRPC.(Relayer); ok {
			if n.payloads != nil {
				client = &loggedStream{Stream: client, node: n.node, answers: []protowire.Number{m.Field}}
			}
			d, call := n.dialect(), graph.CallPredict.String()
			o := n.observers.other(n.labels(call, to.Path, "stream"))
			_, err := watched(ctx, o, message.Message{Meta: &message.Meta{}}, func(ctx context.Context, m message.Message) (message.Message, error) {
				return m, relayer.Relay(ctx, to, client, func(m message.Message) message.Message { return n.ofVersion(ctx, d.WithModel(m, n.model)) })
			})
			return protocol.AtNode(err, n.name, call)
		}
	}
	for {
		request, err := client.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer, err := p.Predict(ctx, protocol.GRPC, request)
		if ctx.Err() == nil {
			err = client.Send(streamed(m, answer, err))
		} else {
			err = ctx.Err()
		}
		request.Meta.Lease.Release()
		if err != nil {
			return err
		}
	}
}

// loggedStream shows what passes a relayed stream to the node's payload log.
type loggedStream struct {
	protocol.Stream
	node *node
	// answers is the field of what a server sends that holds an answer.
	answers []protowire.Number
	// meta is that of the last request.
	meta atomic.Pointer[message.Meta]
}

func (s *loggedStream) Receive() (message.Message, error) {
	m, err := s.Stream.Receive()
	if err == nil {
		s.meta.Store(m.Meta)
		s.node.payloads.Log(payloadlog.Request, graph.CallPredict.String(), protocol.GRPC, m)
	}
	return m, err
}

func (s *loggedStream) Send(m message.Message) error {
	answer, meta := protocol.StringAt(m.Body, s.answers), s.meta.Load()
	if answer != "" && meta != nil {
		s.node.payloads.Log(payloadlog.Response, graph.CallPredict.String(), protocol.GRPC, message.Message{Body: []byte(answer), Answer: true, Meta: meta})
	}
	return s.Stream.Send(m)
}

// relayed is where the stream of a graph of one node goes; nil: the graph has
// to be walked.
func (p *Predictor) relayed(m protocol.Method) (*upstream.Target, *lane) {
	n := p.callers[protocol.GRPC].lanes[0]
	calls := p.plan.Steps[0].Calls
	one := calls == graph.CallSet(graph.CallPredict, graph.CallSendFeedback) || calls == graph.CallSet(graph.CallPredict)
	if len(p.nodes) > 1 || !one || n.foreign || n.server.Host == "" {
		return nil, nil
	}
	return n.server.Target("/" + m.Service + "/" + m.Name), n
}

// streamed wraps an answer, or an error, in a message of a stream.
func streamed(m protocol.Method, answer message.Message, err error) message.Message {
	if err != nil {
		text := protocol.Text(err)
		if s, ok := protocol.StatusOf(err); ok {
			text = s.Message()
		}
		return message.Message{Body: protowire.AppendString(protowire.AppendTag(nil, m.Errors, protowire.BytesType), text), Answer: true}
	}
	answer = answer.Whole()
	head := protowire.AppendTag(nil, m.Field, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(len(answer.Body)))
	answer.Body = append(head, answer.Body...)
	return answer
}
