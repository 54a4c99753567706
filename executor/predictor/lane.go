package predictor

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// lane is a node over one transport, with the chains of its calls.
//
// A chain is built once, at start, of links that each wrap the next; what a
// node does not use is no link. From the outside in, a call passes
//
//	fallback     answers for a node that failed (fallback.go)
//	at node      says in an error where it happened (lane.go)
//	versioned    chooses the version of the model that answers (versions.go)
//	readable     refuses what cannot be translated (translate.go)
//	chained      makes a request of another node's answer (chained.go)
//	asking       asks the last node for the client's outputs (chained.go)
//	logged       shows request and answer to the payload log (payload.go)
//	cache        answers what was answered before (cache.go)
//	batch        makes one call of several: what follows is for all (batch.go)
//	policy       bounds and repeats: what follows is one attempt (policy.go)
//	translation  speaks the protocol of the node's server (translate.go, attempt.go)
//	observer     of metrics and traces (observe.go)
//	fitting      finds out whether a request that failed fitted the model (fitting.go)
//	raw          asks in raw contents a server that cannot answer in others (raw.go)
//	crossed      of a gRPC request for a server that speaks REST alone (crossed.go)
//	socket       finds the target and sends (lane.go)
//
// Feedback passes at node, policy, observer and socket; a route passes the links
// of route.go in the place of the first two and is not logged; a join ends in
// the chain of its aggregate call (join.go). A built-in node answers in the
// place of what follows logged (builtin.go).
type lane struct {
	*node
	transport protocol.Transport
	// wire is the transport by which the server is called: that of the request, unless
	// the server speaks over REST alone.
	wire protocol.Transport
	// outside is the protocol of the clients, send the way to the servers.
	outside *protocol.Protocol
	send    Sender
	// server is where the node listens; no host: it does not, over this
	// transport.
	server upstream.Server
	// targets are by call; nil: no such call.
	targets [lastCall + 1]*upstream.Target
	// others are targets of versions and verbs, as far as they are kept: aimed ->
	// *upstream.Target.
	others     sync.Map
	othersKept atomic.Int32
	// specs are for foreign nodes: what is known of the model, and of its versions.
	specs specs
	// taken is what the model takes, for a call that failed.
	taken     *taken
	observers observers

	// calls answer the calls of [graph.Caller.Call]; route and join have their own.
	calls [lastCall + 1]link
	route routing
	join  joining
}

// link is a call on a node, or the rest of one: a message goes in, an answer
// comes out.
type link func(ctx context.Context, m message.Message) (message.Message, error)

const lastCall = graph.CallSendFeedback

// newLane makes the lane of a node, without its chains.
func newLane(n *node, t protocol.Transport, o *Options) *lane {
	wire := t
	if n.speaks.RESTOnly {
		wire = protocol.REST
	}
	l := &lane{node: n, transport: t, wire: wire, outside: o.Outside,
		send: [...]Sender{protocol.REST: o.REST, protocol.GRPC: o.GRPC}[wire], server: n.servers[wire]}
	l.specs.usual = newSpecCache()
	l.aim()
	l.observe(o.Observe)
	return l
}

// chain builds what answers the calls on the node. The lane of another node,
// of the same transport, is found by its name.
func (l *lane) chain(other func(node string) *lane) {
	for _, c := range []graph.Call{graph.CallPredict, graph.CallTransformInput, graph.CallTransformOutput} {
		if l.calls[c] = l.transforming(c); l.calls[c] != nil {
			continue
		}
		ask := l.versioned(l.readable(l.chained(l.asking(c, l.logged(c, l.cached(c, l.batched(l.answering(c))))))))
		l.calls[c] = l.fallingBack(c, l.atNode(c, ask), other)
	}
	l.calls[graph.CallSendFeedback] = l.feedback()
	l.route = l.routing()
	l.join = l.joining(other)
}

