// Package predictor serves one predictor: it walks requests through the plan
// and calls the nodes, translating where a node speaks another protocol than
// the client.
package predictor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/openapi"
	"github.com/prime-radiant/radiant/executor/policy"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// Sender calls servers over one transport. Send makes a call on a node, Ask
// a question about its server.
type Sender interface {
	Send(ctx context.Context, to *upstream.Target, m message.Message) (message.Message, error)
	Ask(ctx context.Context, to *upstream.Target, m message.Message) (message.Message, error)
}

// Options are all that a predictor depends on.
type Options struct {
	// Name is the predictor's, Graph its root node.
	Name  string
	Graph *graph.Node
	// Outside is the protocol of the clients.
	Outside *protocol.Protocol
	// REST and GRPC call nodes.
	REST, GRPC Sender
	// Observe, if not nil, makes the observer of the calls with these labels.
	Observe func(c CallLabels) Observer
	// Builtins are the nodes that run inside the executor; nil: [builtin.All].
	Builtins builtin.Table
	// Random decides for A/B tests, and when a call is repeated.
	Random builtin.Random
	// Nodes is what built-in nodes use; its Random is that of above.
	Nodes builtin.World
	// InjectRouting writes the routes taken into the answer's meta.
	InjectRouting bool
	// TellRoutes notes in [message.Meta] where routers sent a request.
	TellRoutes bool
	// MergeMeta writes all that is known of a request's way into the answer's
	// meta: puid, routing, requestPath, tags and metrics.
	MergeMeta bool
	// Images are those of the nodes' containers, by name, for requestPath.
	Images map[string]string
	// Hints are what is known of models that their servers do not tell.
	Hints openapi.Hints
	// Repository is what clients may do with the models of servers.
	Repository RepositoryAccess
	// FullHealthChecks judges readiness by HTTP where the protocol can.
	FullHealthChecks bool
	// Versions counts what versions of models answer; nil: nobody does.
	Versions VersionCounter
	// Log is told of versions that go and come; nil: nobody is.
	Log *slog.Logger
	// Payloads makes what takes the payloads of nodes that have a logger; nil:
	// nothing does.
	Payloads func(n *graph.Node) (Payloads, error)
	// Meters count what policies do; nil: nobody counts.
	Meters *policy.Meters
	// MaxInFlight bounds the requests that walk the graph at once, MaxWaiting
	// those that wait for it. 0: no bound.
	MaxInFlight, MaxWaiting int
	// V1 asks for the habits of Seldon Core v1 that graphs may count on.
	V1 bool
	// TLS is how nodes with endpoint.tls are probed; nil: by the system's
	// authorities.
	TLS *tls.Config
}

// Predictor is ready for requests, from several goroutines.
type Predictor struct {
	options Options
	plan    *graph.Plan
	nodes   []*node
	callers [2]*caller
	probe   *prober
	// branches is true if some node has several children, so that feedback
	// has to be read for the way it takes.
	branches bool
	// learns is true if a built-in node takes feedback.
	learns bool
	// notes is true if a built-in node keeps notes of a request.
	notes bool
	reads bool
	// versions is true if some server has versions of its model, declares if a node
	// says something of them.
	versions bool
	declares atomic.Bool
	// chains is true if several nodes take part in an answer whose outputs and
	// model a client names.
	chains bool
	// wantsMeta is true if answers have a meta to write into.
	wantsMeta bool
	// tellsRoutes is true if some node routes and it is asked where.
	tellsRoutes bool
	// limit bounds the requests under way; nil: nothing does.
	limit *policy.Limit
}

