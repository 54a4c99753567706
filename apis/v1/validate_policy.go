package v1

import "github.com/prime-radiant/radiant/graph"

// policy checks a node's policy by the rules that the executor starts by.
func (v *validator) policy(path string, n, root *graph.Node) {
	if n.Policy == nil {
		return
	}
	if graph.BuiltinOf(n.Implementation) != graph.NotBuiltin {
		v.warnf(path, "%s runs inside the executor, where no policy has an effect", n.Implementation)
		return
	}
	for _, p := range n.Policy.Problems(root, n) {
		v.errorf(path+"."+p.Field, "%s", p.Text)
	}
}
