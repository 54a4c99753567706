package v1

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/graph"
)

// wrongValue is a value that no parameter of this kind takes.
func wrongValue(d *graph.Declaration) (value string, ok bool) {
	switch {
	case d.Type != graph.StringParameter:
		return "wrong", true
	case len(d.Choices) > 0, d.List && d.Numbers:
		return "wrong", true
	case d.Name == "events":
		return "wrong:80", true
	}
	return "", false // Any text is right.
}

// Each built-in refuses, at the place of the parameter, a value that is wrong, and a
// name that is misspelt. Built-ins of Seldon Core v1 pass over names that they do not
// know, and warn.
func TestEveryBuiltinRefusesParameters(t *testing.T) {
	for _, row := range graph.BuiltinTable() {
		problems := func(name, value string) string {
			parameters := fmt.Sprintf(`{name: %q, type: STRING, value: %q}`, name, value)
			for _, d := range row.Parameters {
				if d.Required && d.Name != name {
					parameters += fmt.Sprintf(`, {name: %q, type: STRING, value: "1"}`, d.Name)
				}
			}
			children := `{name: a}`
			if row.MostChildren != 1 {
				children += `, {name: b}`
			}
			return strings.Join(problemsOf(t, withGraph(fmt.Sprintf(
				`{name: node, implementation: %s, modelUri: gs://b/m, parameters: [%s], children: [%s]}`, row.Name, parameters, children))), "\n")
		}
		severity := "error"
		if row.V1 {
			severity = "warning"
		}
		if got := problems("nothing-like-it", "1"); !strings.Contains(got, severity+": spec.predictors[0].graph.parameters[0].name: "+string(row.Name)+" has no parameter ") {
			t.Errorf("%s takes a parameter that it does not know:\n%s", row.Name, got)
		}
		for i := range row.Parameters {
			d := &row.Parameters[i]
			value, ok := wrongValue(d)
			if !ok {
				continue
			}
			if got := problems(d.Name, value); !strings.Contains(got, "error: spec.predictors[0].graph.parameters[0].value: "+d.Name+" ") {
				t.Errorf("%s takes %q for %s:\n%s", row.Name, value, d.Name, got)
			}
			if got := problems(d.Name+"s", "1"); !strings.Contains(got, severity+": spec.predictors[0].graph.parameters[0].name: ") || !strings.Contains(got, "did you mean "+d.Name) {
				t.Errorf("%s takes %ss for %s:\n%s", row.Name, d.Name, d.Name, got)
			}
		}
	}
}
