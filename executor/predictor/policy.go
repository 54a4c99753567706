package predictor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/policy"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// fallback is what answers for a node that failed: a node, a message for each
// transport, or a route.
type fallback struct {
	meter   *policy.Meter
	node    string
	answers [2][]byte
	route   *int32
}

// setPolicy reads what the user wrote for the node.
func (n *node) setPolicy(s *graph.Step, o Options) error {
	g := s.Node.Policy
	if g == nil {
		return nil
	}
	var errs []error
	for _, p := range g.Problems(o.Graph, s.Node) {
		errs = append(errs, fmt.Errorf("node %q: %w", s.Name, p))
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	meter := o.Meters.Node(s.Name)
	var err error
	if n.policy, err = policy.New(g, policy.Options{Again: again, Random: o.Random, Meter: meter}); err != nil {
		return fmt.Errorf("node %q: %w", s.Name, err)
	}
	f := g.Fallback
	if f == nil {
		return nil
	}
	n.fallback = &fallback{meter: meter, node: f.Node, route: f.Route}
	if f.Response == "" {
		return nil
	}
	n.fallback.answers[protocol.REST] = []byte(f.Response)
	forms := o.Outside.Dialects
	n.fallback.answers[protocol.GRPC], err = translate.Answer(forms[protocol.REST].Form, forms[protocol.GRPC].Form, []byte(f.Response))
	if err != nil {
		return fmt.Errorf("node %q: policy.fallback.response: %w", s.Name, err)
	}
	return nil
}

// bounded makes a call under the node's policy.
func (c *caller) bounded(ctx context.Context, n *node, call graph.Call, m message.Message) (message.Message, error) {
	answer, err := policy.Do(ctx, n.policy, policy.Call[message.Message]{
		Once:    call == graph.CallSendFeedback,
		Attempt: func(ctx context.Context) (message.Message, error) { return c.once(ctx, n, call, m) },
		Hold:    m.Meta.Lease.Retain,
		Drop:    m.Meta.Lease.Release,
	})
	return answer, busy(err)
}

// busy gives the rejections of limits their code.
func busy(err error) error {
	if errors.Is(err, policy.ErrBusy) {
		return protocol.Coded(protocol.Busy, err)
	}
	return err
}

// again judges whether an attempt that failed is safe to repeat: the node was
// not reached, or says that it has not done what it was asked.
func again(err error) (safe bool, after time.Duration) {
	switch protocol.CodeOf(err) {
	case protocol.Unreachable, protocol.NotNow:
		return true, protocol.RetryAfter(err)
	}
	return false, 0
}

// nodesFault reports whether a failure is that of the node, for which a
// fallback answers, and not of what the client sent or of a client that went
// away, which ends ctx.
func nodesFault(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	switch protocol.CodeOf(err) {
	case protocol.Invalid, protocol.UnsupportedType, protocol.TooLarge, protocol.NotFound, protocol.Unimplemented, protocol.Declined:
		return false
	}
	return true
}

// fallBack answers for a node that failed with err. What the fallback cannot
// answer fails as the node did.
func (c *caller) fallBack(ctx context.Context, n *node, m message.Message, err error, other func(*graph.Step) (message.Message, error)) (message.Message, error) {
	f := n.fallback
	if f == nil || !nodesFault(ctx, err) {
		return m, err
	}
	if f.node != "" {
		answer, otherErr := other(c.predictor.step(f.node))
		if otherErr != nil {
			return m, err
		}
		f.meter.FellBack()
		return answer, nil
	}
	body := f.answers[c.transport]
	if body == nil {
		return m, err
	}
	f.meter.FellBack()
	answer := message.Message{Body: body, Answer: true, Meta: m.Meta}
	if c.transport == protocol.REST {
		answer.Type = jsonType
	}
	return answer, nil
}

// step finds a node by its name; nil: there is none.
func (p *Predictor) step(name string) *graph.Step {
	for i := range p.plan.Steps {
		if p.plan.Steps[i].Name == name {
			return &p.plan.Steps[i]
		}
	}
	return nil
}
