package tools_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/source"
)

// need runs need.sh with a cache folder, and returns what it prints.
func need(t *testing.T, cache string, names ...string) (out, said string, err error) {
	t.Helper()
	cmd := exec.Command(source.Path("scripts", "need.sh"), names...)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+cache)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// TestNeedMakesAToolOnce: of two runs at once, one makes it and the other waits;
// a third finds it; a folder that is not whole is made again.
func TestNeedMakesAToolOnce(t *testing.T) {
	cache := t.TempDir()
	type result struct {
		out, said string
		err       error
	}
	results := make(chan result, 2)
	for range 2 {
		go func() {
			out, said, err := need(t, cache, "pip")
			results <- result{out, said, err}
		}()
	}
	first, second := <-results, <-results
	if first.err != nil || second.err != nil {
		t.Fatalf("%v %s\n%v %s", first.err, first.said, second.err, second.said)
	}
	python := strings.TrimSpace(first.out)
	if first.out != second.out || !strings.HasPrefix(python, cache+"/radiant/tools/pip-") {
		t.Errorf("they print %q and %q", first.out, second.out)
	}
	if n := strings.Count(first.said+second.said, "making pip-"); n != 1 {
		t.Errorf("it was made %d times", n)
	}
	if out, err := exec.Command(python, "-m", "pip", "--version").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, said, err := need(t, cache, "pip"); err != nil || said != "" || out != first.out {
		t.Errorf("a third run: %q, %q, %v", out, said, err)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(filepath.Dir(python)), ".whole")); err != nil {
		t.Fatal(err)
	}
	if _, said, err := need(t, cache, "pip"); err != nil || !strings.Contains(said, "making pip-") {
		t.Errorf("a folder that is not whole: %q, %v", said, err)
	}
}

func TestNeedRefuses(t *testing.T) {
	for _, name := range []string{"nothing", "@nothing"} {
		if out, said, err := need(t, t.TempDir(), name); err == nil || out != "" || !strings.Contains(said, name) {
			t.Errorf("%s: %q, %q, %v", name, out, said, err)
		}
	}
}
