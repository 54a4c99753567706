package builtin

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/prime-radiant/radiant/graph"
)

// abTest sends a share of the requests, parameter ratioA (0.5), to child 0 and
// the rest to child 1. Children beyond these get none.
type abTest struct {
	ratio  float64
	random Random
}

func newABTest(s *graph.Step, w *World) (Node, error) {
	ratio := 0.5
	if text, ok := s.Node.Parameter("ratioA"); ok {
		r, err := strconv.ParseFloat(text, 32)
		if err != nil || math.IsNaN(r) || r < 0 || r > 1 {
			return nil, fmt.Errorf("parameter ratioA is %q: want a number from 0 to 1", text)
		}
		ratio = r
	}
	if len(s.Children) < 2 {
		return nil, fmt.Errorf("RANDOM_ABTEST has %d children: want 2", len(s.Children))
	}
	return &abTest{ratio, w.Random}, nil
}

func (t *abTest) Route(context.Context, Message) (int, error) {
	if t.random() < t.ratio {
		return 0, nil
	}
	return 1, nil
}
