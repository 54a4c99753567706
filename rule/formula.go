package rule

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"github.com/prime-radiant/radiant/graph"
)

// Kind is what a formula makes.
type Kind uint8

// The kinds: a float64, an int, a bool, a string.
const (
	Number Kind = iota
	Whole
	Truth
	Words
)

// Formula is an expression that makes a value of what stands in one row. It is ready to
// be asked, by several goroutines.
type Formula struct {
	program *vm.Program
	// Cells are what it asks of a row, without repetition.
	Cells []Cell
	Kind  Kind
}

// Cell is what a formula asks of a row.
type Cell struct {
	// Name is that of a column, or what [Facts.Text] is asked for.
	Name string
	As   CellKind
	key  string
}

// CellKind says what is asked under a name.
type CellKind uint8

const (
	// NumberOf is a column of numbers, which has to be there: a float64.
	NumberOf CellKind = iota
	// TextOf is what is said under the name as text: a string.
	TextOf
	// NumberIn is what a text says as a number: a float64.
	NumberIn
	// IsThere is whether the text is not empty: a bool.
	IsThere
)

// Element is the name of each element, for formulas over all of them.
const Element = "x"

// formulaDialect is that of formulas.
func formulaDialect() dialect {
	d := ruleDialect()
	d.functions = append(d.functions, "column")
	for _, f := range numeric() {
		d.functions = append(d.functions, f.name)
	}
	d.operators = append(d.operators, "**")
	return d
}

// CompileFormula reads a formula over the columns of a row, or with element one over
// [Element] alone. Errors are short, and made for who wrote it.
func CompileFormula(text string, element bool) (*Formula, error) {
	d := formulaDialect()
	tree, err := d.parse(text)
	if err != nil {
		return nil, err
	}
	names := &naming{calls: map[ast.Node]bool{}, element: element}
	ast.Walk(&tree.Node, callees{names.calls})
	ast.Walk(&tree.Node, names)
	if names.err != nil {
		return nil, names.err
	}
	options := []expr.Option{expr.Patch(callees{names.calls}), expr.Patch(names)}
	for _, f := range numeric() {
		options = append(options, expr.Function(f.name, f.call, f.types...))
	}
	p, err := d.compile(text, names.env(), options...)
	if err != nil {
		return nil, err
	}
	f := &Formula{program: p, Cells: names.cells}
	made := p.Node().Type()
	if made == nil {
		made = reflect.TypeFor[any]()
	}
	switch made.Kind() {
	case reflect.Float64:
		f.Kind = Number
	case reflect.Int:
		f.Kind = Whole
	case reflect.Bool:
		f.Kind = Truth
	case reflect.String:
		f.Kind = Words
	default:
		return nil, errors.New("it has to be a number, a text, or yes or no")
	}
	return f, nil
}

// Formulas are those of a transformer's steps, nil where a step has none. All that is
// wrong with them is reported at once, by the number of the step.
func Formulas(steps []graph.TransformStep) ([]*Formula, error) {
	var wrong []error
	all := make([]*Formula, len(steps))
	for i := range steps {
		text, element := steps[i].Formula()
		if text == "" {
			continue
		}
		var err error
		if all[i], err = CompileFormula(text, element); err != nil {
			wrong = append(wrong, fmt.Errorf("step %d: %s: %w", i+1, steps[i].Name, err))
		}
	}
	return all, errors.Join(wrong...)
}

// Check compiles the expressions of a built-in, whose parameters are right one by one:
// what is wrong with them, and in which parameter.
func Check(n *graph.Node) (parameter string, err error) {
	if n.Implementation == string(graph.RulesRouter) {
		_, err = Of(n)
		return graph.RulesParameter, err
	}
	steps, err := graph.StepsOf(n)
	if err == nil {
		_, err = Formulas(steps)
	}
	return graph.StepsParameter, err
}