// answering is a call as the node's policy has it.
func (l *lane) answering(c graph.Call) link {
	return l.bounded(c, l.translated(c, l.observed(c, l.fitting(c, l.raw(c, l.crossed(l.socket(c)))))))
}

// feedback is the call by which feedback comes. A server that takes none hands
// it on, and its rewards are counted all the same.
func (l *lane) feedback() link {
	const c = graph.CallSendFeedback
	if l.foreign || !l.speaks.Feedback {
		count := func(message.Message) {}
		if o, ok := l.uncalled(c.String()).(interface{ Took(m message.Message) }); ok {
			count = o.Took
		}
		return func(_ context.Context, m message.Message) (message.Message, error) {
			count(m)
			return m, nil
		}
	}
	return l.atNode(c, l.answering(c))
}

// atNode says in an error where it happened.
func (l *lane) atNode(c graph.Call, next link) link {
	call := c.String()
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		answer, err := next(ctx, m)
		if err != nil {
			return m, protocol.AtNode(err, l.name, call)
		}
		return answer, nil
	}
}

// socket sends a message to the node's server.
func (l *lane) socket(c graph.Call) link {
	fixed, err := l.targets[c], l.missing(c)
	if err != nil {
		return func(_ context.Context, m message.Message) (message.Message, error) { return m, err }
	}
	d := l.dialect()
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		if m.Answer && m.Encoding != "" {
			// The node before compressed what this one need not be able to read.
			var err error
			if m, err = protocol.Plain(m); err != nil {
				return m, err
			}
		}
		to := fixed
		model := l.asked(m.Meta)
		if l.speaks.Routed {
			if model.Name = l.routed(); model.Name == "" {
				return m, protocol.Errorf(protocol.BadAnswer, "the server does not tell its routes")
			}
			to = l.targetOf(c, model)
		} else if model != (message.Model{Name: l.model}) && (l.transport == protocol.REST || model.Verb != "") {
			to = l.targetOf(c, model)
		}
		if l.models != nil {
			m = d.ForModel(m, model.Name)
		}
		if version := cmp.Or(model.Version, model.Label); version != "" {
			m = d.ForVersion(m, version)
		}
		return l.send.Send(ctx, to, d.WithModel(m, model.Name))
	}
}

// mostTargets is how many targets of versions and verbs a lane keeps.
const mostTargets = 256

// aimed is what a target is made of.
type aimed struct {
	call  graph.Call
	model message.Model
}

// targetOf is where a call on a version of the model goes, or with a verb.
func (l *lane) targetOf(c graph.Call, model message.Model) *upstream.Target {
	key := aimed{c, model}
	if to, ok := l.others.Load(key); ok {
		return to.(*upstream.Target)
	}
	to := l.server.Target(l.dialect().Target(c, model))
	if l.othersKept.Load() < mostTargets {
		if _, was := l.others.LoadOrStore(key, to); !was {
			l.othersKept.Add(1)
		}
	}
	return to
}

// missing is why the node cannot be asked for a call; nil: it can.
func (l *lane) missing(c graph.Call) error {
	switch {
	case l.targets[c] != nil:
		return nil
	case l.server.Host == "":
		return protocol.Errorf(protocol.Unimplemented, "the node has no %s port", l.wire)
	}
	return protocol.Errorf(protocol.Unimplemented, "protocol %s has no such call over %s", l.speaks.Name, l.wire)
}

// dialect is how the node's server is spoken to.
func (l *lane) dialect() *protocol.Dialect { return &l.speaks.Dialects[l.transport] }

// clients is how the clients speak, and form how their messages are written.
func (l *lane) clients() *protocol.Dialect { return &l.outside.Dialects[l.transport] }
func (l *lane) form() translate.Form       { return l.clients().Form }

// aim makes the targets of ordinary requests.
func (l *lane) aim() {
	for c := graph.Call(0); c <= lastCall && l.server.Host != ""; c++ {
		if path := l.dialect().Target(c, message.Model{Name: l.model}); path != "" {
			l.targets[c] = l.server.Target(path)
		}
	}
}
