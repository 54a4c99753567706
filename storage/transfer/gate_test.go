package transfer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTuner: what is done depends on the number of streams; the numbers are
// those of one interval after another.
func TestTuner(t *testing.T) {
	idle := func(int) float64 { return 0 }
	for name, c := range map[string]struct {
		work  func(streams int) int64
		share func(streams int) float64
		want  []int
	}{
		"each stream brings as much": {func(n int) int64 { return int64(n) * 100 }, idle, []int{4, 8, 16, 16, 16}},
		"eight are enough":           {func(n int) int64 { return int64(min(n, 8)) * 100 }, idle, []int{4, 8, 16, 8, 8}},
		"more do not help":           {func(int) int64 { return 100 }, idle, []int{4, 8, 4, 4, 4}},
		"more do harm":               {func(n int) int64 { return int64(1000 / n) }, idle, []int{4, 8, 4, 4, 4}},
		"nothing comes":              {func(int) int64 { return 0 }, idle, []int{4, 8, 16, 16, 16}},
		"four keep the CPU busy":     {func(n int) int64 { return int64(n) * 100 }, func(int) float64 { return 0.6 }, []int{4, 4, 4, 4, 4}},
		"eight keep the CPU busy":    {func(n int) int64 { return int64(n) * 100 }, func(n int) float64 { return 0.08 * float64(n) }, []int{4, 8, 8, 8, 8}},
	} {
		tuner := tuner{limit: 4, most: 16, rest: 1}
		streams, got := 4, []int(nil)
		for range c.want {
			streams = tuner.next(c.work(streams), c.share(streams))
			got = append(got, streams)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// TestTunerTriesAgain: what helps may change.
func TestTunerTriesAgain(t *testing.T) {
	tuner := tuner{limit: 4, most: 16, rest: 1}
	streams := 4
	for range 10 {
		streams = tuner.next(100, 0)
	}
	if streams != 4 {
		t.Fatalf("%d streams, want 4", streams)
	}
	for range restTicks + 3 {
		streams = tuner.next(int64(100*streams), 0)
	}
	if streams != 16 {
		t.Errorf("%d streams, want 16", streams)
	}
}
