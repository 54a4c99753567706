package predictor

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
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

// CallLabels is what the calls that one observer sees have in common.
type CallLabels struct {
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

// observers are those of one lane, made once.
type observers struct {
	make  func(c CallLabels) Observer
	calls [lastCall + 1]Observer
	asks  [lastQuery + 1]Observer
	// others are made when they are needed first: CallLabels -> Observer.
	others sync.Map
}

// The methods of calls and of questions.
var (
	asking      = [...]string{protocol.REST: http.MethodPost, protocol.GRPC: "unary"}
	questioning = [...]string{protocol.REST: http.MethodGet, protocol.GRPC: "unary"}
)

const lastQuery = protocol.QueryStatistics

// observe makes the observers of all that the node can be asked.
func (l *lane) observe(makeObserver func(c CallLabels) Observer) {
	if makeObserver == nil {
		return
	}
	l.observers.make = makeObserver
	for c, to := range l.targets {
		if to != nil {
			l.observers.calls[c] = makeObserver(l.labels(graph.Call(c).String(), to.Path, asking[l.wire]))
		}
	}
	for q := protocol.Query(0); q <= lastQuery && l.server.Host != ""; q++ {
		if path, _ := l.dialect().Query(q, message.Model{Name: l.model}); path != "" {
			l.observers.asks[q] = makeObserver(l.labels(q.String(), path, questioning[l.wire]))
		}
	}
}

// uncalled is the observer of a call that the node's server does not take; nil:
// nobody looks.
func (l *lane) uncalled(call string) Observer {
	if l.observers.make == nil || l.server.Host == "" {
		return nil
	}
	return l.observers.make(l.labels(call, "", "none"))
}

func (l *lane) labels(call, path, method string) CallLabels {
	return CallLabels{Node: l.name, Call: call, Transport: l.wire, Path: path, Method: method, Protocol: l.speaks.Name}
}

func (o *observers) other(k CallLabels) Observer {
	if o.make == nil {
		return nil
	}
	found, ok := o.others.Load(k)
	if !ok {
		found, _ = o.others.LoadOrStore(k, o.make(k))
	}
	return found.(Observer)
}

func (l *lane) unusable(c graph.Call) {
	if o := l.observers.calls[c]; o != nil {
		o.Unusable()
	}
}

// observed shows a call to the observer of its labels. Verbs are those of the
// protocol's operations, so that there are few.
func (l *lane) observed(c graph.Call, next link) link {
	if l.observers.make == nil || l.targets[c] == nil {
		return next
	}
	usual := l.observers.calls[c]
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		o := usual
		if verb := m.Meta.Model.Verb; verb != "" && !l.foreign {
			o = l.observers.other(l.labels(c.String(), l.dialect().Target(c, message.Model{Name: l.model, Verb: verb}), asking[l.transport]))
		}
		return watched(ctx, o, m, next)
	}
}

// question asks a node's server about itself.
func (l *lane) question(ctx context.Context, q protocol.Query, path string, m message.Message) (message.Message, error) {
	to := l.server.Target(path)
	return watched(ctx, l.observers.asks[q], m, l.crossed(func(ctx context.Context, m message.Message) (message.Message, error) { return l.send.Ask(ctx, to, m) }))
}

// watched makes a call before the eyes of an observer, if there is one.
func watched(ctx context.Context, o Observer, m message.Message, call link) (message.Message, error) {
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
