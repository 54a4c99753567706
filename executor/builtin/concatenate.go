package builtin

import (
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/graph"
)

// newConcatenate puts the answers side by side along their second dimension.
func newConcatenate(*graph.Step, *World) (Node, error) {
	return combiner{beside: true, of: func(ts []tensor.Tensor, _ []int) (tensor.Tensor, error) {
		return tensor.Beside(ts, false)
	}}, nil
}
