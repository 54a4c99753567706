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
	meter     *rulesMeter
}

func newRulesRouter(s *graph.Step, w *World) (Node, error) {
	rules, err := rule.Of(s.Node)
	if err != nil {
		return nil, fmt.Errorf("parameter %s: %w", graph.RulesParameter, err)
	}
	otherwise := graph.Otherwise(s.Node)
	return &rulesRouter{rules, otherwise, w.Meters.rules(s.Node, rules, otherwise)}, nil
}

// Route reads the message if a rule asks for a part of it.
func (r *rulesRouter) Route(ctx context.Context, m Message) (int, error) {
	f := &facts{ctx: ctx, m: m}
	for i, one := range r.rules {
		holds, err := one.Holds(f)
		switch {
		case err != nil:
			r.meter.couldNot(i)
			return 0, protocol.Coded(protocol.CodeOf(err), fmt.Errorf("rule %d: %w", i+1, err))
		case holds:
			r.meter.took(i + 1)
			return one.Child, nil
		}
	}
	r.meter.took(0)
	return r.otherwise, nil
}

// facts are what rules ask of one request. A part is read once.
type facts struct {
	ctx   context.Context
	m     Message
	keys  *Keys
	texts map[string]string
}

func (f *facts) Header(name string) string { return f.m.Header(f.ctx, name) }
func (f *facts) Puid() string              { return f.m.Puid() }

func (f *facts) Text(name string) (string, error) {
	if text, ok := f.texts[name]; ok {
		return text, nil
	}
	if err := f.look(); err != nil {
		return "", err
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
	if err := f.look(); err != nil {
		return 0, err
	}
	return f.keys.Rows()
}

func (f *facts) look() (err error) {
	if f.keys == nil {
		f.keys, err = f.m.Keys()
	}
	return err
}
