package builtin

import (
	"fmt"
	"slices"

	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// vote answers what most children say, each of which counts by its weight.
type vote struct {
	weights []float64
	// labels: each element is one, whatever the shape.
	labels bool
}

func newVote(s *graph.Step, _ *World) (Node, error) {
	weights := s.Node.Weights()
	if weights == nil {
		weights = slices.Repeat([]float64{1}, len(s.Children))
	}
	v := &vote{shares(weights), truth(s.Node, "labels")}
	return combiner{of: v.of}, nil
}

// of takes rows of several numbers for scores, one for each class, and all else for
// labels.
func (v *vote) of(ts []tensor.Tensor, children []int) (tensor.Tensor, error) {
	for i := range ts {
		if err := ts[i].RefuseNaN("NaN is no vote"); err != nil {
			return tensor.Tensor{}, &translate.Error{Reason: fmt.Sprintf("child %d: %v", i, err)}
		}
	}
	among := &ballots{make([]float64, len(children)), 0}
	for i, child := range children {
		among.weights[i] = v.weights[child]
		among.total += v.weights[child]
	}
	shape := ts[0].Shape
	if last := len(shape) - 1; !v.labels && last > 0 && shape[last] > 1 && ts[0].DType != tensor.Bytes {
		return tensor.Combine(ts, func(all [][]float64) []float64 { return among.scores(all, int(shape[last])) })
	}
	return tensor.Pick(ts, among.label)
}

// ballots are the weights of the children who vote.
type ballots struct {
	weights []float64
	total   float64
}

// scores is the share of the votes of each class, in the place of its score. A child
// votes for the class of its greatest score, the first of several.
func (v *ballots) scores(all [][]float64, classes int) []float64 {
	out := make([]float64, len(all[0]))
	for i, scores := range all {
		for row := 0; row+classes <= len(scores); row += classes {
			best := row
			for k := row; k < row+classes; k++ {
				if scores[k] > scores[best] {
					best = k
				}
			}
			out[best] += v.weights[i] / v.total
		}
	}
	return out
}

// label is the one with most votes, the least of several.
func (v *ballots) label(alike []tensor.Tensor, k int) (int, error) {
	best, most := 0, -1.0
	for i := range alike {
		sum := 0.0
		for j := range alike {
			if alike[j].Compare(&alike[i], k) == 0 {
				sum += v.weights[j]
			}
		}
		if sum > most || sum == most && alike[i].Compare(&alike[best], k) < 0 {
			best, most = i, sum
		}
	}
	return best, nil
}
