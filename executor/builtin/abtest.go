package builtin

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/prime-radiant/radiant/graph"
)

// abTest sends a share of the requests to each child. Of requests that name a
// user, all of one user go to the same child.
type abTest struct {
	split  *Split
	sticky Sticky
	random Random
}

func newABTest(s *graph.Step, w *World) (Node, error) {
	weights, err := abWeights(s)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(weights))
	for i := range names {
		names[i] = s.Node.Children[i].Name
	}
	sticky := Sticky{Header: s.Node.Setting(graph.StickyHeaderParameter), Key: s.Node.Setting(graph.StickyKeyParameter)}
	return &abTest{NewSplit(s.Name, names, weights), sticky, w.Random}, nil
}

// abWeights are those of the children: what weights says, or else ratioA (0.5)
// for child 0 and the rest for child 1. Children beyond these get none.
func abWeights(s *graph.Step) ([]float64, error) {
	if len(s.Children) < 2 {
		return nil, fmt.Errorf("RANDOM_ABTEST has %d children: want 2", len(s.Children))
	}
	if weights := s.Node.Weights(); weights != nil {
		return weights, nil
	}
	ratio := 0.5
	if text, ok := s.Node.Parameter("ratioA"); ok {
		r, err := strconv.ParseFloat(text, 32)
		if err != nil || math.IsNaN(r) || r < 0 || r > 1 {
			return nil, fmt.Errorf("parameter ratioA is %q: want a number from 0 to 1", text)
		}
		ratio = r
	}
	return []float64{ratio, 1 - ratio}, nil
}

func (t *abTest) Route(ctx context.Context, m Message) (int, error) {
	user, err := t.sticky.User(ctx, m)
	if err != nil {
		return 0, err
	}
	if user != "" {
		return t.split.Of(user), nil
	}
	return t.split.At(t.random()), nil
}
