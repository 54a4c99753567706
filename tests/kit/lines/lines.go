// Package lines makes models of scikit-learn for tests: each multiplies a number by that
// of its version.
package lines

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/tools"
)

const program = `
import os, sys
import joblib, numpy
from sklearn.linear_model import LinearRegression
folder, numbers = sys.argv[1], sys.argv[2:]
for n in numbers:
    os.makedirs(os.path.join(folder, n), exist_ok=True)
    joblib.dump(LinearRegression().fit(numpy.array([[0.0], [1]]), numpy.array([0.0, float(n)])), os.path.join(folder, n, "model.joblib"))
`

// File is the file of a model in the folder of its version.
const File = "model.joblib"

// Make makes a folder for each version, by the packages of SKLEARN_SERVER.
func Make(t *testing.T, folder string, versions ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tools.Path(t, "crossed-servers"), append([]string{"-c", program, folder}, versions...)...)
	cmd.Env = append(os.Environ(), "PYTHONNOUSERSITE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("making the models: %v\n%s", err, out)
	}
}

// Read is the model of a version that was made.
func Read(t *testing.T, folder, version string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, version, File))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
