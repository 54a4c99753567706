package graph

// Builtin is the name of an implementation that runs inside the executor,
// without a container and without an endpoint.
type Builtin string

// NotBuiltin is the zero value: the node is served at its endpoint.
const NotBuiltin Builtin = ""

// The built-ins that rules or habits know by name.
const (
	SimpleRouter    Builtin = "SIMPLE_ROUTER"
	RandomABTest    Builtin = "RANDOM_ABTEST"
	AverageCombiner Builtin = "AVERAGE_COMBINER"
)

// builtins are the built-ins and the calls that each answers, in the order in
// which they are listed to users. What answers the calls is package builtin of
// the executor, which has a file for each.
var builtins = [...]struct {
	name  Builtin
	calls Calls
}{
	{"SIMPLE_MODEL", 0},
	{SimpleRouter, CallSet(CallRoute)},
	{RandomABTest, CallSet(CallRoute)},
	{AverageCombiner, CallSet(CallAggregate)},
}

// Builtins lists the names of all built-ins.
func Builtins() []string {
	var names []string
	for _, b := range builtins {
		names = append(names, string(b.name))
	}
	return names
}

// BuiltinOf returns the built-in that implementation names, or NotBuiltin.
func BuiltinOf(implementation string) Builtin {
	for _, b := range builtins {
		if string(b.name) == implementation {
			return b.name
		}
	}
	return NotBuiltin
}

// Calls are those that the built-in answers.
func (b Builtin) Calls() Calls {
	for _, row := range builtins {
		if row.name == b {
			return row.calls
		}
	}
	return 0
}

// Type is the type whose place in a graph the built-in takes; empty: that of
// none, it hands its message on.
func (b Builtin) Type() Type {
	for _, t := range []Type{Router, Combiner, Model, Transformer, OutputTransformer} {
		if b.Calls()&kinds[t]&^CallSet(CallSendFeedback) != 0 {
			return t
		}
	}
	return ""
}
