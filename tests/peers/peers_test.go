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
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// runTimeout bounds one file of tests.
const runTimeout = 3 * time.Minute

func TestPeers(t *testing.T) {
	bin := programs.Build(t)
	for _, c := range []struct {
		// environment is what the file runs in, of tools.txt; "" is radiant local's.
		file, environment string
	}{
		{"test_wrapper", "peers-wrapper"},
		{"test_seldon_client", "peers-wrapper"},
		{"test_tftensor", "peers-wrapper-tensorflow"},
		{"test_triton", "peers-triton"},
		{"test_triton_refresh", "peers-triton"},
		{"test_tensorflow_serving", ""},
	} {
		t.Run(c.file, func(t *testing.T) {
			if c.environment == "peers-triton" && runtime.GOOS+"/"+runtime.GOARCH != "linux/amd64" {
				t.Skip("Triton is there for Linux on x86-64 alone")
			}
			run(t, program{bin, interpreter(t, c.environment), c.file, interpreter(t, "peers-wrapper")})
		})
	}
}

// interpreter returns the Python of an environment of tools.txt; "" is radiant
// local's.
func interpreter(t *testing.T, environment string) string {
	t.Helper()
	if environment == "" {
		return programs.Python(t, "tensorflow", "onnx")
	}
	return tools.Path(t, environment)
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
