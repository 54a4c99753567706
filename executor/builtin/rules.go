package builtin

import (
	"context"
	"fmt"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/rule"
)

// rulesRouter sends a request to the child of the first rule that holds.
type rulesRouter struct {
	rules     []rule.Rule
	otherwise int
}

func newRulesRouter(s *graph.Step, _ *World) (Node, error) {
	rules, err := rule.Of(s.Node)
	if err != nil {
		return nil, fmt.Errorf("parameter %s: %w", graph.RulesParameter, err)
	}
	return &rulesRouter{rules, graph.Otherwise(s.Node)}, nil
}

// Route reads the message if a rule asks for a part of it.
func (r *rulesRouter) Route(ctx context.Context, m Message) (int, error) {
	f := &facts{ctx: ctx, m: m}
	for i, one := range r.rules {
		holds, err := one.Holds(f)
		switch {
		case err != nil:
			return 0, protocol.Coded(protocol.CodeOf(err), fmt.Errorf("rule %d: %w", i+1, err))
		case holds:
			return one.Child, nil
		}
	}
	return r.otherwise, nil
}

// facts are what rules ask of one request. A part is read once.
type facts struct {
	ctx   context.Context
	m     Message
	keys  *Keys
	texts map[string]string
	rows  int
	known bool
}

func (f *facts) Header(name string) string { return f.m.Header(f.ctx, name) }
func (f *facts) Puid() string              { return f.m.Puid() }

func (f *facts) Text(name string) (string, error) {
	if text, ok := f.texts[name]; ok {
		return text, nil
	}
	if f.keys == nil {
		var err error
		if f.keys, err = f.m.Keys(); err != nil {
			return "", err
		}
	}
	text, err := f.keys.Text(name)
	if err != nil {
		return "", err
	}
	if f.texts == nil {
		f.texts = map[string]string{}
	}
	f.texts[name] = text
	return text, nil
}

// Rows is the first dimension of the first tensor: 1 of a scalar, 0 where there is no
// tensor.
func (f *facts) Rows() (int, error) {
	if f.known {
		return f.rows, nil
	}
	o, err := f.m.Read()
	if err != nil {
		return 0, err
	}
	if f.known = true; len(o.Tensors) > 0 {
		if f.rows = 1; o.Tensors[0].Rank() > 0 {
			f.rows = int(o.Tensors[0].Shape[0])
		}
	}
	return f.rows, nil
}
