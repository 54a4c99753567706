package graph

import (
	"context"
	"encoding/json"
	"testing"
)

// FuzzCompile feeds any JSON to Compile and walks what compiles: each node is
// visited at most once and the walk ends without a panic.
func FuzzCompile(f *testing.F) {
	f.Add([]byte(`{"name":"m","type":"MODEL"}`), 0)
	f.Add([]byte(`{"name":"r","type":"ROUTER","children":[{"name":"a","type":"MODEL"},{"name":"b","methods":["TRANSFORM_OUTPUT"]}]}`), 1)
	f.Add([]byte(`{"name":"c","implementation":"AVERAGE_COMBINER","children":[{"name":"a"},{"name":"a"}]}`), -1)
	f.Add([]byte(`{"name":"r","methods":["ROUTE","AGGREGATE"],"children":[{"name":"a"}]}`), -3)
	f.Fuzz(func(t *testing.T, data []byte, route int) {
		var root Node
		if json.Unmarshal(data, &root) != nil {
			return
		}
		plan, err := Compile(&root)
		if err != nil {
			return
		}
		caller := &scripted{answers: map[string]string{}}
		trail := NewTrail(plan)
		_, _ = Predict(context.Background(), plan, caller, "x", trail)
		_, _ = Feedback(context.Background(), plan, caller, "x", func(*Step) int { return route })
		if limit := 6 * len(plan.Steps); len(caller.calls) > limit {
			t.Errorf("%d calls on %d nodes", len(caller.calls), len(plan.Steps))
		}
	})
}
