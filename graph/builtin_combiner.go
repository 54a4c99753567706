package graph

import (
	"strconv"
	"strings"
)

func childWeights(words string) Declaration {
	return Declaration{Name: "weights", Type: StringParameter, Numbers: true, List: true, Bounds: atLeast(0), Words: words}
}

func weightedParameters() []Declaration {
	weights := childWeights("how much the answer of each child counts, of their sum")
	weights.Required = true
	return []Declaration{weights}
}

func voteParameters() []Declaration {
	return []Declaration{
		childWeights("how much the vote of each child counts, of their sum; without, all count the same"),
		{Name: "labels", Type: BoolParameter, Default: "false", Words: "each element is a label, also where a row has several numbers"},
	}
}

// weightRules want as many weights as there are children.
func weightRules(n *Node) []Fault {
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
