// Package builtin holds the nodes that run inside the executor, without a
// container.
package builtin

import (
	"fmt"
	"math"
	"strconv"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// Node answers the calls of one built-in. What the walk does not ask of it is
// nil.
type Node struct {
	// Route picks a child.
	Route func() int
	// Join makes one message of the children's answers.
	Join func(form translate.Form, answers []message.Message) (message.Message, error)
}

// Random gives numbers from [0, 1), to several goroutines.
type Random func() float64

var table = map[graph.Builtin]func(s *graph.Step, random Random) (Node, error){
	"SIMPLE_MODEL":        func(*graph.Step, Random) (Node, error) { return Node{}, nil },
	graph.SimpleRouter:    func(*graph.Step, Random) (Node, error) { return Node{Route: func() int { return 0 }}, nil },
	graph.RandomABTest:    abTest,
	graph.AverageCombiner: func(*graph.Step, Random) (Node, error) { return Node{Join: translate.Mean}, nil },
}

// New makes the node of a step whose Builtin is set.
func New(s *graph.Step, random Random) (Node, error) {
	build, ok := table[s.Builtin]
	if !ok {
		return Node{}, fmt.Errorf("node %q: built-in %q is not there", s.Name, s.Builtin)
	}
	return build(s, random)
}

// abTest sends a share of the requests, parameter ratioA (0.5), to child 0 and
// the rest to child 1. Children beyond these get none.
func abTest(s *graph.Step, random Random) (Node, error) {
	ratio := 0.5
	if text, ok := s.Node.Parameter("ratioA"); ok {
		r, err := strconv.ParseFloat(text, 32)
		if err != nil || math.IsNaN(r) || r < 0 || r > 1 {
			return Node{}, fmt.Errorf("node %q: parameter ratioA is %q: want a number from 0 to 1", s.Name, text)
		}
		ratio = r
	}
	if len(s.Children) < 2 {
		return Node{}, fmt.Errorf("node %q: RANDOM_ABTEST has %d children: want 2", s.Name, len(s.Children))
	}
	return Node{Route: func() int {
		if random() < ratio {
			return 0
		}
		return 1
	}}, nil
}
