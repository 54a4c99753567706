package graph

import "fmt"

func abTestParameters() []Declaration {
	return []Declaration{
		{Name: "ratioA", Type: FloatParameter, Lenient: true, Words: "the share of the first of two children, 0.5 without; `weights` counts before it"},
		childWeights("the share of each child, of their sum"),
		{Name: StickyHeaderParameter, Type: StringParameter, Words: "the header (over gRPC metadata) that names a user, all of whose requests go to one child; a request without it is drawn"},
		{Name: StickyKeyParameter, Type: StringParameter,
			Words: "what names a user in the message, where no header does: a tag or parameter, a member of `jsonData`, a column, of which the first row counts, or a tensor, of which the first element does"},
	}
}

func epsilonParameters() []Declaration {
	return []Declaration{{Name: "epsilon", Type: FloatParameter, Default: "0.1", Bounds: between(0, 1), Words: "the share of requests that any child gets"}}
}

func ucbParameters() []Declaration {
	return []Declaration{{Name: "exploration", Type: FloatParameter, Default: "2", Bounds: positive(), Words: "how much a child's mean may be better than it looks; 2 is UCB1"}}
}

// banditRules want children to choose between, of which counts are kept by name.
func banditRules(n *Node) []Fault {
	if len(n.Children) < 2 {
		return []Fault{{Field: "children", Message: fmt.Sprintf("%s chooses between children, and %q has %d", n.Implementation, n.Name, len(n.Children))}}
	}
	return nil
}
