package builtin

import (
	"context"

	"github.com/prime-radiant/radiant/graph"
)

// simpleModel hands its message on.
type simpleModel struct{}

func newSimpleModel(*graph.Step, *World) (Node, error) { return simpleModel{}, nil }

// simpleRouter sends everything to the first child.
type simpleRouter struct{}

func newSimpleRouter(*graph.Step, *World) (Node, error) { return simpleRouter{}, nil }

func (simpleRouter) Route(context.Context, Message) (int, error) { return 0, nil }
