package builtin

import "github.com/prime-radiant/radiant/graph"

// newWeighted answers the element-wise mean of what the children answered, in which
// each counts by its weight. One of the weight 0 does not count, whatever it answers.
func newWeighted(s *graph.Step, _ *World) (Node, error) {
	weights := shares(s.Node.Weights())
	return elementWise(func(values []float64, children []int) float64 {
		sum, total := 0.0, 0.0
		for i, v := range values {
			if w := weights[children[i]]; w > 0 {
				sum += v * w
				total += w
			}
		}
		if len(children) < len(weights) {
			sum /= total
		}
		return sum
	}), nil
}

// shares are the parts that weights have in their sum, which may be beyond the
// largest number.
func shares(weights []float64) []float64 {
	most, sum := 0.0, 0.0
	for _, w := range weights {
		most = max(most, w)
	}
	out := make([]float64, len(weights))
	for i, w := range weights {
		out[i] = w / most
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}
