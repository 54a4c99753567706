// Package rule is the language of the rules of a router: expressions over what a
// request says, which are yes or no. They are checked when they are compiled, so that
// one that compiles cannot fail but where the request cannot be read, and their cost
// is bounded by their size: there are no loops, and no patterns made of a request.
package rule

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/prime-radiant/radiant/graph"
)

// The bounds of an expression: letters, and parts (constants, operators, calls).
const (
	maxLength = 2000
	maxNodes  = 200
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
	if len(text) > maxLength {
		return nil, fmt.Errorf("it costs too much: it has %d letters, more than %d", len(text), maxLength)
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, short(err)
	}
	v := &visitor{}
	ast.Walk(&tree.Node, v)
	if v.nodes > maxNodes {
		return nil, fmt.Errorf("it costs too much: it has %d parts, more than %d", v.nodes, maxNodes)
	}
	if v.err != nil {
		return nil, v.err
	}
	p, err := expr.Compile(text, expr.Env(scope{}), expr.AsBool(), expr.MaxNodes(maxNodes))
	if err != nil {
		return nil, short(err)
	}
	if root := p.Node(); v.err == nil {
		ast.Walk(&root, typed{v})
	}
	if v.err != nil {
		return nil, v.err
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

// short is the first line of an error, without the picture of where it is.
func short(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(line)
}

// visitor counts the parts of an expression, and finds the first that is not
// allowed.
type visitor struct {
	nodes int
	err   error
}

func (v *visitor) Visit(node *ast.Node) {
	v.nodes++
	if problem := v.problem(*node); problem != "" && v.err == nil {
		v.err = errors.New(problem)
	}
}

// typed looks at a tree whose types are known: a part that is of one type or of
// another, by the request, could fail when it is asked for.
type typed struct{ *visitor }

func (v typed) Visit(node *ast.Node) {
	if n, ok := (*node).(*ast.ConditionalNode); ok && v.err == nil {
		if t := n.Type(); t == nil || t.Kind() == reflect.Interface {
			v.err = fmt.Errorf("%s is of two types: give both sides the same", n)
		}
	}
}

func (v *visitor) problem(node ast.Node) string {
	switch n := node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.ConditionalNode, *ast.ArrayNode, *ast.IdentifierNode, *ast.CallNode:
		return ""
	case *ast.UnaryNode:
		return ""
	case *ast.BinaryNode:
		return binaryProblem(n)
	case *ast.BuiltinNode:
		if allowed := functions(); !slices.Contains(allowed, n.Name) {
			return fmt.Sprintf("there is no function %s; use header, text, number, has, rows, puid, %s", n.Name, strings.Join(allowed, ", "))
		}
		return ""
	}
	return fmt.Sprintf("%s is not part of the language", node)
}

// functions are those of expr that cost as much as their text is long.
func functions() []string { return []string{"lower", "upper", "trim", "len"} }

func binaryProblem(n *ast.BinaryNode) string {
	operators := []string{"==", "!=", "<", "<=", ">", ">=", "&&", "||", "and", "or", "in", "contains", "startsWith", "endsWith", "matches", "+", "-", "*", "/"}
	if !slices.Contains(operators, n.Operator) {
		return fmt.Sprintf("there is no operator %s", n.Operator)
	}
	if _, constant := n.Right.(*ast.StringNode); n.Operator == "matches" && !constant {
		return "the pattern of matches has to be a text in quotes"
	}
	return ""
}
