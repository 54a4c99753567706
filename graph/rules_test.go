package graph

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRules(t *testing.T) {
	n := func(rules string) *Node {
		return &Node{Name: "r", Implementation: string(RulesRouter), Parameters: []Parameter{{Name: "rules", Value: rules}, {Name: "otherwise", Value: "b"}}, Children: []Node{{Name: "a"}, {Name: "b"}}}
	}
	got, err := ParseRules(n("\n b: x ? y : z \na:true"))
	if diff := cmp.Diff([]Rule{{1, "x ? y : z"}, {0, "true"}}, got); err != nil || diff != "" || Otherwise(n("")) != 1 {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for rules, want := range map[string]string{
		"":                           "there is no rule",
		"a":                          "rule 1: want CHILD: EXPRESSION",
		"a: x\nb:":                   "rule 2: want CHILD: EXPRESSION",
		"c: x":                       `rule 1: there is no child "c"`,
		strings.Repeat("a: x\n", 65): "there are 65 rules, more than 64",
		"c: x\na":                    "rule 1: there is no child \"c\"\nrule 2: want CHILD: EXPRESSION",
	} {
		if _, err := ParseRules(n(rules)); err == nil || err.Error() != want {
			t.Errorf("%q: error is %v, want %s", rules, err, want)
		}
	}
}
