package predictor

import (
	"context"
	"errors"
	"fmt"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/policy"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

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
	if g.Batch != nil {
		n.batch, n.batchMeter = g.Batch, o.Meters.Batch(s.Name)
	}
	if g.Cache != nil {
		if n.cache, err = policy.NewCache[message.Message](g.Cache, o.Meters.Cache(s.Name)); err != nil {
			return fmt.Errorf("node %q: %w", s.Name, err)
		}
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

// bounded makes a call under the node's policy: next is one attempt.
func (l *lane) bounded(c graph.Call, next link) link {
	if l.policy == nil {
		return next
	}
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		answer, err := policy.Do(ctx, l.policy, policy.Call[message.Message]{
			Once:    c == graph.CallSendFeedback,
			Attempt: func(ctx context.Context) (message.Message, error) { return next(ctx, m) },
			Hold:    m.Meta.Lease.Retain,
			Drop:    m.Meta.Lease.Release,
		})
		return answer, busy(err)
	}
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
func again(err error) policy.Verdict {
	switch protocol.CodeOf(err) {
	case protocol.Unreachable, protocol.NotNow:
		return policy.Verdict{Safe: true, Taken: upstream.Lost(err), After: protocol.RetryAfter(err)}
	}
	return policy.Verdict{}
}