// New compiles the graph. It reports all that is wrong with it at once.
func New(o Options) (*Predictor, error) {
	if o.Builtins == nil {
		o.Builtins = builtin.All()
	}
	o.Nodes.Random = o.Random
	if o.V1 {
		o.Graph = asV1(o.Graph)
	}
	plan, err := graph.Compile(o.Graph)
	if err != nil {
		return nil, fmt.Errorf("compiling the graph: %w", err)
	}
	p := &Predictor{options: o, plan: plan, probe: newProber(o.FullHealthChecks, o.TLS)}
	var errs []error
	for i := range plan.Steps {
		n, err := newNode(&plan.Steps[i], o)
		errs = append(errs, err)
		if logger := plan.Steps[i].Node.Logger; logger != nil && o.Payloads != nil {
			n.payloads, err = o.Payloads(plan.Steps[i].Node)
			errs = append(errs, err)
		}
		p.add(n, &plan.Steps[i])
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("compiling the graph: %w", err)
	}
	p.chains = p.placeNodes() && o.Outside.Named
	for _, t := range []protocol.Transport{protocol.REST, protocol.GRPC} {
		p.callers[t] = newCaller(p.nodes, t, &o)
	}
	p.learn()
	// Messages of other protocols have no meta.
	p.wantsMeta = (o.InjectRouting || o.MergeMeta) && !o.Outside.Named
	p.reads = p.readsAnswers()
	if o.MaxInFlight > 0 {
		p.limit = policy.NewLimit(o.MaxInFlight, o.MaxWaiting)
	}
	return p, nil
}

// add takes a node, and notes what it asks of each walk.
func (p *Predictor) add(n *node, s *graph.Step) {
	p.nodes = append(p.nodes, n)
	if _, ok := n.builtin.(builtin.Learner); ok {
		p.learns = true
	}
	if _, ok := n.builtin.(builtin.InputTransformer); ok {
		p.notes = true
	}
	p.tellsRoutes = p.tellsRoutes || p.options.TellRoutes && s.Calls.Has(graph.CallRoute)
	p.versions = p.versions || n.versions != nil
	if n.versions != nil && s.Node.DeclaresVersions() {
		p.declares.Store(true)
	}
	p.branches = p.branches || len(s.Children) > 1
}

// Reads reports whether answers of nodes are looked into on their way, by the
// executor or by a next node, which may not know compression; so that nodes
// should not compress them.
func (p *Predictor) Reads() bool { return p.reads }

func (p *Predictor) readsAnswers() bool {
	servers := 0
	for i, n := range p.nodes {
		s := &p.plan.Steps[i]
		if n.foreign || s.Calls.Has(graph.CallRoute) || s.Calls.Has(graph.CallAggregate) {
			return true
		}
		if s.Calls.Has(graph.CallPredict) || s.Calls.Has(graph.CallTransformInput) || s.Calls.Has(graph.CallTransformOutput) {
			servers++
		}
	}
	return p.wantsMeta || servers > 1
}

// Predict answers a request.
func (p *Predictor) Predict(ctx context.Context, t protocol.Transport, m message.Message) (message.Message, error) {
	if p.limit != nil {
		if err := p.limit.Acquire(ctx); err != nil {
			return m, busy(err)
		}
		defer p.limit.Release()
	}
	if p.versions {
		if asked := asksVersion(m.Meta); p.declares.Load() || asked != "" || m.Meta.Model.Version != "" || m.Meta.Model.Label != "" {
			m.Meta.Versions = message.NewVersions(asked, len(p.nodes))
		}
	}
	asked := m.Meta
	if asked.Versions != nil {
		defer func() { asked.Version = p.answered(asked.Versions) }()
	}
	if p.notes {
		meta := *m.Meta
		meta.Notes = make([]any, len(p.nodes))
		m.Meta = &meta
	}
	var trail *graph.Trail
	if p.wantsMeta || p.tellsRoutes {
		trail = graph.NewTrail(p.plan)
	}
	if p.tellsRoutes {
		defer func() { asked.Route = p.chosen(trail) }()
	}
	if p.wantsMeta {
		return p.withMeta(ctx, t, m, trail)
	}
	if p.chains {
		m = p.withoutOutputs(t, m)
	}
	return graph.Predict(ctx, p.plan, p.callers[t], m, trail)
}
