package builtin

import (
	"strconv"

	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// newMaximum answers the greatest of each element, NaN if one is.
func newMaximum(*graph.Step, *World) (Node, error) {
	return each(func(ts []tensor.Tensor) (tensor.Tensor, error) {
		if err := allNumbers(ts); err != nil {
			return tensor.Tensor{}, err
		}
		return tensor.Pick(ts, func(alike []tensor.Tensor, k int) (int, error) {
			best := 0
			for i := range alike {
				if alike[i].IsNaN(k) {
					return i, nil
				}
				if alike[i].Compare(&alike[best], k) > 0 {
					best = i
				}
			}
			return best, nil
		})
	}), nil
}

func allNumbers(ts []tensor.Tensor) error {
	for i := range ts {
		if ts[i].DType == tensor.Bytes {
			return &translate.Error{Reason: "child " + strconv.Itoa(i) + " answers BYTES, which are not numbers"}
		}
	}
	return nil
}
