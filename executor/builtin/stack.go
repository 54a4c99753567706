package builtin

import (
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/graph"
)

// newStack puts the answers side by side along a new second dimension.
func newStack(*graph.Step, *World) (Node, error) {
	return each(func(ts []tensor.Tensor) (tensor.Tensor, error) {
		return tensor.Beside(ts, true)
	}), nil
}
