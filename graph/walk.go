package graph

import (
	"context"
	"fmt"
	"slices"
)

// Caller is all that the walk knows of the world: how to reach a node. M is
// the message; tests use a string. Implementations are called from several
// goroutines at once.
type Caller[M any] interface {
	// Call makes one call on a node: Predict, TransformInput, TransformOutput
	// or SendFeedback.
	Call(ctx context.Context, s *Step, c Call, m M) (M, error)
	// Route asks a router for a child number, RouteAll or RouteNone.
	Route(ctx context.Context, s *Step, m M) (int, error)
	// Join makes one message of those that the children answered, in the
	// order of the children. From are the numbers of these children; nil: it is all
	// of them. The slices are valid during the call only.
	Join(ctx context.Context, s *Step, ms []M, from []int) (M, error)
}

// Watcher is a [Caller] that wants to see what passes the nodes which have
// children, and feedback on its way, as far as they have a logger.
type Watcher[M any] interface {
	// Watch is shown a message: what a node hands to its children, what came of
	// them, or feedback that reaches a node.
	Watch(s *Step, p Passage, m M)
}

// Passage is where a message passes a node.
type Passage uint8

// The passages.
const (
	Down Passage = iota
	Up
	FeedbackDown
)

// RouteError is a route that names no child.
type RouteError struct {
	Node            string
	Route, Children int
}

func (e *RouteError) Error() string {
	return fmt.Sprintf("node %q: route %d is out of range: the node has %d children (0 to %d; %d is all of them, %d none)",
		e.Node, e.Route, e.Children, e.Children-1, RouteAll, RouteNone)
}

// PanicError is a panic inside a [Caller] while several children were called
// at once. It is turned into an error because a panic on a goroutine of the
// walk's own could be recovered by nobody else.
type PanicError struct {
	Node  string
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("node %q: panic: %v", e.Node, e.Value) }

// Predict passes m through the graph and returns what comes out.
//
// For each node, in this order: its input call; if it has children, a route
// and the chosen children, each of which gets the node's own output; their
// results joined, or the first of them where the node does not aggregate; its
// output call. All children of a fan-out are awaited, and of several errors
// the one of the first child in order is returned; where a quorum of them is
// enough, the calls of the others are cancelled then. trail, if not nil, records
// what was visited.
func Predict[M any](ctx context.Context, plan *Plan, caller Caller[M], m M, trail *Trail) (M, error) {
	w := walk[M]{plan: plan, caller: caller, trail: trail}
	return w.node(ctx, &plan.Steps[0], m)
}

type walk[M any] struct {
	plan   *Plan
	caller Caller[M]
	trail  *Trail
	// feedback holds the routes of a feedback walk; nil in a prediction.
	feedback func(*Step) int
}

func (w *walk[M]) node(ctx context.Context, s *Step, m M) (M, error) {
	if w.feedback != nil {
		return w.feedbackNode(ctx, s, m)
	}
	var err error
	w.trail.visit(s, RouteAll)
	switch {
	case s.Calls.Has(CallTransformInput):
		m, err = w.caller.Call(ctx, s, CallTransformInput, m)
	case s.Calls.Has(CallPredict):
		m, err = w.caller.Call(ctx, s, CallPredict, m)
	}
	if err != nil {
		return m, err
	}
	if len(s.Children) > 0 {
		w.watch(s, Down, m)
		if m, err = w.below(ctx, s, m); err != nil {
			return m, err
		}
		w.watch(s, Up, m)
	}
	if s.Calls.Has(CallTransformOutput) {
		return w.caller.Call(ctx, s, CallTransformOutput, m)
	}
	return m, nil
}

// watch shows m to a caller that watches.
func (w *walk[M]) watch(s *Step, p Passage, m M) {
	if !s.Watched {
		return
	}
	if watcher, ok := w.caller.(Watcher[M]); ok {
		watcher.Watch(s, p, m)
	}
}

// below routes m to the children of s and joins what they answer.
func (w *walk[M]) below(ctx context.Context, s *Step, m M) (M, error) {
	route := RouteAll
	if s.Calls.Has(CallRoute) {
		var err error
		if route, err = w.caller.Route(ctx, s, m); err != nil {
			return m, err
		}
		w.trail.visit(s, route)
	}
	switch {
	case route == RouteNone:
		return m, nil // The router decided without its children, see [RouteNone].
	case route < RouteNone || route >= len(s.Children):
		return m, &RouteError{Node: s.Name, Route: route, Children: len(s.Children)}
	}
	children := s.Children
	if route >= 0 {
		children = s.Children[route : route+1]
	}
	if len(children) == 1 && !s.Calls.Has(CallAggregate) {
		return w.node(ctx, &w.plan.Steps[children[0]], m)
	}
	return w.fanOut(ctx, s, children, m)
}

// fanOut calls children at once and joins their answers.
func (w *walk[M]) fanOut(ctx context.Context, s *Step, children []int, m M) (M, error) {
	joins := s.Calls.Has(CallAggregate)
	if joins && (s.Quorum > 0 || s.Deadline > 0) {
		return w.someOf(ctx, s, children, m)
	}
	f := newFan[M](w.plan, len(children))
	defer f.free()
	if err := f.run(ctx, w, children, m); err != nil {
		return m, err
	}
	if joins {
		var from []int
		if len(children) < len(s.Children) {
			from = []int{slices.Index(s.Children, children[0])}
		}
		return w.caller.Join(ctx, s, f.results, from)
	}
	return f.results[0], nil
}
