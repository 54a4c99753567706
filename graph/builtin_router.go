package graph

import (
	"fmt"
	"strconv"
	"strings"
)

func abTestParameters() []Declaration {
	return []Declaration{
		{Name: "ratioA", Type: FloatParameter, Lenient: true, Words: "the share of the first of two children, 0.5 without; `weights` counts before it"},
		{Name: "weights", Type: StringParameter, Numbers: true, List: true, Bounds: atLeast(0), Words: "the share of each child, of their sum"},
		{Name: "stickyHeader", Type: StringParameter, Words: "the header (over gRPC metadata) that names a user, all of whose requests go to one child; a request without it is drawn"},
	}
}

func abTestRules(n *Node) []Fault {
	text := n.Setting("weights")
	if text == "" {
		return nil
	}
	words, sum := strings.Split(text, ","), 0.0
	if len(words) != len(n.Children) {
		return []Fault{n.at("weights", "is %q: want one number for each of the %d children", text, len(n.Children))}
	}
	for _, word := range words {
		w, _ := strconv.ParseFloat(strings.TrimSpace(word), 64)
		sum += w
	}
	if !(sum > 0) {
		return []Fault{n.at("weights", "is %q: one of them has to be above 0", text)}
	}
	return nil
}

func epsilonParameters() []Declaration {
	return []Declaration{{Name: "epsilon", Type: FloatParameter, Default: "0.1", Bounds: between(0, 1), Words: "the share of requests that any child gets"}}
}

func ucbParameters() []Declaration {
	return []Declaration{{Name: "exploration", Type: FloatParameter, Default: "2", Bounds: above(0), Words: "how much a child's mean may be better than it looks; 2 is UCB1"}}
}

// banditRules want children to choose between, of which counts are kept by name.
func banditRules(n *Node) []Fault {
	if len(n.Children) < 2 {
		return []Fault{{Field: "children", Message: fmt.Sprintf("%s chooses between children, and %q has %d", n.Implementation, n.Name, len(n.Children))}}
	}
	return nil
}
