package builtin

import (
	"context"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// average answers the element-wise mean of what the children answered.
type average struct{}

func newAverage(*graph.Step, *World) (Node, error) { return average{}, nil }

func (average) Combine(_ context.Context, answers Messages) (Message, error) {
	m, err := translate.Mean(answers.form, answers.all)
	if err != nil {
		return Message{}, protocol.Untranslated(protocol.BadAnswer, err)
	}
	return NewMessage(m, answers.form, answers.step), nil
}
