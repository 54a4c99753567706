// Package rule is the language of the rules of a router, and of the formulas of a
// transformer: expressions over what a message says. They are checked when they are
// compiled, so that one that compiles cannot fail but where the message cannot be
// read, and their cost is bounded by their size: there are no loops, and no patterns
// made of a message.
package rule

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/prime-radiant/radiant/graph"
)

// Facts are what expressions ask of a request.
type Facts interface {
	// Header is a header or metadata; empty: there is none.
	Header(name string) string
	// Text is what the message says under a name; empty: nothing.
	Text(name string) (string, error)
	// Rows is how many rows the message has.
	Rows() (int, error)
	// Puid identifies the request.
	Puid() string
}

// scope is what names in expressions mean.
type scope struct {
	Header func(string) string             `expr:"header"`
	Text   func(string) (string, error)    `expr:"text"`
	Number func(string) (float64, error)   `expr:"number"`
	Rows   func() (int, error)             `expr:"rows"`
	Puid   func() string                   `expr:"puid"`
	Has    func(name string) (bool, error) `expr:"has"`
}

// Expression is ready to be asked, by several goroutines.
type Expression struct{ program *vm.Program }

// Compile reads an expression. Errors are short, and made for who wrote it.
func Compile(text string) (*Expression, error) {
	p, err := ruleDialect().compile(text, scope{}, expr.AsBool())
	if err != nil {
		return nil, err
	}
	return &Expression{p}, nil
}

// Rule sends a request to a child, by its number, if an expression holds.
type Rule struct {
	Child int
	*Expression
}

// Of are the rules of a router, in their order. All that is wrong with them is
// reported at once, by the number of the rule.
func Of(n *graph.Node) ([]Rule, error) {
	parsed, err := graph.ParseRules(n)
	if err != nil {
		return nil, err
	}
	var wrong []error
	rules := make([]Rule, len(parsed))
	for i, r := range parsed {
		e, err := Compile(r.Expression)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("rule %d: %w", i+1, err))
		}
		rules[i] = Rule{r.Child, e}
	}
	return rules, errors.Join(wrong...)
}

// Holds asks an expression of a request. An error is that of the facts.
func (e *Expression) Holds(f Facts) (bool, error) {
	var failed error
	text := func(name string) (string, error) {
		s, err := f.Text(name)
		failed = err
		return s, err
	}
	out, err := expr.Run(e.program, scope{
		Header: f.Header, Text: text, Puid: f.Puid,
		Rows: func() (int, error) {
			n, err := f.Rows()
			failed = err
			return n, err
		},
		Number: func(name string) (float64, error) {
			s, err := text(name)
			if err != nil {
				return 0, err
			}
			if v, err := strconv.ParseFloat(s, 64); err == nil {
				return v, nil
			}
			return math.NaN(), nil
		},
		Has: func(name string) (bool, error) {
			s, err := text(name)
			return s != "", err
		},
	})
	switch {
	case failed != nil:
		return false, failed
	case err != nil:
		return false, short(err)
	}
	yes, _ := out.(bool)
	return yes, nil
}
