package rule

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// The bounds of an expression: letters, and parts (constants, operators, calls).
const (
	maxLength = 2000
	maxNodes  = 200
)

// dialect is a part of expr's language, in which an expression costs as much as its
// text is long.
type dialect struct {
	// functions are those that there are. The ones that expr brings are among
	// builtins too.
	functions, builtins []string
	operators           []string
}

// ruleDialect is that of a router's rules.
func ruleDialect() dialect {
	builtins := []string{"lower", "upper", "trim", "len"}
	return dialect{
		functions: append([]string{"header", "text", "number", "has", "rows", "puid"}, builtins...),
		builtins:  builtins,
		operators: []string{"==", "!=", "<", "<=", ">", ">=", "&&", "||", "and", "or", "in", "contains", "startsWith", "endsWith", "matches", "+", "-", "*", "/"},
	}
}

// options keep all functions of expr out that the dialect does not have.
func (d dialect) options() []expr.Option {
	all := []expr.Option{expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes)}
	for _, name := range d.builtins {
		all = append(all, expr.EnableBuiltin(name))
	}
	return all
}

// parse reads an expression and counts its parts.
func (d dialect) parse(text string) (*parser.Tree, error) {
	if len(text) > maxLength {
		return nil, fmt.Errorf("it costs too much: it has %d letters, more than %d", len(text), maxLength)
	}
	c := conf.CreateNew()
	for _, option := range d.options() {
		option(c)
	}
	for name := range c.Disabled {
		delete(c.Builtins, name)
	}
	c.MaxNodes = 0 // They are counted here.
	tree, err := parser.ParseWithConfig(text, c)
	if err != nil {
		return nil, short(err)
	}
	v := &visitor{dialect: d}
	ast.Walk(&tree.Node, v)
	if v.nodes > maxNodes {
		return nil, fmt.Errorf("it costs too much: it has %d parts, more than %d", v.nodes, maxNodes)
	}
	return tree, v.err
}

// compile makes a program of an expression over an environment.
func (d dialect) compile(text string, env any, more ...expr.Option) (*vm.Program, error) {
	if _, err := d.parse(text); err != nil {
		return nil, err
	}
	p, err := expr.Compile(text, append(append(d.options(), expr.Env(env)), more...)...)
	if err != nil {
		return nil, short(err)
	}
	v := &typed{}
	root := p.Node()
	ast.Walk(&root, v)
	return p, v.err
}

// short is the first line of an error, without the picture of where it is.
func short(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(line)
}

// visitor counts the parts of an expression, and finds the first that is not
// allowed.
type visitor struct {
	dialect
	nodes int
	err   error
}

func (v *visitor) Visit(node *ast.Node) {
	v.nodes++
	if problem := v.problem(*node); problem != "" && v.err == nil {
		v.err = at(*node, problem)
	}
}

// at is an error at a part of an expression, which is written as expr does.
func at(node ast.Node, problem string) error {
	return fmt.Errorf("%s (1:%d)", problem, node.Location().From+1)
}

// typed looks at a tree whose types are known: a part that is of one type or of
// another, by the request, could fail when it is asked for.
type typed struct{ err error }

func (v *typed) Visit(node *ast.Node) {
	if n, ok := (*node).(*ast.ConditionalNode); ok && v.err == nil {
		if t := n.Type(); t == nil || t.Kind() == reflect.Interface {
			v.err = at(n, fmt.Sprintf("%s is of two types: give both sides the same", n))
		}
	}
}

func (v *visitor) problem(node ast.Node) string {
	switch n := node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.ConditionalNode, *ast.ArrayNode, *ast.IdentifierNode, *ast.UnaryNode:
		return ""
	case *ast.BuiltinNode:
		return v.functionProblem(n.Name)
	case *ast.CallNode:
		if name, ok := n.Callee.(*ast.IdentifierNode); ok {
			return v.functionProblem(name.Value)
		}
	case *ast.BinaryNode:
		return v.binaryProblem(n)
	}
	return fmt.Sprintf("%s is not part of the language", node)
}

func (v *visitor) functionProblem(name string) string {
	if slices.Contains(v.functions, name) {
		return ""
	}
	return fmt.Sprintf("there is no function %s; use %s", name, strings.Join(v.functions, ", "))
}

func (v *visitor) binaryProblem(n *ast.BinaryNode) string {
	if !slices.Contains(v.operators, n.Operator) {
		return fmt.Sprintf("there is no operator %s", n.Operator)
	}
	if _, constant := n.Right.(*ast.StringNode); n.Operator == "matches" && !constant {
		return "the pattern of matches has to be a text in quotes"
	}
	return ""
}
