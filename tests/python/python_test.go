// Package python runs the Python tests of this folder with the interpreter
// and the packages that radiant local installs.
package python

import (
	"os/exec"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/programs"
)

func TestPython(t *testing.T) {
	python := programs.Python(t, "tensorflow", "onnx", "bento")
	cmd := exec.Command(python, "-B", "-W", "ignore::ResourceWarning", "-m", "unittest", "discover", "--verbose", "-s", ".")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	t.Logf("%s", out)
}
