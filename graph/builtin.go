package graph

import "sync"

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
	// rules, if not nil, finds what is wrong with parameters that are right one by
	// one.
	rules func(n *Node) []Fault
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
		{Name: RandomABTest, V1: true, Calls: CallSet(CallRoute), Parameters: abTestParameters(), rules: weightRules},
		{Name: AverageCombiner, V1: true, Calls: combiner},
		{Name: RulesRouter, Calls: CallSet(CallRoute), LeastChildren: 1, Parameters: rulesParameters(), rules: rulesRules},
		{Name: "WEIGHTED_COMBINER", Calls: combiner, LeastChildren: 1, Parameters: weightedParameters(), rules: combinerRules},
		{Name: "MAX_COMBINER", Calls: combiner, LeastChildren: 1, Parameters: quorum(), rules: combinerRules},
		{Name: "MEDIAN_COMBINER", Calls: combiner, LeastChildren: 1, Parameters: quorum(), rules: combinerRules},
		{Name: "VOTE_COMBINER", Calls: combiner, LeastChildren: 1, Parameters: voteParameters(), rules: combinerRules},
		{Name: FirstCombiner, Calls: combiner, LeastChildren: 1, Parameters: firstParameters(), rules: combinerRules},
		{Name: "STACK_COMBINER", Calls: combiner, LeastChildren: 1},
		{Name: "CONCATENATE_COMBINER", Calls: combiner, LeastChildren: 1},
		{Name: "TENSOR_TRANSFORMER", Calls: CallSet(CallTransformInput), MostChildren: 1, Parameters: transformerParameters(), rules: transformerRules},
		{Name: "TENSOR_OUTPUT_TRANSFORMER", Calls: CallSet(CallTransformOutput), MostChildren: 1, Parameters: transformerParameters(), rules: transformerRules},
		{Name: "EPSILON_GREEDY", Calls: bandit, Shares: true, Parameters: epsilonParameters(), rules: banditRules},
		{Name: "THOMPSON_SAMPLING", Calls: bandit, Shares: true, rules: banditRules},
		{Name: "UCB", Calls: bandit, Shares: true, Parameters: ucbParameters(), rules: banditRules},
		{Name: "MAHALANOBIS_DETECTOR", Calls: detector, MostChildren: 2, File: referenceFile, Parameters: mahalanobisParameters(), rules: mahalanobisRules},
		{Name: "QUANTILE_DETECTOR", Calls: detector, MostChildren: 2, File: referenceFile, Parameters: quantileParameters(), rules: quantileRules},
		{Name: "ISOLATION_FOREST_DETECTOR", Calls: detector, MostChildren: 2, File: forestFile, Parameters: forestParameters(), rules: forestRules},
		{Name: "SCORE_DETECTOR", Calls: CallSet(CallAggregate), LeastChildren: 1, MostChildren: 2, Parameters: scoreParameters(), rules: scoreRules},
		{Name: "DRIFT_DETECTOR", Calls: CallSet(CallTransformInput, CallTransformOutput), MostChildren: 1, File: referenceFile, Shares: true, Parameters: driftParameters(), rules: driftRules},
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
	if b := Builtin(implementation); builtinNames()[b] {
		return b
	}
	return NotBuiltin
}

// builtinNames are the names of the table, gathered once: each node of a
// deployment is looked up several times, and few are built in.
var builtinNames = sync.OnceValue(func() map[Builtin]bool {
	names := map[Builtin]bool{}
	for _, row := range BuiltinTable() {
		names[row.Name] = true
	}
	return names
})

func (b Builtin) row() *BuiltinRow {
	if b == NotBuiltin {
		return nil
	}
	table := BuiltinTable()
	for i := range table {
		if table[i].Name == b {
			return &table[i]
		}
	}
	return nil
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
