package wording

import "testing"

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 packages", 1: "1 package", 12: "12 packages"} {
		if got := Count(n, "package"); got != want {
			t.Errorf("%d packages are %q, want %q", n, got, want)
		}
	}
}
