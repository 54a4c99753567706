package program

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/executor/admission"
	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/predictor"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/server"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/scaling"
)

// admit counts requests, keeps those waiting that are too many at once, and
// answers who scales the pods, if the settings ask for any of it. The gate is nil
// where they do not.
func admit(c *config.Config, walk *predictor.Options, options *server.Options, r prometheus.Registerer) (*admission.Gate, error) {
	if !c.Scaling.Report && c.Scaling.Concurrency == 0 {
		return nil, nil
	}
	gate, err := admission.New(admission.Options{
		Most: c.Scaling.Concurrency, Queue: c.Scaling.Waiting(), Patience: c.Scaling.Patience, Registry: r, Now: time.Now,
	})
	if err != nil || !c.Scaling.Report {
		return gate, err
	}
	calls := admission.NewCalls(time.Now)
	walk.Observe = counted(walk.Observe, calls, elsewhere(walk.Graph))
	addPage(options, scaling.PathReport, &admission.Page{Gate: gate, Calls: calls, Process: newID(), Began: time.Now(), Now: time.Now})
	return gate, nil
}

// elsewhere are the nodes whose servers are in other pods.
func elsewhere(root *graph.Node) map[string]bool {
	nodes := map[string]bool{}
	root.Walk(func(_ string, n *graph.Node) {
		e := n.Endpoint
		if e == nil || e.ServiceHost == "" || e.ServiceHost == "localhost" {
			return
		}
		if ip := net.ParseIP(e.ServiceHost); ip == nil || !ip.IsLoopback() {
			nodes[n.Name] = true
		}
	})
	return nodes
}

// counted has the calls on these nodes counted, besides what sees them already.
func counted(observe func(predictor.CallLabels) predictor.Observer, calls *admission.Calls, nodes map[string]bool) func(predictor.CallLabels) predictor.Observer {
	if len(nodes) == 0 {
		return observe
	}
	return func(k predictor.CallLabels) predictor.Observer {
		var inner predictor.Observer = unobserved{}
		if observe != nil {
			inner = observe(k)
		}
		if !nodes[k.Node] || k.Method == "none" {
			return inner
		}
		return &countedCalls{Observer: inner, load: calls.Node(k.Node)}
	}
}

// countedCalls count the calls that an observer sees.
type countedCalls struct {
	predictor.Observer
	load *scaling.Meter
}

// Begin implements [predictor.Observer].
func (c *countedCalls) Begin(ctx context.Context, m message.Message) (context.Context, message.Message) {
	c.load.Begin()
	return c.Observer.Begin(ctx, m)
}

// End implements [predictor.Observer].
func (c *countedCalls) End(ctx context.Context, start time.Time, sent, answer message.Message, err error) {
	c.load.End()
	c.Observer.End(ctx, start, sent, answer, err)
}

// unobserved sees nothing.
type unobserved struct{}

// Begin implements [predictor.Observer].
func (unobserved) Begin(ctx context.Context, m message.Message) (context.Context, message.Message) {
	return ctx, m
}

// End implements [predictor.Observer].
func (unobserved) End(context.Context, time.Time, message.Message, message.Message, error) {}

// Unusable implements [predictor.Observer].
func (unobserved) Unusable() {}

// admitted is an engine behind a gate; questions about it pass beside.
type admitted struct {
	server.Engine
	gate *admission.Gate
}

// behind puts an engine behind a gate, if there is one.
func behind(gate *admission.Gate, e server.Engine) server.Engine {
	if gate == nil {
		return e
	}
	return &admitted{Engine: e, gate: gate}
}

// Predict implements [server.Engine].
func (a *admitted) Predict(ctx context.Context, t protocol.Transport, m message.Message) (message.Message, error) {
	if err := a.gate.Enter(ctx); err != nil {
		return m, notAdmitted(err)
	}
	defer a.gate.Leave()
	return a.Engine.Predict(ctx, t, m)
}

// Feedback implements [server.Engine].
func (a *admitted) Feedback(ctx context.Context, t protocol.Transport, m message.Message) (message.Message, error) {
	if err := a.gate.Enter(ctx); err != nil {
		return m, notAdmitted(err)
	}
	defer a.gate.Leave()
	return a.Engine.Feedback(ctx, t, m)
}

// Stream implements [server.Engine]: a stream is one for as long as it lasts.
func (a *admitted) Stream(ctx context.Context, method protocol.Method, client protocol.Stream) error {
	if err := a.gate.Enter(ctx); err != nil {
		return notAdmitted(err)
	}
	defer a.gate.Leave()
	return a.Engine.Stream(ctx, method, client)
}

// notAdmitted is the error of a request that the gate did not let in.
func notAdmitted(err error) error {
	if errors.Is(err, admission.ErrFull) || errors.Is(err, admission.ErrTooLong) {
		return protocol.Coded(protocol.Crowded, err)
	}
	return protocol.Coded(protocol.CodeOf(err), fmt.Errorf("waiting for containerConcurrency: %w", err))
}
