package cli

import "testing"

// TestMemoryIsGivenBackAfterWork: once when there is little to do after much, and not again
// before much has come of it.
func TestMemoryIsGivenBackAfterWork(t *testing.T) {
	const mib = 1 << 20
	r, allocated := rests{}, uint64(0)
	for i, c := range []struct {
		more uint64
		due  bool
	}{
		{20 * mib, false}, {2 * mib, false}, {100 * mib, false}, {9 * mib, false}, {7 * mib, true}, {7 * mib, false}, {0, false},
		{50 * mib, false}, {7 * mib, true},
	} {
		allocated += c.more
		if got := r.due(allocated); got != c.due {
			t.Errorf("look %d, after %d MiB more: %t, want %t", i, c.more/mib, got, c.due)
		}
	}
}
