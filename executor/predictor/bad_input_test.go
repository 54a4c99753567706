package predictor

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// needed is the value of a parameter that a built-in does not work without.
func needed(d *graph.Declaration) string {
	switch {
	case d.List:
		return "1,1"
	case d.Name == "steps":
		return "softmax"
	case d.Name == "rules":
		return `b: header("x-plan") == "gold"`
	}
	return "1"
}

// usualNode is a node of a built-in over models, with what it does not work without.
func usualNode(row *graph.BuiltinRow) graph.Node {
	n := graph.Node{Name: "n", Implementation: string(row.Name), Children: []graph.Node{arm("a"), arm("b")}}
	for i := range row.Parameters {
		d := &row.Parameters[i]
		if d.Required {
			n.Parameters = append(n.Parameters, graph.Parameter{Name: d.Name, Value: needed(d)})
		}
		if d.Name == "decide" {
			n.Children = n.Children[:1]
		}
	}
	if row.MostChildren > 0 {
		n.Children = n.Children[:min(len(n.Children), row.MostChildren)]
	}
	if row.File != "" {
		n.ModelURI = "there"
	}
	return n
}

// filesFor has what each built-in of node "n" reads.
func filesFor(t *testing.T) string {
	t.Helper()
	folder := referenceOf(t, "n")
	const forest = `{"format":"radiant-forest","version":1,"features":2,"samples":2,"threshold":0.9,` +
		`"trees":[{"left":[-1],"right":[-1],"feature":[0],"value":[0],"rows":[2]}]}`
	if err := os.WriteFile(filepath.Join(folder, "n", "forest.json"), []byte(forest), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// Each built-in is asked with what is wrong, by clients and by what models answer. It
// hands that on, or refuses it by an error with a code that names the node; those
// that look at rows refuse. What is right is answered before and after.
func TestEveryBuiltinWithBadInput(t *testing.T) {
	const right = `{"data":{"ndarray":[[0.4,0.6],[0.3,0.7]]}}`
	wrong := map[string]string{
		"other features":  `{"data":{"ndarray":[[1,2,3]]}}`,
		"ragged rows":     `{"data":{"ndarray":[[1,2],[3]]}}`,
		"NaN":             `{"data":{"tensor":{"shape":[1,2],"values":[1,"NaN"]}}}`,
		"infinity":        `{"data":{"ndarray":[[1,"Infinity"]]}}`,
		"no rows":         `{"data":{"ndarray":[]}}`,
		"no features":     `{"data":{"ndarray":[[]]}}`,
		"words":           `{"data":{"ndarray":[["a","b"]]}}`,
		"text":            `{"strData":"x"}`,
		"no data":         `{}`,
		"another shape":   `{"data":{"tensor":{"shape":[2,2],"values":[1,2,3]}}}`,
		"negative shape":  `{"data":{"tensor":{"shape":[-1,-2],"values":[1,2]}}}`,
		"JSON that ends":  `{"data":{"ndarray":[[1,2]`,
		"no JSON":         `x`,
		"nothing":         ``,
		"deep in numbers": `{"data":{"ndarray":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}}`,
	}
	outside, err := protocol.Lookup("seldon")
	if err != nil {
		t.Fatal(err)
	}
	files := filesFor(t)
	for _, row := range graph.BuiltinTable() {
		t.Run(string(row.Name), func(t *testing.T) {
			n := usualNode(&row)
			models := ""
			s := sender(func(_ *upstream.Target, m message.Message) (message.Message, error) {
				m.Body, m.Answer, m.Type = []byte(models), true, jsonType
				return m, nil
			})
			world := builtin.World{}
			if row.File != "" {
				world.Files = files
			}
			p, err := New(Options{Name: "p", Graph: &n, Outside: outside, REST: s, GRPC: s, Random: rand.Float64, Nodes: world})
			if err != nil {
				t.Fatalf("%v; say here what it needs", err)
			}
			ask := func(body, answer string) error {
				models = answer
				_, err := p.Predict(t.Context(), protocol.REST, request(body))
				return err
			}
			refused := 0
			for what, body := range wrong {
				for side, err := range map[string]error{"a request": ask(body, right), "an answer": ask(right, body)} {
					if err != nil {
						refused++
					}
					var coded *protocol.Error
					if err != nil && (!errors.As(err, &coded) || protocol.CodeOf(err) == protocol.Internal || !strings.Contains(err.Error(), `node "n"`)) {
						t.Errorf("%s: %s: error is %v (%v)", side, what, err, protocol.CodeOf(err))
					}
					if err == nil && side == "a request" && row.File != "" {
						t.Errorf("%s: %s is judged", side, what)
					}
				}
				if err := ask(right, right); err != nil {
					t.Fatalf("after %s: %v", what, err)
				}
			}
			looks := row.Calls&(graph.CallSet(graph.CallTransformInput)|graph.CallSet(graph.CallAggregate)) != 0
			if looks && row.Name != graph.FirstCombiner && refused == 0 { // That one hands an answer on as it is.
				t.Error("nothing is refused")
			}
		})
	}
}

// Each built-in says at the start which parameter is wrong: an executor may be started
// with what nobody has admitted.
func TestEveryBuiltinWithBadParameters(t *testing.T) {
	outside, err := protocol.Lookup("seldon")
	if err != nil {
		t.Fatal(err)
	}
	files := filesFor(t)
	begin := func(n graph.Node, world builtin.World) error {
		_, err := New(Options{Name: "p", Graph: &n, Outside: outside, Random: rand.Float64, Nodes: world})
		return err
	}
	for _, row := range graph.BuiltinTable() {
		world := builtin.World{}
		if row.File != "" {
			world.Files = files
		}
		refuses := func(what string, n graph.Node, world builtin.World, parts ...string) {
			t.Helper()
			err := begin(n, world)
			if err == nil {
				t.Errorf("%s: %s is taken", row.Name, what)
				return
			}
			for _, part := range append(parts, `node "n"`) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: %s: error is %v, want %s", row.Name, what, err, part)
				}
			}
		}
		if !row.V1 {
			n := usualNode(&row)
			n.Parameters = append(n.Parameters, graph.Parameter{Name: "nothing-like-it", Value: "1"})
			refuses("an unknown parameter", n, world, "nothing-like-it")
		}
		for i := range row.Parameters {
			d := &row.Parameters[i]
			if d.Type == graph.StringParameter && len(d.Choices) == 0 && !d.Numbers {
				continue
			}
			n := usualNode(&row)
			n.Parameters = append([]graph.Parameter{{Name: d.Name, Value: "wrong"}}, n.Parameters...)
			if d.Required {
				n.Parameters = n.Parameters[:1]
			}
			refuses("a wrong value", n, world, d.Name)
		}
		if row.File == "" {
			continue
		}
		folder := t.TempDir()
		refuses("a file that is missing", usualNode(&row), builtin.World{Files: folder}, "modelUri")
		if err := os.MkdirAll(filepath.Join(folder, "n"), 0o750); err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{``, `{`, `[]`, `{"format":"another","version":1}`, `{"format":"radiant-reference","version":9}`, `{"format":"radiant-forest","version":9}`} {
			if err := os.WriteFile(filepath.Join(folder, "n", row.File), []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			refuses("a foreign file "+body, usualNode(&row), builtin.World{Files: folder}, "modelUri")
		}
	}
}
