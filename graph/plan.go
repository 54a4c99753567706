package graph

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Plan is a graph ready to be walked: compiled once, read-only afterwards,
// shared by all requests.
type Plan struct {
	// Steps holds the nodes in depth-first order, parents first. Steps[0] is
	// the root.
	Steps []Step

	// fans keeps the memory of fan-outs that ended, crew their goroutines.
	fans sync.Pool
	crew *crew
}

// Step is one node of a [Plan].
type Step struct {
	// Index is the step's place in Plan.Steps.
	Index int
	// Name is the node's name.
	Name string
	// Calls are the calls that the walk makes on the node.
	Calls Calls
	// Builtin is set when the node's calls are answered by the executor itself.
	Builtin Builtin
	// Children are indexes into Plan.Steps, in the user's order.
	Children []int
	// Watched is set when a [Watcher] is shown what passes: the node has a
	// logger.
	Watched bool
	// Quorum is how many children have to answer for their answers to be joined; 0:
	// all. Deadline is how long they may take; 0: as long as the request has.
	Quorum   int
	Deadline time.Duration
	// Node is what the user wrote.
	Node *Node
}

// maxNodes bounds a graph, so that a mistake in a generated document shows as
// an error and not as exhausted memory.
const maxNodes = 10_000

// Compile turns a graph into a plan. The node is not copied and must not
// change afterwards. All problems are reported at once: names that are empty
// or used twice, types and methods the API does not have.
//
// Calls follow from type and methods together. A node that both predicts and
// transforms its input is asked to transform only. A node without any of them
// passes its message on. Route and aggregate need children: a router or
// combiner without children makes no such call.
func Compile(root *Node) (*Plan, error) {
	nodes := 0
	root.Walk(func(string, *Node) { nodes++ })
	if nodes > maxNodes {
		return nil, fmt.Errorf("graph has more than %d nodes", maxNodes)
	}
	c := compiler{seen: map[string]string{}}
	c.plan.Steps = make([]Step, 0, nodes)
	c.add("graph", root)
	if err := errors.Join(c.errs...); err != nil {
		return nil, err
	}
	plan := &c.plan
	plan.crew = newCrew()
	runtime.AddCleanup(plan, (*crew).dismiss, plan.crew)
	return plan, nil
}

type compiler struct {
	plan Plan
	seen map[string]string // name -> path of the node that has it
	errs []error
}

func (c *compiler) fail(path string, n *Node, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: node %q: %s", path, n.Name, fmt.Sprintf(format, args...)))
}

func (c *compiler) add(path string, n *Node) int {
	if n.Name == "" {
		c.fail(path, n, "has no name")
	} else if first, used := c.seen[n.Name]; used {
		c.fail(path, n, "name is used by %s already", first)
	} else {
		c.seen[n.Name] = path
	}
	index := len(c.plan.Steps)
	c.plan.Steps = append(c.plan.Steps, Step{
		Index:   index,
		Name:    n.Name,
		Calls:   c.calls(path, n),
		Builtin: BuiltinOf(n.Implementation),
		Watched: n.Logger != nil,
		Node:    n,
	})
	c.plan.Steps[index].Quorum, c.plan.Steps[index].Deadline = n.quorum()
	for i := range n.Children {
		child := c.add(childPath(path, i), &n.Children[i])
		c.plan.Steps[index].Children = append(c.plan.Steps[index].Children, child)
	}
	return index
}

func (c *compiler) calls(path string, n *Node) Calls {
	calls, ok := kinds[n.Type]
	if !ok {
		c.fail(path, n, "type %q is unknown", n.Type)
	}
	for _, m := range n.Methods {
		call, ok := methods[m]
		if !ok {
			c.fail(path, n, "method %q is unknown", m)
			continue
		}
		calls |= CallSet(call)
	}
	// A built-in answers its own call; everything else about it, including a
	// type written for the sake of completeness, needs a server it has not.
	if b := BuiltinOf(n.Implementation); b != NotBuiltin {
		calls = b.Calls()
	}
	if calls.Has(CallTransformInput) {
		calls &^= CallSet(CallPredict)
	}
	if len(n.Children) == 0 {
		calls &^= CallSet(CallRoute, CallAggregate)
	}
	return calls
}
