package graph

// Trail records which nodes a request visited and where they sent it. It is
// made for one plan and one request at a time; its methods on nil do nothing.
// Branches of a fan-out write to entries of their own, so that no lock is
// needed, and it may be read when the walk has ended.
type Trail struct {
	routes []int32
}

// notVisited lies outside the range of routes.
const notVisited = -1 << 31

// NewTrail makes an empty trail for requests through plan.
func NewTrail(plan *Plan) *Trail {
	t := &Trail{routes: make([]int32, len(plan.Steps))}
	t.Reset()
	return t
}

// Reset empties the trail for the next request.
func (t *Trail) Reset() {
	if t == nil {
		return
	}
	for i := range t.routes {
		t.routes[i] = notVisited
	}
}

// Route returns what the step with this index did with the request: the child
// number that a router chose, RouteNone, or RouteAll for a node that chose
// nothing. visited is false if the request did not come by.
func (t *Trail) Route(step int) (route int, visited bool) {
	if t == nil || t.routes[step] == notVisited {
		return 0, false
	}
	return int(t.routes[step]), true
}

func (t *Trail) visit(s *Step, route int) {
	if t != nil {
		t.routes[s.Index] = int32(max(route, notVisited+1)) //nolint:gosec // a route this large is refused by the walk
	}
}
