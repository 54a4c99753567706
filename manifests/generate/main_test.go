package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestManifestsFollowTheTable holds that `make generate` was run.
func TestManifestsFollowTheTable(t *testing.T) {
	for _, p := range parts() {
		path := filepath.Join("..", p.file)
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := rewritten(path, p)
		if err != nil {
			t.Fatalf("%s: %v", p.file, err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is not what the table in expand says: run make generate (-want +got)\n%s", p.file, diff)
		}
	}
}

func TestMarksAreNeeded(t *testing.T) {
	for _, text := range []string{"", "# " + begin, "# " + begin + "\n", "# " + end + "\n# " + begin + "\n"} {
		if _, err := between(rules)(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
