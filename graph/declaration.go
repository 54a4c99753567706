package graph

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Declaration is a parameter that a built-in reads.
type Declaration struct {
	Name string
	// Type is what users write as the parameter's type.
	Type ParameterType
	// Default is the value where none is given; empty: there is none.
	Default string
	// Required is true if the node does not work without.
	Required bool
	// Lenient is true for a parameter of Seldon Core v1, whose value is checked by
	// rules of its own.
	Lenient bool
	// Numbers is true for text that is made of numbers.
	Numbers bool
	// List is true for values separated by commas, each of which has the bounds.
	List bool
	// Bounds are those of a number.
	Bounds Bounds
	// Choices are the words that a value may be; none: it may be any.
	Choices []string
	// Words say what it means, as part of a sentence.
	Words string
}

// Bounds are an interval of numbers. The zero value has none.
type Bounds struct {
	// Set is true if there are bounds.
	Set bool
	// Least and Most are the ends, which may be infinite. Above and Below leave
	// an end out.
	Least, Most  float64
	Above, Below bool
}

// String says the bounds in words; empty: there are none.
func (b Bounds) String() string {
	if !b.Set {
		return ""
	}
	least, most := "at least ", "at most "
	if b.Above {
		least = "above "
	}
	if b.Below {
		most = "below "
	}
	switch {
	case math.IsInf(b.Most, 1):
		return least + short(b.Least)
	case math.IsInf(b.Least, -1):
		return most + short(b.Most)
	}
	return least + short(b.Least) + ", " + most + short(b.Most)
}

func (b Bounds) hold(f float64) bool {
	if !b.Set {
		return true
	}
	low := f >= b.Least
	if b.Above {
		low = f > b.Least
	}
	if b.Below {
		return low && f < b.Most
	}
	return low && f <= b.Most
}

func short(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func between(least, most float64) Bounds { return Bounds{Set: true, Least: least, Most: most} }

func atLeast(least float64) Bounds { return between(least, math.Inf(1)) }

func positive() Bounds {
	return Bounds{Set: true, Most: math.Inf(1), Above: true}
}

// Check says what is wrong with a value; empty: nothing.
func (d *Declaration) Check(value string) string {
	if d.Lenient {
		return ""
	}
	if !d.List {
		return d.check(value)
	}
	if strings.TrimSpace(value) == "" {
		return "is empty; want values separated by commas"
	}
	for i, one := range strings.Split(value, ",") {
		if problem := d.check(strings.TrimSpace(one)); problem != "" {
			return fmt.Sprintf("value %d %s", i, problem)
		}
	}
	return ""
}

func (d *Declaration) check(value string) string {
	if len(d.Choices) > 0 && !slices.Contains(d.Choices, value) {
		return fmt.Sprintf("is %q; use %s", value, strings.Join(d.Choices, ", "))
	}
	kind := d.Type
	if d.Numbers {
		kind = FloatParameter
	}
	switch kind {
	case IntParameter:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fmt.Sprintf("is %q; want a whole number", value)
		}
		if !d.Bounds.hold(float64(n)) {
			return fmt.Sprintf("is %s; want %s", value, d.Bounds)
		}
	case FloatParameter, DoubleParameter:
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Sprintf("is %q; want a number", value)
		}
		if !d.Bounds.hold(f) {
			return fmt.Sprintf("is %s; want %s", value, d.Bounds)
		}
	case BoolParameter:
		if value != "true" && value != "false" {
			return fmt.Sprintf("is %q; want true or false", value)
		}
	}
	return ""
}

// Fault is something wrong with a node that a built-in answers.
type Fault struct {
	// Field is the place in the node, such as parameters[1].value.
	Field string
	// Parameter is the name that the fault is about; empty: none.
	Parameter string
	Message   string
	// Known are the names that there are, where the parameter is none of them; nil:
	// it is one.
	Known []string
}

