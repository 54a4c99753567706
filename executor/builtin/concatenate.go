package builtin

import (
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// newConcatenate puts the answers side by side along their second dimension.
func newConcatenate(*graph.Step, *World) (Node, error) {
	return combiner{translate.Combination{Beside: true, Of: func(ts []tensor.Tensor) (tensor.Tensor, error) {
		return tensor.Beside(ts, false)
	}}}, nil
}
