package builtin

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/graph"
)

func step(t testing.TB, implementation string, children int, parameters ...graph.Parameter) *graph.Step {
	t.Helper()
	node := graph.Node{Name: "t", Implementation: implementation, Parameters: parameters}
	for i := range children {
		node.Children = append(node.Children, graph.Node{Name: string(rune('a' + i)), Type: graph.Model})
	}
	plan, err := graph.Compile(&node)
	if err != nil {
		t.Fatal(err)
	}
	return &plan.Steps[0]
}

func ratioA(v string) graph.Parameter { return graph.Parameter{Name: "ratioA", Value: v} }

func TestABTestShares(t *testing.T) {
	for _, c := range []struct {
		parameters []graph.Parameter
		want       float64
	}{
		{nil, 0.5},
		{[]graph.Parameter{ratioA("0.25")}, 0.25},
		{[]graph.Parameter{{Name: "other", Value: "1"}, ratioA("0.9")}, 0.9},
		{[]graph.Parameter{ratioA("0")}, 0},
		{[]graph.Parameter{ratioA("1")}, 1},
	} {
		n, err := All().New(step(t, "RANDOM_ABTEST", 2, c.parameters...), &World{Random: rand.New(rand.NewPCG(1, 2)).Float64})
		if err != nil {
			t.Fatal(err)
		}
		const draws = 20_000
		first := 0
		for range draws {
			if child, err := n.(Router).Route(t.Context(), Message{}); child == 0 && err == nil {
				first++
			}
		}
		if got := float64(first) / draws; got < c.want-0.02 || got > c.want+0.02 {
			t.Errorf("%v: child 0 gets %v of the requests", c.parameters, got)
		}
	}
}

func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		step *graph.Step
		want string
	}{
		"text":        {step(t, "RANDOM_ABTEST", 2, ratioA("half")), `parameter ratioA is "half"`},
		"NaN":         {step(t, "RANDOM_ABTEST", 2, ratioA("NaN")), `parameter ratioA is "NaN"`},
		"percent":     {step(t, "RANDOM_ABTEST", 2, ratioA("50")), "from 0 to 1"},
		"one child":   {step(t, "RANDOM_ABTEST", 1), "has 1 children: want 2"},
		"no built-in": {step(t, "", 0), `built-in "" is not there`},
	} {
		if _, err := All().New(c.step, &World{}); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `node "t"`) {
			t.Errorf("%s: error is %v, want %q", name, err, c.want)
		}
	}
}

// needed is a value of a parameter.
func needed(d graph.Declaration) string {
	switch {
	case d.List:
		return "1,1"
	case d.Name == "steps":
		return "softmax"
	case d.Name == "rules":
		return "a: true"
	}
	return "1"
}

// usual is a step with what the implementation cannot do without.
func usual(t *testing.T, implementation string) *graph.Step {
	t.Helper()
	for _, row := range graph.BuiltinTable() {
		if string(row.Name) != implementation {
			continue
		}
		children := 2
		var parameters []graph.Parameter
		for _, d := range row.Parameters {
			if d.Required {
				parameters = append(parameters, graph.Parameter{Name: d.Name, Value: needed(d)})
			}
			if d.Name == "decide" {
				children = 1
			}
		}
		if row.MostChildren > 0 {
			children = min(children, row.MostChildren)
		}
		return step(t, implementation, children, parameters...)
	}
	return nil
}

func TestEveryBuiltinIsThere(t *testing.T) {
	all := All()
	w := inForest(t, grown([][]float64{{1}, {2}}, 1, 2))
	w.Random = rand.Float64
	for _, implementation := range graph.Builtins() {
		s := usual(t, implementation)
		if implementation == "ISOLATION_FOREST_DETECTOR" {
			s.Node.ModelURI = "there"
		}
		if _, err := all.New(s, w); err != nil {
			t.Error(err)
		}
		delete(all, implementation)
	}
	for implementation := range all {
		t.Errorf("%s has no row in graph/builtin.go", implementation)
	}
}
