package builtin

import (
	"math"
	"slices"

	"github.com/prime-radiant/radiant/graph"
)

// newMedian answers the middle one of each element, or the mean of the middle two;
// NaN if one is.
func newMedian(*graph.Step, *World) (Node, error) {
	return elementWise(func(values []float64, _ []int) float64 {
		slices.Sort(values) // NaN comes first.
		if math.IsNaN(values[0]) {
			return values[0]
		}
		half := len(values) / 2
		if len(values)%2 == 1 {
			return values[half]
		}
		if mean := (values[half-1] + values[half]) / 2; !math.IsInf(mean, 0) {
			return mean
		}
		return values[half-1]/2 + values[half]/2
	}), nil
}
