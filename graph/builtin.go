package graph

import (
	"slices"
	"sync"
)

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
	FirstCombiner   Builtin = "FIRST_COMBINER"
	// RulesRouter sends a request by what expressions say of it, which package rule
	// knows.
	RulesRouter Builtin = "RULES_ROUTER"
)

// BuiltinRow is what is known of a built-in outside of the executor.
type BuiltinRow struct {
	Name Builtin
	// Calls are those that it answers.
	Calls Calls
	// V1 is true for a built-in of Seldon Core v1, which passes over parameters
	// that it does not know.
	V1 bool
	// LeastChildren and MostChildren bound the node's children; no MostChildren:
	// there may be any number.
	LeastChildren, MostChildren int
	// File is what the node reads in the folder that its modelUri names; empty:
	// nothing.
	File string
	// Shares is true if replicas of the node add up what they count.
	Shares bool
	// Parameters are all that it reads.
	Parameters []Declaration
}

// The files that built-ins read.
const (
	referenceFile = "reference.json"
	forestFile    = "forest.json"
)

// BuiltinTable are the built-ins in the order in which they are listed to users.
// What answers the calls is package builtin of the executor, which has a file for
// each.
func BuiltinTable() []BuiltinRow {
	combiner := CallSet(CallAggregate)
	bandit := CallSet(CallRoute, CallSendFeedback)
	detector := CallSet(CallTransformInput, CallRoute, CallTransformOutput)
	return []BuiltinRow{
		{Name: "SIMPLE_MODEL", V1: true},
		{Name: SimpleRouter, V1: true, Calls: CallSet(CallRoute)},
		{Name: RandomABTest, V1: true, Calls: CallSet(CallRoute), Parameters: abTestParameters()},
		{Name: AverageCombiner, V1: true, Calls: combiner, Parameters: quorum()},
		{Name: RulesRouter, Calls: CallSet(CallRoute), LeastChildren: 1, Parameters: rulesParameters()},
		{Name: "WEIGHTED_COMBINER", Calls: combiner, LeastChildren: 1, Parameters: weightedParameters()},
		{Name: "MAX_COMBINER", Calls: combiner, LeastChildren: 1, Parameters: quorum()},
		{Name: "MEDIAN_COMBINER", Calls: combiner, LeastChildren: 1, Parameters: quorum()},
		{Name: "VOTE_COMBINER", Calls: combiner, LeastChildren: 1, Parameters: voteParameters()},
		{Name: FirstCombiner, Calls: combiner, LeastChildren: 1, Parameters: firstParameters()},
		{Name: "STACK_COMBINER", Calls: combiner, LeastChildren: 1},
		{Name: "CONCATENATE_COMBINER", Calls: combiner, LeastChildren: 1},
		{Name: "TENSOR_TRANSFORMER", Calls: CallSet(CallTransformInput), MostChildren: 1, Parameters: transformerParameters()},
		{Name: "TENSOR_OUTPUT_TRANSFORMER", Calls: CallSet(CallTransformOutput), MostChildren: 1, Parameters: transformerParameters()},
		{Name: "EPSILON_GREEDY", Calls: bandit, Shares: true, Parameters: epsilonParameters()},
		{Name: "THOMPSON_SAMPLING", Calls: bandit, Shares: true},
		{Name: "UCB", Calls: bandit, Shares: true, Parameters: ucbParameters()},
		{Name: "MAHALANOBIS_DETECTOR", Calls: detector, MostChildren: 2, File: referenceFile, Parameters: mahalanobisParameters()},
		{Name: "QUANTILE_DETECTOR", Calls: detector, MostChildren: 2, File: referenceFile, Parameters: quantileParameters()},
		{Name: "ISOLATION_FOREST_DETECTOR", Calls: detector, MostChildren: 2, File: forestFile, Parameters: forestParameters()},
		{Name: "SCORE_DETECTOR", Calls: CallSet(CallAggregate), LeastChildren: 1, MostChildren: 2, Parameters: scoreParameters()},
		{Name: "DRIFT_DETECTOR", Calls: CallSet(CallTransformInput, CallTransformOutput), MostChildren: 1, File: referenceFile, Shares: true, Parameters: driftParameters()},
	}
}

// builtinRules find what is wrong with the parameters of a built-in that are right one
// by one. They ask for what the table says, which they are no part of.
func builtinRules() map[Builtin]func(n *Node) []Fault {
	return map[Builtin]func(n *Node) []Fault{
		RandomABTest:                weightRules,
		AverageCombiner:             quorumRules,
		RulesRouter:                 rulesRules,
		"WEIGHTED_COMBINER":         combinerRules,
		"MAX_COMBINER":              combinerRules,
		"MEDIAN_COMBINER":           combinerRules,
		"VOTE_COMBINER":             combinerRules,
		FirstCombiner:               combinerRules,
		"TENSOR_TRANSFORMER":        transformerRules,
		"TENSOR_OUTPUT_TRANSFORMER": transformerRules,
		"EPSILON_GREEDY":            banditRules,
		"THOMPSON_SAMPLING":         banditRules,
		"UCB":                       banditRules,
		"MAHALANOBIS_DETECTOR":      mahalanobisRules,
		"QUANTILE_DETECTOR":         quantileRules,
		"ISOLATION_FOREST_DETECTOR": forestRules,
		"SCORE_DETECTOR":            scoreRules,
		"DRIFT_DETECTOR":            driftRules,
	}
}

// Builtins lists the names of all built-ins.
func Builtins() []string {
	var names []string
	for _, row := range BuiltinTable() {
		names = append(names, string(row.Name))
	}
	return names
}

// BuiltinOf returns the built-in that implementation names, or NotBuiltin.
func BuiltinOf(implementation string) Builtin {
	if b := Builtin(implementation); b.row() != nil {
		return b
	}
	return NotBuiltin
}

// builtinRows are the rows of the table by name, gathered once: each node of a
// deployment is looked up many times, and few are built in.
var builtinRows = sync.OnceValue(func() map[Builtin]*BuiltinRow {
	rows := map[Builtin]*BuiltinRow{}
	table := BuiltinTable()
	for i := range table {
		rows[table[i].Name] = &table[i]
	}
	return rows
})

// row is what is known of the built-in; nil: there is none of the name.
func (b Builtin) row() *BuiltinRow { return builtinRows()[b] }

// reads reports whether the built-in has a parameter of the name.
func (b Builtin) reads(name string) bool {
	row := b.row()
	return row != nil && slices.ContainsFunc(row.Parameters, func(d Declaration) bool { return d.Name == name })
}

// Calls are those that the built-in answers.
func (b Builtin) Calls() Calls {
	if row := b.row(); row != nil {
		return row.Calls
	}
	return 0
}

// ReadsFiles reports whether the built-in reads what its node's modelUri names.
func (b Builtin) ReadsFiles() bool {
	row := b.row()
	return row != nil && row.File != ""
}

// File is what the built-in reads in the folder that its node's modelUri names;
// empty: nothing.
func (b Builtin) File() string {
	if row := b.row(); row != nil {
		return row.File
	}
	return ""
}

// Shares reports whether replicas of the built-in add up what they count.
func (b Builtin) Shares() bool {
	row := b.row()
	return row != nil && row.Shares
}

// Type is the type whose place in a graph the built-in takes; empty: that of
// none, it hands its message on.
func (b Builtin) Type() Type {
	for _, t := range []Type{Transformer, Router, Combiner, Model, OutputTransformer} {
		if b.Calls()&kinds[t]&^CallSet(CallSendFeedback) != 0 {
			return t
		}
	}
	return ""
}
