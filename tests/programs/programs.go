// Package programs builds Radiant's programs for tests that run them.
package programs

import (
	"net"
	"os/exec"
	"path/filepath"
	"testing"
)

// Build makes radiant, executor and storage-initializer in a folder of the
// test's, side by side as they are installed. It works for packages two
// folders below the module's root.
func Build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, pkg := range map[string]string{
		"radiant": "./operator", "executor": "./executor", "storage-initializer": "./storage/initializer",
	} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, name), pkg)
		cmd.Dir = "../.."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", name, err, out)
		}
	}
	return dir
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
