package builtin

import (
	"context"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/rule"
)

// rulesMeter counts what the rules of a router decide. Its methods on nil do nothing.
type rulesMeter struct {
	// taken are by the number of the rule, from 0 on: of no rule. failed are by index.
	taken, failed []prometheus.Counter
}

func (m *Meters) rules(n *graph.Node, rules []rule.Rule, otherwise int) *rulesMeter {
	if m == nil {
		return nil
	}
	taken := func(child, number int) prometheus.Counter {
		return m.ruled.WithLabelValues(n.Name, n.Children[child].Name, strconv.Itoa(number))
	}
	r := &rulesMeter{taken: []prometheus.Counter{taken(otherwise, 0)}}
	for i, one := range rules {
		r.taken = append(r.taken, taken(one.Child, i+1))
		r.failed = append(r.failed, m.unruled.WithLabelValues(n.Name, strconv.Itoa(i+1)))
	}
	return r
}

func (r *rulesMeter) took(number int) {
	if r != nil {
		r.taken[number].Inc()
	}
}

func (r *rulesMeter) couldNot(index int) {
	if r != nil {
		r.failed[index].Inc()
	}
}

// stepsMeter counts rows that pass the steps of a transformer. Its methods on nil do
// nothing.
type stepsMeter struct {
	changed prometheus.Counter
	// refused are by step.
	refused []prometheus.Counter
}

func (m *Meters) steps(node string, steps []graph.TransformStep) *stepsMeter {
	if m == nil {
		return nil
	}
	s := &stepsMeter{changed: m.transformed.WithLabelValues(node)}
	for i := range steps {
		s.refused = append(s.refused, m.refused.WithLabelValues(node, strconv.Itoa(i+1)+" "+steps[i].Name))
	}
	return s
}

func (s *stepsMeter) passed(rows int) {
	if s != nil {
		s.changed.Add(float64(rows))
	}
}

func (s *stepsMeter) stopped(step, rows int) {
	if s != nil {
		s.refused[step].Add(float64(rows))
	}
}

// quorumMeter counts the children that a combiner does without.
type quorumMeter struct {
	Combiner
	left []prometheus.Counter
}

// leaving is a combiner that counts whom it does without, if its step lets it.
func (m *Meters) leaving(c Combiner, s *graph.Step) Combiner {
	if m == nil || s.Quorum == 0 && s.Deadline == 0 {
		return c
	}
	q := &quorumMeter{Combiner: c}
	for i := range s.Node.Children {
		q.left = append(q.left, m.left.WithLabelValues(s.Name, s.Node.Children[i].Name))
	}
	return q
}

// Combine counts, and leaves the rest to the combiner.
func (q *quorumMeter) Combine(ctx context.Context, answers Messages) (Message, error) {
	came := make([]bool, len(q.left))
	for i := range answers.Len() {
		came[answers.Child(i)] = true
	}
	for child, c := range q.left {
		if !came[child] {
			c.Inc()
		}
	}
	return q.Combiner.Combine(ctx, answers)
}
