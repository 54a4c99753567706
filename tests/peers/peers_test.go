// Package peers runs the executor between programs that others wrote: the
// last Python wrapper of Seldon Core v1 that is under Apache-2.0, as
// components and as clients; NVIDIA's Triton and its clients; TensorFlow
// Serving's client. Their packages exclude each other's, so the files of tests
// run in virtual environments of their own.
package peers

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// runTimeout bounds one file of tests, installTimeout what it needs.
const (
	runTimeout     = 3 * time.Minute
	installTimeout = 10 * time.Minute
)

func TestPeers(t *testing.T) {
	bin := programs.Build(t)
	for _, c := range []struct {
		file string
		// lists are the packages to install; none: those of radiant local.
		lists []string
	}{
		{"test_wrapper", []string{"wrapper.txt"}},
		{"test_seldon_client", []string{"wrapper.txt"}},
		{"test_tftensor", []string{"wrapper.txt", "wrapper-tensorflow.txt"}},
		{"test_triton", []string{"triton.txt"}},
		{"test_tensorflow_serving", nil},
	} {
		t.Run(c.file, func(t *testing.T) {
			if c.file == "test_triton" && runtime.GOOS+"/"+runtime.GOARCH != "linux/amd64" {
				t.Skip("Triton is there for Linux on x86-64 alone")
			}
			run(t, program{bin, interpreter(t, bin, c.lists), c.file, interpreter(t, bin, []string{"wrapper.txt"})})
		})
	}
}

// interpreter returns the Python of a virtual environment that holds the
// packages of the lists, or of radiant local's.
func interpreter(t *testing.T, bin string, lists []string) string {
	t.Helper()
	if len(lists) == 0 {
		return programs.Python(t, bin)
	}
	name := "peers-" + strings.TrimSuffix(lists[len(lists)-1], ".txt")
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

// program is a file of tests with the Python that runs it, the folder of our
// programs and the Python of the wrapper, for components beside other peers.
type program struct{ bin, python, file, wrapper string }

// run runs the tests of a file. What they start ends with them: they are
// interrupted, not killed, when they take too long.
func run(t *testing.T, p program) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.python, "-B", "-W", "ignore::ResourceWarning", "-m", "unittest", "--verbose", p.file)
	cmd.Env = append(os.Environ(), "RADIANT_PROGRAMS="+p.bin, "RADIANT_WRAPPER="+p.wrapper, "PYTHONNOUSERSITE=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", errors.Join(err, ctx.Err()), out)
	}
	if bytes.Contains(out, []byte("\nOK (skipped=")) {
		t.Skipf("%s", out)
	}
	t.Logf("%s", out)
}
