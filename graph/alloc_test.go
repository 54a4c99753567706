package graph

import (
	"context"
	"testing"
)

// constant answers every call with the message itself, and routes to child 0.
type constant struct{}

func (constant) Call(_ context.Context, _ *Step, _ Call, m *int) (*int, error)     { return m, nil }
func (constant) Route(context.Context, *Step, *int) (int, error)                   { return 0, nil }
func (constant) Join(_ context.Context, _ *Step, ms []*int, _ []int) (*int, error) { return ms[0], nil }

var shapes = map[string]string{
	"model":   "m MODEL",
	"chain":   "t TRANSFORMER\n  m MODEL\n    o OUTPUT_TRANSFORMER\n      n MODEL",
	"router":  "r ROUTER\n  a MODEL\n  b MODEL",
	"fan-out": "c COMBINER\n  a MODEL\n  b MODEL\n  d COMBINER\n    e MODEL\n    f MODEL",
}

// TestWalkAllocatesNothing holds for fan-outs as well, once their memory is
// in the plan's pool.
func TestWalkAllocatesNothing(t *testing.T) {
	for name, text := range shapes {
		t.Run(name, func(t *testing.T) {
			plan, err := Compile(parseGraph(t, text))
			if err != nil {
				t.Fatal(err)
			}
			ctx, m, trail := context.Background(), new(int), NewTrail(plan)
			var caller Caller[*int] = constant{}
			allocs := testing.AllocsPerRun(1000, func() {
				trail.Reset()
				if got, err := Predict(ctx, plan, caller, m, trail); err != nil || got != m {
					t.Fatalf("Predict = %v, %v", got, err)
				}
			})
			if allocs != 0 && !raceDetector {
				t.Errorf("Predict made %v allocations, want 0", allocs)
			}
		})
	}
}

func BenchmarkPredict(b *testing.B) {
	for name, text := range shapes {
		b.Run(name, func(b *testing.B) {
			var t testing.T
			plan, err := Compile(parseGraph(&t, text))
			if err != nil {
				b.Fatal(err)
			}
			ctx, m := context.Background(), new(int)
			var caller Caller[*int] = constant{}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Predict(ctx, plan, caller, m, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
