package graph

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The parameters of a combiner that need not wait for all of its children.
const (
	quorumParameter   = "quorum"
	deadlineParameter = "deadline"
)

func deadline() Declaration {
	return Declaration{Name: deadlineParameter, Type: StringParameter, Words: "how long the children have: a duration such as `200ms`; without it as long as the request has"}
}

func quorum() []Declaration {
	return []Declaration{
		{Name: quorumParameter, Type: IntParameter, Bounds: between(1, maxNodes), Words: "how many answers are enough: the calls of the other children are cancelled when so many have come; without it, those of all children"},
		deadline(),
	}
}

// quorumRules want a quorum that can be reached, and weights that any of those who
// reach it have.
func quorumRules(n *Node) []Fault {
	var faults []Fault
	k, within := n.quorum()
	if k > len(n.Children) {
		faults = append(faults, n.at(quorumParameter, "is %d, and %q has %d children", k, n.Name, len(n.Children)))
	}
	if text := n.Setting(deadlineParameter); text != "" && within <= 0 {
		faults = append(faults, n.at(deadlineParameter, "is %q; want a duration such as 200ms or 2s", text))
	}
	if k > 0 && k < len(n.Children) && slices.Contains(n.Weights(), 0) {
		faults = append(faults, n.at("weights", "is %q: each has to be above 0 where %d answers are enough", n.Setting("weights"), k))
	}
	return faults
}

// quorum is how many answers are enough, and how long they may take; 0: all, and
// as long as the request has.
func (n *Node) quorum() (k int, within time.Duration) {
	b := Builtin(n.Implementation)
	if !b.reads(deadlineParameter) {
		return 0, 0
	}
	within, _ = time.ParseDuration(n.Setting(deadlineParameter))
	if b == FirstCombiner {
		return 1, within
	}
	k, _ = strconv.Atoi(n.Setting(quorumParameter))
	return k, within
}

// QuorumError is a fan-out that ended before enough children had answered.
type QuorumError struct {
	Node string
	// Answered children are not Wanted ones Within that time.
	Answered, Wanted int
	Within           time.Duration
}

func (e *QuorumError) Error() string {
	return fmt.Sprintf("node %q: %d of %d answers came within %v", e.Node, e.Answered, e.Wanted, e.Within)
}

// Unwrap says that time ran out.
func (e *QuorumError) Unwrap() error { return context.DeadlineExceeded }

// ballot counts what comes of the children of one fan-out, and cancels the rest
// when it is decided.
type ballot struct {
	mu           sync.Mutex
	wanted, left int
	// arrived are those who answered, in the order in which they did.
	arrived []int
	// err is of the first child in order that failed before the end.
	err    error
	failed int
	over   bool
	cancel context.CancelFunc
}

// came notes what became of a child.
func (b *ballot) came(child int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return
	}
	b.left--
	if err == nil {
		b.arrived = append(b.arrived, child)
	} else if b.err == nil || child < b.failed {
		b.err, b.failed = err, child
	}
	if len(b.arrived) == b.wanted || len(b.arrived)+b.left < b.wanted {
		b.over = true
		b.cancel()
	}
}

// someOf calls children at once until enough have answered, and joins their
// answers, in the order of the children. The calls of the others are cancelled, and
// awaited: nobody looks at the request when it has ended.
func (w *walk[M]) someOf(ctx context.Context, s *Step, children []int, m M) (M, error) {
	start := time.Now()
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.Deadline > 0 {
		var end context.CancelFunc
		limited, end = context.WithTimeout(limited, s.Deadline)
		defer end()
	}
	wanted := len(children)
	if s.Quorum > 0 {
		wanted = min(s.Quorum, wanted)
	}
	f := newFan[M](w.plan, len(children))
	defer f.free()
	f.ballot = &ballot{wanted: wanted, left: len(children), cancel: cancel}
	err := f.run(limited, w, children, m)
	if b := f.ballot; len(b.arrived) < wanted {
		// A child may give up a moment before, since it is told the time in whole
		// units.
		if s.Deadline > 0 && time.Since(start) >= s.Deadline-time.Millisecond && ctx.Err() == nil {
			return m, &QuorumError{Node: s.Name, Answered: len(b.arrived), Wanted: wanted, Within: s.Deadline}
		}
		if b.err != nil {
			err = b.err
		}
		return m, err
	}
	slices.Sort(f.ballot.arrived)
	answers := make([]M, wanted)
	from := make([]int, wanted)
	for i, at := range f.ballot.arrived {
		answers[i], from[i] = f.results[at], slices.Index(s.Children, children[at])
	}
	return w.caller.Join(ctx, s, answers, from)
}
