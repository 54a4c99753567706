package predictor

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// Observer sees the calls of one kind on one node go by, each attempt of them
// by itself.
type Observer interface {
	// Begin is told of a call before it is made, and returns the context and
	// the message that it is made with.
	Begin(ctx context.Context, m message.Message) (context.Context, message.Message)
	// End is told when the call began and what came of it. ctx and sent are
	// those of Begin.
	End(ctx context.Context, start time.Time, sent, answer message.Message, err error)
	// Unusable is told of an answer that turned out to be of no use.
	Unusable()
}

// CallKind is what the calls that one observer sees have in common.
type CallKind struct {
	// Node is the node's name; Call is the call's, or that of a question about
	// the node's server.
	Node, Call string
	Transport  protocol.Transport
	// Path is the path or full gRPC method, in which the model has the name
	// that the node's server knows it by, whatever clients call it.
	Path string
	// Method is that of HTTP, or of gRPC unary or stream.
	Method string
	// Protocol is the name of the one that the node's server speaks.
	Protocol string
}

// observers are those of one node, made once.
type observers struct {
	make  func(k CallKind) Observer
	calls [2][lastCall + 1]Observer
	asks  [2][lastQuery + 1]Observer
	// others are made when they are needed first: CallKind -> Observer.
	others sync.Map
}

// The methods of calls and of questions.
var (
	asking      = [...]string{protocol.REST: http.MethodPost, protocol.GRPC: "unary"}
	questioning = [...]string{protocol.REST: http.MethodGet, protocol.GRPC: "unary"}
)

const lastQuery = protocol.QueryStatistics

// observe makes the observers of all that the node can be asked.
func (n *node) observe(makeObserver func(k CallKind) Observer) {
	if makeObserver == nil {
		return
	}
	n.observers.make = makeObserver
	for _, t := range []protocol.Transport{protocol.REST, protocol.GRPC} {
		for c, to := range n.targets[t] {
			if to != nil {
				n.observers.calls[t][c] = makeObserver(CallKind{Node: n.name, Call: graph.Call(c).String(), Transport: t, Path: to.Path, Method: asking[t], Protocol: n.speaks.Name})
			}
		}
		for q := protocol.Query(0); q <= lastQuery && n.servers[t].Host != ""; q++ {
			if path, _ := n.dialect(t).Query(q, message.Model{Name: n.model}); path != "" {
				n.observers.asks[t][q] = makeObserver(CallKind{Node: n.name, Call: q.String(), Transport: t, Path: path, Method: questioning[t], Protocol: n.speaks.Name})
			}
		}
	}
}

// observer returns the observer of a call; nil: nobody looks. Verbs are those
// of the protocol's routes, so that there are few.
func (n *node) observer(t protocol.Transport, c graph.Call, verb string) Observer {
	if verb == "" || n.foreign || n.observers.make == nil {
		return n.observers.calls[t][c]
	}
	path := n.dialect(t).Target(c, message.Model{Name: n.model, Verb: verb})
	return n.observers.other(CallKind{Node: n.name, Call: c.String(), Transport: t, Path: path, Method: asking[t], Protocol: n.speaks.Name})
}

func (o *observers) other(k CallKind) Observer {
	if o.make == nil {
		return nil
	}
	found, ok := o.others.Load(k)
	if !ok {
		found, _ = o.others.LoadOrStore(k, o.make(k))
	}
	return found.(Observer)
}

func (n *node) unusable(t protocol.Transport, c graph.Call) {
	if o := n.observers.calls[t][c]; o != nil {
		o.Unusable()
	}
}

// attempt asks a node's server once.
func (c *caller) attempt(ctx context.Context, o Observer, to *upstream.Target, m message.Message) (message.Message, error) {
	return watched(ctx, o, m, func(ctx context.Context, m message.Message) (message.Message, error) {
		return c.send.Send(ctx, to, m)
	})
}

// question asks a node's server about itself.
func (c *caller) question(ctx context.Context, o Observer, to *upstream.Target, m message.Message) (message.Message, error) {
	return watched(ctx, o, m, func(ctx context.Context, m message.Message) (message.Message, error) { return c.send.Ask(ctx, to, m) })
}

// watched makes a call before the eyes of an observer, if there is one.
func watched(ctx context.Context, o Observer, m message.Message, call func(context.Context, message.Message) (message.Message, error)) (message.Message, error) {
	if o == nil {
		return call(ctx, m)
	}
	meta, start := m.Meta, time.Now()
	ctx, m = o.Begin(ctx, m)
	answer, err := call(ctx, m)
	o.End(ctx, start, m, answer, err)
	// What an observer changed was for this call alone.
	answer.Meta = meta
	return answer, err
}
