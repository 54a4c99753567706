package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// timed is a caller whose nodes take time, or fail after it.
type timed struct {
	after  map[string]time.Duration
	broken map[string]bool

	mu        sync.Mutex
	cancelled []string
}

func (c *timed) Call(ctx context.Context, s *Step, _ Call, _ string) (string, error) {
	select {
	case <-time.After(c.after[s.Name]):
		if c.broken[s.Name] {
			return "", errors.New(s.Name + " is broken")
		}
		return s.Name, nil
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		c.cancelled = append(c.cancelled, s.Name)
		return "", ctx.Err()
	}
}

func (c *timed) Route(context.Context, *Step, string) (int, error) { return 0, nil }

func (c *timed) Join(_ context.Context, _ *Step, ms []string, from []int) (string, error) {
	return fmt.Sprint(strings.Join(ms, " "), " ", from), nil
}

func TestQuorum(t *testing.T) {
	const a, b, c = 30 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond
	for _, try := range []struct {
		name, implementation string
		parameters           []Parameter
		broken               string
		answer, cancelled    string
		takes                time.Duration
	}{
		{"all", "MEDIAN_COMBINER", nil, "", "a b c []", "", a},
		{"all in time", "MEDIAN_COMBINER", []Parameter{{Name: "deadline", Value: "40ms"}}, "", "a b c [0 1 2]", "", a},
		{"not all in time", "MEDIAN_COMBINER", []Parameter{{Name: "deadline", Value: "25ms"}}, "", `error: node "q": 2 of 3 answers came within 25ms`, "a", 25 * time.Millisecond},
		{"two", "MEDIAN_COMBINER", []Parameter{{Name: "quorum", Value: "2"}}, "", "b c [1 2]", "a", c},
		{"two, one of which is broken", "MEDIAN_COMBINER", []Parameter{{Name: "quorum", Value: "2"}}, "b", "a c [0 2]", "", a},
		{"two that cannot come", "MEDIAN_COMBINER", []Parameter{{Name: "quorum", Value: "2"}}, "b c", "error: b is broken", "a", c},
		{"two, too late", "MEDIAN_COMBINER", []Parameter{{Name: "quorum", Value: "2"}, {Name: "deadline", Value: "15ms"}}, "", `error: node "q": 1 of 2 answers came within 15ms`, "a c", 15 * time.Millisecond},
		{"first", "FIRST_COMBINER", nil, "", "b [1]", "a c", b},
		{"first that is not broken", "FIRST_COMBINER", nil, "b", "c [2]", "a", c},
		{"no first", "FIRST_COMBINER", nil, "a b c", "error: a is broken", "", a},
	} {
		t.Run(try.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				root := &Node{Name: "q", Implementation: try.implementation, Parameters: try.parameters, Children: []Node{{Name: "a", Type: Model}, {Name: "b", Type: Model}, {Name: "c", Type: Model}}}
				plan, err := Compile(root)
				if err != nil {
					t.Fatal(err)
				}
				defer plan.crew.dismiss()
				for range 2 { // The memory of the first fan-out is used by the second one.
					caller := &timed{after: map[string]time.Duration{"a": a, "b": b, "c": c}, broken: map[string]bool{}}
					for name := range strings.FieldsSeq(try.broken) {
						caller.broken[name] = true
					}
					start := time.Now()
					got, err := Predict(t.Context(), plan, caller, "x", nil)
					if err != nil {
						got = "error: " + err.Error()
					}
					slices.Sort(caller.cancelled)
					if cancelled := strings.Join(caller.cancelled, " "); got != try.answer || cancelled != try.cancelled || time.Since(start) != try.takes {
						t.Errorf("%s, cancelled %q, after %v; want %s, %q, %v", got, cancelled, time.Since(start), try.answer, try.cancelled, try.takes)
					}
				}
			})
		})
	}
}

// The time of the client is not that of the children.
func TestQuorumOfAClientThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan, err := Compile(&Node{Name: "q", Implementation: "FIRST_COMBINER", Parameters: []Parameter{{Name: "deadline", Value: "1s"}}, Children: []Node{{Name: "a", Type: Model}, {Name: "b", Type: Model}}})
		if err != nil {
			t.Fatal(err)
		}
		defer plan.crew.dismiss()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		caller := &timed{after: map[string]time.Duration{"a": time.Minute, "b": time.Minute}}
		var late *QuorumError
		if _, err := Predict(ctx, plan, caller, "x", nil); !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) {
			t.Errorf("the error is %v", err)
		}
	})
}
