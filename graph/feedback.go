package graph

import "context"

// Feedback passes a feedback message along the way that its prediction took.
// For each node the children come first, then the node itself, if it takes
// feedback. route gives the child that the prediction of a node went to, as the
// feedback message says (the executor reads it there): a child number, RouteAll,
// or RouteNone where nothing below was asked.
// Every node gets the same message. The answer is that of the root, or m
// itself where the root takes no feedback.
func Feedback[M any](ctx context.Context, plan *Plan, caller Caller[M], m M, route func(*Step) int) (M, error) {
	w := walk[M]{plan: plan, caller: caller, feedback: route}
	return w.node(ctx, &plan.Steps[0], m)
}

func (w *walk[M]) feedbackNode(ctx context.Context, s *Step, m M) (M, error) {
	w.watch(s, FeedbackDown, m)
	if len(s.Children) > 0 {
		if err := w.feedbackBelow(ctx, s, m); err != nil {
			return m, err
		}
	}
	if s.Calls.Has(CallSendFeedback) {
		return w.caller.Call(ctx, s, CallSendFeedback, m)
	}
	return m, nil
}

func (w *walk[M]) feedbackBelow(ctx context.Context, s *Step, m M) error {
	route := w.feedback(s)
	switch {
	case route == RouteNone:
		return nil
	case route < RouteNone || route >= len(s.Children):
		return &RouteError{Node: s.Name, Route: route, Children: len(s.Children)}
	case route >= 0:
		_, err := w.node(ctx, &w.plan.Steps[s.Children[route]], m)
		return err
	}
	f := newFan[M](w.plan, len(s.Children))
	defer f.free()
	return f.run(ctx, w, s.Children, m)
}
