package programs

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/local/runtime"
	"github.com/prime-radiant/radiant/manifests"
)

// installTimeout bounds the first run on a machine, which downloads the real
// TensorFlow.
const installTimeout = 20 * time.Minute

// Python has the environment of radiant local hold these sets of packages, each a list in
// manifests/python, whoever was there before, and returns its Python.
func Python(t *testing.T, sets ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), installTimeout)
	defer cancel()
	environment := runtime.NewPython(filepath.Join(cacheDir(t), "radiant"), manifests.Python(), quiet{}, os.Environ())
	if err := environment.Ensure(ctx, sets); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(environment.Dir(), "bin", "python")
}

// quiet is a console that shows nothing.
type quiet struct{}

// Say implements [runtime.Console].
func (quiet) Say(string, ...any) {}

// Progress implements [runtime.Console].
func (quiet) Progress(string, ...any) {}

// cacheDir is where radiant keeps what it installs.
func cacheDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(home, ".cache")
}
