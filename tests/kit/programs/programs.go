// Package programs builds Radiant's programs for tests that run them.
package programs

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
		if err := Compile(filepath.Join(dir, name), pkg); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Compile builds a package of the project, named from its root, as make build
// does: Go compiles what programs are made of once for each set of flags.
func Compile(path, pkg string, flags ...string) error {
	args := append([]string{"build", "-trimpath"}, flags...)
	cmd := exec.Command("go", append(args, "-o", path, pkg)...)
	cmd.Dir = source.Path()
	if !slices.Contains(flags, "-race") {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return nil
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
	if err := Compile(path, "./executor", flags...); err != nil {
		clean()
		return "", nil, err
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
