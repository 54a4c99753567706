// Package peers runs the executor between programs that others wrote: the
// last Python wrapper of Seldon Core v1 that is under Apache-2.0, as
// components and as clients. Each test_*.py of this folder runs in a virtual
// environment of its own, since their packages exclude each other's.
package peers

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/programs"
)

// runTimeout bounds one file of tests, installTimeout what it needs.
const (
	runTimeout     = 3 * time.Minute
	installTimeout = 10 * time.Minute
)

func TestPeers(t *testing.T) {
	bin := programs.Build(t)
	for _, c := range []struct {
		file, environment string
		lists             []string
	}{
		{"test_wrapper", "peers-wrapper", []string{"wrapper.txt"}},
		{"test_seldon_client", "peers-wrapper", []string{"wrapper.txt"}},
	} {
		t.Run(c.file, func(t *testing.T) { run(t, bin, environment(t, c.environment, c.lists), c.file) })
	}
}

// environment returns the Python of a virtual environment that holds the
// packages of the lists.
func environment(t *testing.T, name string, lists []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), installTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../../scripts/venv.sh", append([]string{name}, lists...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("installing the packages of %s: %v\n%s", strings.Join(lists, ", "), err, said.String())
	}
	return strings.TrimSpace(string(out))
}

// run runs the tests of a file. What they start ends with them: they are
// interrupted, not killed, when they take too long.
func run(t *testing.T, bin, python, file string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "-B", "-W", "ignore::ResourceWarning", "-m", "unittest", "--verbose", file)
	cmd.Env = append(os.Environ(), "RADIANT_PROGRAMS="+bin, "PYTHONNOUSERSITE=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", errors.Join(err, ctx.Err()), out)
	}
	t.Logf("%s", out)
}
