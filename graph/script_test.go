package graph

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// TestScripts runs testdata/*.txtar. A file holds one or more graphs, each
// followed by requests on it:
//
//	-- graph --
//	name [TYPE] [IMPLEMENTATION] [+METHOD]...    children indented by two
//	-- invalid --       the graph does not compile, with these problems
//	-- predict --       or feedback: one request with the message "x"
//	NODE CALL = ANSWER  what the node answers; a route is a number, "error
//	                    TEXT" a failure, "panic TEXT" a panic
//	route NODE N        feedback only: where the prediction went
//	> LINE              expected: "calls: ...", in any order, "answer: ...",
//	                    "error: ...", "trail: ..."
//
// Lines that start with # say why. By default the call c on node n answers "n.c(message)".
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var root *Node
		var plan *Plan
		var compileErr error
		graphs := 0
		for i, section := range archive.Files {
			name := fmt.Sprintf("%s/%d-%s", strings.TrimSuffix(filepath.Base(file), ".txtar"), i, section.Name)
			if section.Name == "graph" {
				graphs++
				root = parseGraph(t, string(section.Data))
				plan, compileErr = Compile(root)
				continue
			}
			t.Run(name, func(t *testing.T) {
				if section.Name == "invalid" {
					checkInvalid(t, compileErr, string(section.Data))
					return
				}
				if compileErr != nil {
					t.Fatalf("compiling: %v", compileErr)
				}
				runRequest(t, plan, section)
			})
		}
		if graphs == 0 || len(archive.Files) < 2 {
			t.Errorf("%s: needs a graph and a request", file)
		}
	}
}

func parseGraph(t *testing.T, text string) *Node {
	t.Helper()
	var stack []*Node
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		depth := (len(line) - len(strings.TrimLeft(line, " "))) / 2
		words := strings.Fields(line)
		node := Node{Name: strings.Trim(words[0], `"`)}
		for _, word := range words[1:] {
			switch {
			case strings.HasPrefix(word, "+"):
				node.Methods = append(node.Methods, Method(word[1:]))
			case BuiltinOf(word) != NotBuiltin || strings.HasSuffix(word, "_SERVER"):
				node.Implementation = word
			default:
				node.Type = Type(word)
			}
		}
		if depth == 0 {
			stack = []*Node{&node}
			continue
		}
		if depth > len(stack) {
			t.Fatalf("line %q is indented too far", line)
		}
		// Parents are complete before their siblings start, so that their
		// address no longer changes.
		parent := stack[depth-1]
		parent.Children = append(parent.Children, node)
		stack = append(stack[:depth], &parent.Children[len(parent.Children)-1])
	}
	return stack[0]
}

func checkInvalid(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatal("compiled without an error")
	}
	if diff := cmp.Diff(strings.TrimSpace(want), err.Error()); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

func runRequest(t *testing.T, plan *Plan, section txtar.File) {
	t.Helper()
	caller := &scripted{answers: map[string]string{}}
	routes := map[string]int{}
	var want, rest []string
	for line := range strings.Lines(string(section.Data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		if expected, ok := strings.CutPrefix(line, "> "); ok {
			want = append(want, expected)
		} else if key, value, ok := strings.Cut(line, " = "); ok {
			caller.answers[key] = value
		} else if words := strings.Fields(line); len(words) == 3 && words[0] == "route" {
			routes[words[1]], _ = strconv.Atoi(words[2])
		} else if line != "" {
			rest = append(rest, line)
		}
	}
	if len(rest) > 0 {
		t.Fatalf("cannot read %q", rest)
	}
	trail := NewTrail(plan)
	var answer string
	var err error
	if section.Name == "predict" {
		answer, err = Predict(context.Background(), plan, caller, "x", trail)
	} else {
		answer, err = Feedback(context.Background(), plan, caller, "x", func(s *Step) int {
			if route, ok := routes[s.Name]; ok {
				return route
			}
			return RouteAll
		})
	}
	slices.Sort(caller.calls)
	got := []string{strings.TrimSpace("calls: " + strings.Join(caller.calls, " "))}
	if err != nil {
		got = append(got, "error: "+err.Error())
	} else {
		got = append(got, "answer: "+answer)
	}
	if section.Name == "predict" && slices.ContainsFunc(want, func(s string) bool { return strings.HasPrefix(s, "trail:") }) {
		got = append(got, "trail: "+trailText(plan, trail))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func trailText(plan *Plan, trail *Trail) string {
	var words []string
	for i := range plan.Steps {
		if route, visited := trail.Route(i); visited {
			words = append(words, fmt.Sprintf("%s:%d", plan.Steps[i].Name, route))
		}
	}
	return strings.Join(words, " ")
}

// scripted is a Caller that answers as a script says and notes each call.
type scripted struct {
	answers map[string]string
	mu      sync.Mutex
	calls   []string
}

func (c *scripted) answer(s *Step, call Call, usual string) (string, error) {
	key := s.Name + " " + call.String()
	c.mu.Lock()
	c.calls = append(c.calls, strings.ReplaceAll(key, " ", "."))
	c.mu.Unlock()
	text, ok := c.answers[key]
	if !ok {
		return usual, nil
	}
	if failure, ok := strings.CutPrefix(text, "error "); ok {
		return "", errors.New(failure)
	}
	if failure, ok := strings.CutPrefix(text, "panic "); ok {
		panic(failure)
	}
	return text, nil
}

func (c *scripted) Call(_ context.Context, s *Step, call Call, m string) (string, error) {
	return c.answer(s, call, fmt.Sprintf("%s.%s(%s)", s.Name, call, m))
}

func (c *scripted) Route(_ context.Context, s *Step, m string) (int, error) {
	text, err := c.answer(s, CallRoute, "-1")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

func (c *scripted) Join(_ context.Context, s *Step, ms []string, _ []int) (string, error) {
	return c.answer(s, CallAggregate, fmt.Sprintf("%s.aggregate(%s)", s.Name, strings.Join(ms, ", ")))
}
