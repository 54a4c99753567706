package builtin

import (
	"context"
	"fmt"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
)

// combiner makes one answer of those of the children, tensor by tensor.
type combiner struct {
	// of makes one tensor of those of the children with these numbers.
	of func(ts []tensor.Tensor, children []int) (tensor.Tensor, error)
	// beside: the columns of all answers stand side by side.
	beside bool
}

// Combine reads all answers; one that cannot be read or does not match the others
// is the fault of the child that is named.
func (c combiner) Combine(_ context.Context, answers Messages) (Message, error) {
	children := make([]int, answers.Len())
	for i := range children {
		children[i] = answers.Child(i)
	}
	var full error
	lease, taken := answers.At(0).lease(), int64(0)
	defer func() { lease.Give(taken) }()
	of := func(ts []tensor.Tensor) (tensor.Tensor, error) {
		// All of them as numbers, what is made of them, and that as it is written.
		n := numberBytes * (elements(ts) + 2*elements(ts[:1]))
		if c.beside {
			n = 2 * numberBytes * elements(ts)
		}
		if err := lease.Take(n); err != nil {
			full = err
			return tensor.Tensor{}, err
		}
		taken += n
		return c.of(ts, children)
	}
	m, err := translate.Combine(answers.form, answers.all, translate.Combination{Of: of, Beside: c.beside})
	if full != nil {
		return Message{}, protocol.Coded(protocol.CodeOf(full), full)
	}
	if err != nil {
		if err = protocol.Untranslated(protocol.BadAnswer, err); answers.from != nil {
			err = fmt.Errorf("of the answers of the children %v: %w", children, err)
		}
		return Message{}, err
	}
	return NewMessage(m, answers.form, answers.step), nil
}

// each is a combiner by what does not ask whose tensors they are.
func each(of func([]tensor.Tensor) (tensor.Tensor, error)) combiner {
	return combiner{of: func(ts []tensor.Tensor, _ []int) (tensor.Tensor, error) { return of(ts) }}
}

// elementWise combines tensors of one shape, number by number. The function may
// write over its values, which are those of the children with these numbers.
func elementWise(of func(values []float64, children []int) float64) combiner {
	return combiner{of: func(ts []tensor.Tensor, children []int) (tensor.Tensor, error) {
		return tensor.Combine(ts, func(all [][]float64) []float64 {
			out, values := make([]float64, len(all[0])), make([]float64, len(all))
			for k := range out {
				for i := range all {
					values[i] = all[i][k]
				}
				out[k] = of(values, children)
			}
			return out
		})
	}}
}