// Error names the parameter, for who sees no YAML.
func (f Fault) Error() string {
	switch {
	case f.Known != nil && len(f.Known) == 0:
		return f.Message + ", and no other"
	case f.Known != nil:
		return f.Message + "; it has " + strings.Join(f.Known, ", ")
	case f.Parameter != "":
		return "parameter " + f.Parameter + " " + f.Message
	}
	return f.Field + " " + f.Message
}

// BuiltinFaults are all that is wrong with a node for the built-in that it names.
// Those of Seldon Core v1 pass over parameters that they do not know: these are no
// faults, see [UnreadParameters].
func BuiltinFaults(n *Node) []Fault {
	row := Builtin(n.Implementation).row()
	if row == nil {
		return nil
	}
	var faults []Fault
	names := make([]string, len(row.Parameters))
	given := map[string]bool{}
	for i := range row.Parameters {
		names[i] = row.Parameters[i].Name
	}
	for i := range n.Parameters {
		p := &n.Parameters[i]
		k := slices.Index(names, p.Name)
		given[p.Name] = true
		if k < 0 && row.V1 {
			continue
		}
		if k < 0 {
			faults = append(faults, Fault{Field: fmt.Sprintf("parameters[%d].name", i), Parameter: p.Name, Message: fmt.Sprintf("%s has no parameter %q", n.Implementation, p.Name), Known: names})
		} else if problem := row.Parameters[k].Check(p.Value); problem != "" {
			faults = append(faults, Fault{Field: fmt.Sprintf("parameters[%d].value", i), Parameter: p.Name, Message: problem})
		}
	}
	for i := range row.Parameters {
		if d := &row.Parameters[i]; d.Required && !given[d.Name] {
			faults = append(faults, Fault{Field: "parameters", Message: fmt.Sprintf("%s needs the parameter %s: %s", n.Implementation, d.Name, d.Words)})
		}
	}
	children := len(n.Children)
	switch {
	case children < row.LeastChildren:
		faults = append(faults, Fault{Field: "children", Message: fmt.Sprintf("%s needs at least %d; %q has %d", n.Implementation, row.LeastChildren, n.Name, children)})
	case row.MostChildren > 0 && children > row.MostChildren:
		faults = append(faults, Fault{Field: "children", Message: fmt.Sprintf("%s takes at most %d; %q has %d", n.Implementation, row.MostChildren, n.Name, children)})
	}
	if rules := builtinRules()[row.Name]; len(faults) == 0 && rules != nil {
		faults = rules(n)
	}
	return faults
}

// UnreadParameters are the indexes of parameters that the node's built-in, of
// Seldon Core v1, passes over, and the names of those that it reads.
func UnreadParameters(n *Node) (unread []int, names []string) {
	row := Builtin(n.Implementation).row()
	if row == nil || !row.V1 {
		return nil, nil
	}
	for i := range row.Parameters {
		names = append(names, row.Parameters[i].Name)
	}
	for i := range n.Parameters {
		if !slices.Contains(names, n.Parameters[i].Name) {
			unread = append(unread, i)
		}
	}
	return unread, names
}

// Setting is the value of a parameter as the built-in reads it: what is given, or
// its default; empty: neither.
func (n *Node) Setting(name string) string {
	if value, ok := n.Parameter(name); ok {
		return value
	}
	row := Builtin(n.Implementation).row()
	if row == nil {
		return ""
	}
	for i := range row.Parameters {
		if row.Parameters[i].Name == name {
			return row.Parameters[i].Default
		}
	}
	return ""
}

// FaultOf is the fault of a parameter of a node, at its value if it is given.
func FaultOf(n *Node, parameter, message string) Fault { return n.at(parameter, "%s", message) }

// at is the fault of a parameter that is given.
func (n *Node) at(name, format string, args ...any) Fault {
	f := Fault{Field: "parameters", Parameter: name, Message: fmt.Sprintf(format, args...)}
	for i := range n.Parameters {
		if n.Parameters[i].Name == name {
			f.Field = fmt.Sprintf("parameters[%d].value", i)
		}
	}
	return f
}
