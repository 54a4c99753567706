// Package builtin holds the nodes that run inside the executor, without a
// container: a file for each, beside what they have in common. Which calls a
// node answers is said by its row in graph/builtin.go.
package builtin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prime-radiant/radiant/executor/state"
	"github.com/prime-radiant/radiant/graph"
)

// Node answers the calls of one step: it has those of the methods below that
// the step's calls ask for. It is made once and used by several goroutines.
// An error that a node returns goes to the client with the code that
// [protocol.Errorf] or a method of [Message] gave it; a code such as
// [protocol.Invalid] rejects the client's message, one without a code is a
// fault of the executor.
type Node any

// Router is a node that takes [graph.CallRoute].
type Router interface {
	// Route returns a child's number, [graph.RouteAll] or [graph.RouteNone].
	Route(ctx context.Context, m Message) (int, error)
}

// Learner is a node that takes [graph.CallSendFeedback].
type Learner interface {
	// Learn is told what became of a prediction that came by this node.
	Learn(ctx context.Context, f Feedback) error
}

// InputTransformer is a node that takes [graph.CallTransformInput]. A node that
// is a router as well routes the message that it returns here; what it noted of the
// request ([Message.Note]) it finds there, and in its output call.
type InputTransformer interface {
	// TransformInput returns what the node's children get: m, or another
	// message made of it.
	TransformInput(ctx context.Context, m Message) (Message, error)
}

// OutputTransformer is a node that takes [graph.CallTransformOutput].
type OutputTransformer interface {
	// TransformOutput returns what is answered in the place of m.
	TransformOutput(ctx context.Context, m Message) (Message, error)
}

// Combiner is a node that takes [graph.CallAggregate].
type Combiner interface {
	// Combine makes one answer of those of the children, at least one, in the
	// order of the children.
	Combine(ctx context.Context, answers Messages) (Message, error)
}

// Random gives numbers from [0, 1), to several goroutines.
type Random func() float64

// World is what nodes use beside what their step says.
type World struct {
	// Random decides; nil: only for nodes that do not ask it.
	Random Random
	// Meters count; nil: nobody does.
	Meters *Meters
	// Files is the folder that holds a folder of files for each node with a
	// modelUri; empty: there is none.
	Files string
	// State keeps what nodes learn; nil: nothing does.
	State *state.Store
	// Reporter makes what tells of a node's findings, at a URL; empty: where payload
	// events go. nil: nobody is told.
	Reporter func(node, to string) (Reporter, error)
	// Watch lists the nodes that compare what comes with a reference; nil: nobody
	// asks them.
	Watch *Watch
	// Now is the time; nil: that of the clock.
	Now func() time.Time
}

// Finding is what a node can find.
type Finding uint8

// The findings.
const (
	FoundOutlier Finding = iota
	FoundDrift
)

// Reporter tells of what a node finds.
type Reporter interface {
	// Found tells of a finding in a call, as JSON. Puid is that of the request;
	// empty: it is about many.
	Found(what Finding, call, puid string, body []byte)
}

// Maker makes the node of a step.
type Maker func(s *graph.Step, w *World) (Node, error)

// Table is the makers by implementation.
type Table map[string]Maker

// All lists the built-ins; a test holds it to the rows of graph/builtin.go.
func All() Table {
	return Table{
		"SIMPLE_MODEL":     newSimpleModel,
		"SIMPLE_ROUTER":    newSimpleRouter,
		"RANDOM_ABTEST":    newABTest,
		"AVERAGE_COMBINER": newAverage,

		"WEIGHTED_COMBINER":    newWeighted,
		"MAX_COMBINER":         newMaximum,
		"MEDIAN_COMBINER":      newMedian,
		"VOTE_COMBINER":        newVote,
		"FIRST_COMBINER":       newFirst,
		"STACK_COMBINER":       newStack,
		"CONCATENATE_COMBINER": newConcatenate,

		"RULES_ROUTER": newRulesRouter,

		"TENSOR_TRANSFORMER":        newTransformer,
		"TENSOR_OUTPUT_TRANSFORMER": newTransformer,

		"EPSILON_GREEDY":    newEpsilonGreedy,
		"THOMPSON_SAMPLING": newThompson,
		"UCB":               newUCB,

		"MAHALANOBIS_DETECTOR": newMahalanobis,
		"QUANTILE_DETECTOR":    newQuantiles,
		"SCORE_DETECTOR":       newScores,
		"DRIFT_DETECTOR":       newDrift,

		"ISOLATION_FOREST_DETECTOR": newForest,
	}
}

// New makes the node of a step, and sees to it that it answers the step's
// calls.
func (t Table) New(s *graph.Step, w *World) (Node, error) {
	build, ok := t[s.Node.Implementation]
	if !ok {
		return nil, fmt.Errorf("node %q: built-in %q is not there", s.Name, s.Node.Implementation)
	}
	var faults []error
	for _, f := range graph.BuiltinFaults(s.Node) {
		faults = append(faults, fmt.Errorf("node %q: %w", s.Name, f))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	n, err := build(s, w)
	if err != nil {
		return nil, fmt.Errorf("node %q: %w", s.Name, err)
	}
	if c, ok := n.(Combiner); ok {
		n = w.Meters.leaving(c, s)
	}
	for c := graph.CallTransformInput; c <= graph.CallSendFeedback; c++ {
		if s.Calls.Has(c) && !answers(n, c) {
			return nil, fmt.Errorf("node %q: built-in %s does not answer %s", s.Name, s.Node.Implementation, c)
		}
	}
	return n, nil
}

func answers(n Node, c graph.Call) (ok bool) {
	switch c {
	case graph.CallTransformInput:
		_, ok = n.(InputTransformer)
	case graph.CallRoute:
		_, ok = n.(Router)
	case graph.CallAggregate:
		_, ok = n.(Combiner)
	case graph.CallTransformOutput:
		_, ok = n.(OutputTransformer)
	case graph.CallSendFeedback:
		_, ok = n.(Learner)
	}
	return ok
}
