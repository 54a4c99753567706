// Package programs builds Radiant's programs for tests that run them.
package programs

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/source"
)

// Build makes radiant, executor and storage-initializer in a folder of the
// test's, side by side as they are installed.
func Build(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, pkg := range map[string]string{
		"radiant": "./operator", "executor": "./executor", "storage-initializer": "./initializer",
	} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, name), pkg)
		cmd.Dir = source.Path()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", name, err, out)
		}
	}
	return dir
}

// Executor makes the executor, with flags for go build, in a folder that clean
// removes. It is for a TestMain.
func Executor(flags ...string) (path string, clean func(), err error) {
	dir, err := os.MkdirTemp("", "executor")
	if err != nil {
		return "", nil, err
	}
	clean = func() { _ = os.RemoveAll(dir) }
	path = filepath.Join(dir, "executor")
	build := exec.Command("go", append(append([]string{"build"}, flags...), "-o", path, "./executor")...)
	build.Dir = source.Path()
	if out, err := build.CombinedOutput(); err != nil {
		clean()
		return "", nil, fmt.Errorf("building the executor: %w\n%s", err, out)
	}
	return path, clean, nil
}

// FreePort is a port of localhost that nobody listens on right now.
func FreePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
