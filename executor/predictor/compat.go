package predictor

import "github.com/prime-radiant/radiant/graph"

// asV1 is a graph whose built-in nodes do what they did in Seldon Core v1:
// SIMPLE_ROUTER and AVERAGE_COMBINER nothing, so that all children are asked
// and the first one's answer counts; RANDOM_ABTEST reads ratioA where it is the
// only parameter.
func asV1(n *graph.Node) *graph.Node {
	root := n.DeepCopy()
	root.Walk(func(_ string, n *graph.Node) {
		switch graph.BuiltinOf(n.Implementation) {
		case graph.SimpleRouter, graph.AverageCombiner:
			n.Implementation, n.Type, n.Methods = "", "", nil
		case graph.RandomABTest:
			if len(n.Parameters) != 1 {
				n.Parameters = nil
			}
		}
	})
	return root
}
