// Package tools gives tests the programs that scripts/tools.txt lists.
package tools

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/source"
)

// patience bounds the making of a tool that is not in the cache.
const patience = 10 * time.Minute

// Paths returns the path of each tool; what is not there yet is built or
// installed. The path of one that is missing, and may be, is empty.
func Paths(ctx context.Context, names ...string) ([]string, error) {
	cmd := exec.CommandContext(ctx, source.Path("scripts", "need.sh"), names...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("making %s: %w\n%s", strings.Join(names, ", "), err, said.String())
	}
	paths := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(paths) != len(names) {
		return nil, fmt.Errorf("making %s: need.sh printed %q", strings.Join(names, ", "), out)
	}
	return paths, nil
}

// Path returns the path of one tool, and fails the test where it cannot be made.
func Path(t testing.TB, name string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	paths, err := Paths(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	return paths[0]
}
