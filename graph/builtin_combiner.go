package graph

import (
	"slices"
	"strconv"
	"strings"
)

func childWeights(words string) Declaration {
	return Declaration{Name: "weights", Type: StringParameter, Numbers: true, List: true, Bounds: atLeast(0), Words: words}
}

func weightedParameters() []Declaration {
	weights := childWeights("how much the answer of each child counts, of their sum")
	weights.Required = true
	return append([]Declaration{weights}, quorum()...)
}

func firstParameters() []Declaration { return []Declaration{deadline()} }

func voteParameters() []Declaration {
	return append([]Declaration{
		childWeights("how much the vote of each child counts, of their sum; without, all count the same"),
		{Name: "labels", Type: BoolParameter, Default: "false", Words: "each element is a label, also where a row has several numbers"},
	}, quorum()...)
}

// Weights are those of the children of a built-in, whose parameters were checked; nil:
// none are given.
func (n *Node) Weights() []float64 {
	text := n.Setting("weights")
	if text == "" || !Builtin(n.Implementation).reads("weights") {
		return nil
	}
	words := strings.Split(text, ",")
	all := make([]float64, len(words))
	for i, word := range words {
		all[i], _ = strconv.ParseFloat(strings.TrimSpace(word), 64)
	}
	return all
}

// weightRules want as many weights as there are children.
func weightRules(n *Node) []Fault {
	all := n.Weights()
	switch {
	case all == nil:
		return nil
	case len(all) != len(n.Children):
		return []Fault{n.at("weights", "is %q: want one number for each of the %d children", n.Setting("weights"), len(n.Children))}
	case !slices.ContainsFunc(all, func(w float64) bool { return w > 0 }):
		return []Fault{n.at("weights", "is %q: one of them has to be above 0", n.Setting("weights"))}
	}
	return nil
}

func combinerRules(n *Node) []Fault { return append(weightRules(n), quorumRules(n)...) }