// Run is a formula on its way through the rows of one message. It is for one
// goroutine.
type Run struct {
	formula *Formula
	machine vm.VM
	env     map[string]any
}

// Begin is asked once for a message.
func (f *Formula) Begin(facts Facts) *Run {
	r := &Run{formula: f, env: map[string]any{"header": facts.Header, "puid": facts.Puid}}
	r.env["rows"] = facts.Rows
	return r
}

// Set says what stands in the row under a cell, by its number: a float64, a string or a
// bool, as the cell's kind has it.
func (r *Run) Set(cell int, value any) { r.env[r.formula.Cells[cell].key] = value }

// Value is what the formula makes of the row: a float64, an int, a bool or a string, by
// its kind.
func (r *Run) Value() (any, error) {
	out, err := r.machine.Run(r.formula.program, r.env)
	if err != nil {
		return nil, short(err)
	}
	return out, nil
}

// callees finds the names of functions, which are no columns.
type callees struct{ calls map[ast.Node]bool }

func (c callees) Visit(node *ast.Node) {
	if call, ok := (*node).(*ast.CallNode); ok {
		c.calls[call.Callee] = true
	}
}

// naming puts one name in the place of each part of a formula that asks for something
// in a row.
type naming struct {
	calls   map[ast.Node]bool
	cells   []Cell
	element bool
	err     error
}

func (n *naming) Visit(node *ast.Node) {
	switch part := (*node).(type) {
	case *ast.IdentifierNode:
		switch {
		case n.calls[part] || n.named(part.Value):
		case n.element && part.Value != Element:
			n.fail(part, fmt.Sprintf("there is no %s: each element is %s", part.Value, Element))
		default:
			n.put(node, part.Value, NumberOf)
		}
	case *ast.CallNode:
		n.call(node, part)
	}
}

func (n *naming) call(node *ast.Node, call *ast.CallNode) {
	name, ok := call.Callee.(*ast.IdentifierNode)
	kinds := map[string]CellKind{"column": NumberOf, "text": TextOf, "number": NumberIn, "has": IsThere}
	kind, asks := kinds[callee(name, ok)]
	if !asks {
		return
	}
	if n.element {
		n.fail(call, fmt.Sprintf("there is no %s here: each element is %s", name.Value, Element))
		return
	}
	if len(call.Arguments) == 1 {
		switch a := call.Arguments[0].(type) {
		case *ast.StringNode:
			n.put(node, a.Value, kind)
			return
		case *ast.IntegerNode:
			if kind == NumberOf {
				n.put(node, strconv.Itoa(a.Value), kind)
				return
			}
		}
	}
	n.fail(call, fmt.Sprintf("%s wants one name, in quotes", name.Value))
}

func callee(name *ast.IdentifierNode, ok bool) string {
	if !ok {
		return ""
	}
	return name.Value
}

func (n *naming) fail(node ast.Node, problem string) {
	if n.err == nil {
		n.err = at(node, problem)
	}
}

// keys begin the names of cells: no identifier does.
const keys = " "

func (n *naming) named(name string) bool {
	return slices.ContainsFunc(n.cells, func(c Cell) bool { return c.key == name })
}

func (n *naming) put(node *ast.Node, name string, kind CellKind) {
	c := Cell{name, kind, keys + strconv.Itoa(int(kind)) + name}
	if !n.named(c.key) {
		n.cells = append(n.cells, c)
	}
	ast.Patch(node, &ast.IdentifierNode{Value: c.key})
}

// env has a value of the type of each name.
func (n *naming) env() map[string]any {
	env := map[string]any{
		"header": func(string) string { return "" },
		"puid":   func() string { return "" },
		"rows":   func() (int, error) { return 0, nil },
	}
	for _, c := range n.cells {
		switch c.As {
		case NumberOf, NumberIn:
			env[c.key] = 0.0
		case TextOf:
			env[c.key] = ""
		case IsThere:
			env[c.key] = false
		}
	}
	return env
}
