package builtin

import (
	"context"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
)

// combiner makes one answer of those of the children, tensor by tensor.
type combiner struct {
	by translate.Combination
}

// Combine reads all answers; one that cannot be read or does not match the others
// is the fault of the child that is named.
func (c combiner) Combine(_ context.Context, answers Messages) (Message, error) {
	m, err := translate.Combine(answers.form, answers.all, c.by)
	if err != nil {
		return Message{}, protocol.Untranslated(protocol.BadAnswer, err)
	}
	return NewMessage(m, answers.form, answers.step), nil
}

// elementWise combines tensors of one shape, number by number. The function may
// write over its values.
func elementWise(of func(values []float64) float64) combiner {
	return combiner{translate.Combination{Of: func(ts []tensor.Tensor) (tensor.Tensor, error) {
		return tensor.Combine(ts, func(all [][]float64) []float64 {
			out, values := make([]float64, len(all[0])), make([]float64, len(all))
			for k := range out {
				for i := range all {
					values[i] = all[i][k]
				}
				out[k] = of(values)
			}
			return out
		})
	}}}
}
