package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// RulesParameter is the list of rules.
const RulesParameter = "rules"

const otherwiseParameter = "otherwise"

// maxRules bounds the rules of a router.
const maxRules = 64

// Rule sends a request to a child if an expression holds.
type Rule struct {
	// Child is its number.
	Child      int
	Expression string
}

// ParseRules reads the rules of a router, in their order, one in each line:
//
//	CHILD: EXPRESSION
//
// It does not look into expressions. All that is wrong is reported at once, by the
// number of the rule.
func ParseRules(n *Node) ([]Rule, error) {
	var rules []Rule
	var wrong []error
	for line := range strings.SplitSeq(n.Setting(RulesParameter), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, expression, ok := strings.Cut(line, ":")
		r := Rule{n.child(strings.TrimSpace(name)), strings.TrimSpace(expression)}
		switch number := len(rules) + 1; {
		case !ok || r.Expression == "":
			wrong = append(wrong, fmt.Errorf("rule %d: want CHILD: EXPRESSION", number))
		case r.Child < 0:
			wrong = append(wrong, fmt.Errorf("rule %d: there is no child %q", number, strings.TrimSpace(name)))
		}
		rules = append(rules, r)
	}
	switch {
	case len(rules) == 0:
		wrong = append(wrong, errors.New("there is no rule"))
	case len(rules) > maxRules:
		wrong = append(wrong, fmt.Errorf("there are %d rules, more than %d", len(rules), maxRules))
	}
	return rules, errors.Join(wrong...)
}

// Otherwise is the number of the child that gets what no rule of a router does.
func Otherwise(n *Node) int { return max(n.child(n.Setting(otherwiseParameter)), 0) }

// child is the number of a child by its name; -1: there is none.
func (n *Node) child(name string) int {
	return slices.IndexFunc(n.Children, func(c Node) bool { return c.Name == name })
}

func rulesParameters() []Declaration {
	return []Declaration{
		{Name: RulesParameter, Type: StringParameter, Required: true, Words: "one rule in each line, `CHILD: EXPRESSION`; the first that holds decides"},
		{Name: otherwiseParameter, Type: StringParameter, Words: "the child that gets a request for which no rule holds; without it the first one"},
	}
}

func rulesRules(n *Node) []Fault {
	var faults []Fault
	if _, err := ParseRules(n); err != nil {
		faults = append(faults, n.at(RulesParameter, "are wrong: %s", strings.ReplaceAll(err.Error(), "\n", "; ")))
	}
	if name := n.Setting(otherwiseParameter); name != "" && n.child(name) < 0 {
		faults = append(faults, n.at(otherwiseParameter, "is %q, and there is no such child", name))
	}
	return faults
}
