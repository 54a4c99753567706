package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain lets this binary be the program, for a test that kills it.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_INITIALIZER") != "" {
		main()
	}
	os.Exit(m.Run())
}

// nothing is an environment without settings.
func nothing(string) (string, bool) { return "", false }

// TestKilled: a fetch that is killed leaves a folder that is absent, or as it
// was, and the next one removes what lies around.
func TestKilled(t *testing.T) {
	half := make(chan struct{}, 1)
	var whole atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "mo")
		if !whole.Load() {
			w.(http.Flusher).Flush()
			half <- struct{}{}
			<-r.Context().Done()
			return
		}
		fmt.Fprint(w, "del")
	}))
	defer server.Close()
	start := func(dst string) *exec.Cmd {
		c := exec.Command(os.Args[0], server.URL+"/model.bst", dst)
		c.Env = append(os.Environ(), "RUN_INITIALIZER=yes")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for name, dst := range map[string]string{"new": filepath.Join(t.TempDir(), "models"), "existing": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			parent := dst
			if name == "new" {
				parent = filepath.Dir(dst)
			}
			whole.Store(false)
			c := start(dst)
			<-half
			if err := c.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = c.Wait()
			if _, err := os.Stat(filepath.Join(dst, "model.bst")); err == nil {
				t.Error("a part of the model is there")
			}
			if left, _ := filepath.Glob(filepath.Join(parent, ".fetching-*")); len(left) != 1 {
				t.Errorf("the killed fetch left %v, want its temporary folder", left)
			}
			whole.Store(true)
			if err := start(dst).Wait(); err != nil {
				t.Fatal(err)
			}
			if content, err := os.ReadFile(filepath.Join(dst, "model.bst")); err != nil || string(content) != "model" {
				t.Errorf("the model is %q (%v)", content, err)
			}
			if entries, err := filepath.Glob(filepath.Join(parent, "[^.]*")); err != nil || len(entries) != 1 {
				t.Errorf("the second fetch left %v (%v)", entries, err)
			}
			if left, _ := filepath.Glob(filepath.Join(parent, ".fetching-*")); len(left) != 0 {
				t.Errorf("the second fetch left %v", left)
			}
		})
	}
}

func TestRunInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var log bytes.Buffer
	if got := run(ctx, []string{"http://me:secret@127.0.0.1:1/m.zip", filepath.Join(t.TempDir(), "m")}, nothing, screen{&log, false}); got != 1 {
		t.Errorf("status is %d, want 1", got)
	}
	if want := "storage-initializer: interrupted while fetching http://127.0.0.1:1/m.zip\n"; log.String() != want {
		t.Errorf("log is %q, want %q", log.String(), want)
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "model.joblib")
	if err := os.WriteFile(model, []byte("m"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args   []string
		status int
		want   string
		files  []string
	}{
		"two models":    {[]string{model, "a", "file://" + model, "b"}, 0, "fetched", []string{"a/model.joblib", "b/model.joblib"}},
		"missing":       {[]string{filepath.Join(dir, "nothing"), "a"}, 1, "nothing does not exist", nil},
		"settings":      {[]string{"--settings"}, 0, "RADIANT_FETCH_STREAMS=16  # ", nil},
		"no arguments":  {nil, 2, "usage: ", nil},
		"half a pair":   {[]string{model}, 2, "usage: ", nil},
		"unknown store": {[]string{"ftp://host/m", "a"}, 1, "scheme ftp is not known", nil},
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			args := append([]string(nil), c.args...)
			for i := 1; i < len(args); i += 2 {
				args[i] = filepath.Join(out, args[i])
			}
			var log bytes.Buffer
			if got := run(t.Context(), args, nothing, screen{&log, false}); got != c.status {
				t.Errorf("status is %d, want %d", got, c.status)
			}
			if !strings.Contains(log.String(), c.want) {
				t.Errorf("log lacks %q:\n%s", c.want, log.String())
			}
			for _, f := range c.files {
				if _, err := os.Stat(filepath.Join(out, f)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestRefreshesOfOneStore: several programs bring versions from one folder, such as a claim
// that many pods see, and leave nothing there.
func TestRefreshesOfOneStore(t *testing.T) {
	store := t.TempDir()
	for _, version := range []string{"1", "2"} {
		if err := os.Mkdir(filepath.Join(store, version), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(store, version, "saved_model.pb"), []byte(version), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	list := func() (names []string) {
		err := filepath.WalkDir(store, func(path string, _ fs.DirEntry, err error) error {
			names = append(names, path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	before := list()
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var folders []string
	for range 3 {
		dst, out := filepath.Join(t.TempDir(), "models"), &bytes.Buffer{}
		folders = append(folders, dst)
		all.Go(func() {
			if status := run(ctx, []string{"--refresh=10ms", "--versions=all", store, dst}, nothing, screen{Writer: out}); status != 0 {
				t.Errorf("status %d: %s", status, out.String())
			}
		})
	}
	for _, dst := range folders {
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if content, err := os.ReadFile(filepath.Join(dst, "1", "saved_model.pb")); err == nil && string(content) == "1" {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("version 1 does not come to %s", dst)
			}
		}
	}
	stop()
	all.Wait()
	if after := list(); !slices.Equal(before, after) {
		t.Errorf("the store has %v, and had %v", after, before)
	}
}

// TestRefreshes: the program goes on after it has brought a version, and its folder says
// that it has one; what is wrong with its arguments is said.
func TestRefreshes(t *testing.T) {
	store, dst := t.TempDir(), filepath.Join(t.TempDir(), "models")
	write := func(version string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(store, version), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(store, version, "saved_model.pb"), []byte(version), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	call := func(ctx context.Context, args ...string) int { return run(ctx, args, nothing, screen{Writer: &out}) }
	if status := call(t.Context(), "--has-version", dst); status != failed {
		t.Errorf("a folder that is not there has a version: status %d", status)
	}
	write("1")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { ended <- call(ctx, "--refresh=10ms", "--versions=all", "file://"+filepath.ToSlash(store), dst) }()
	await := func(version string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			content, err := os.ReadFile(filepath.Join(dst, version, "saved_model.pb"))
			if err == nil && string(content) == version {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("version %s does not come: %v", version, err)
			}
		}
	}
	await("1")
	var other bytes.Buffer
	status := run(t.Context(), []string{"--refresh=10ms", "file://" + filepath.ToSlash(store), dst}, nothing, screen{Writer: &other})
	if want := "another program brings versions into " + dst; status != failed || !strings.Contains(other.String(), want) {
		t.Errorf("a second one in the same folder ends with %d: %s", status, other.String())
	}
	write("2")
	await("2")
	stop()
	if status := <-ended; status != 0 {
		t.Errorf("status %d: %s", status, out.String())
	}
	if status := call(t.Context(), "--has-version", dst); status != 0 {
		t.Errorf("the folder has no version: status %d", status)
	}
	for text, args := range map[string][]string{
		"--refresh wants the time":       {"--versions=all", store, dst},
		"--versions is \"newest\"":       {"--refresh=1s", "--versions=newest", store, dst},
		"latest:2 may be several":        {"--refresh=1s", "--one-at-a-time", "--versions=latest:2", "--server=http://localhost/v1/models/m", store, dst},
		"--one-at-a-time wants --server": {"--refresh=1s", "--one-at-a-time", store, dst},
		"--load=by hand is unknown":      {"--refresh=1s", "--load=by hand", store, dst},
		"--load wants --server and":      {"--refresh=1s", "--load=indexed", "--server=http://localhost", "--files=*.onnx", store, dst},
		"--load=indexed wants --files":   {"--refresh=1s", "--load=indexed", "--server=http://localhost", "--model=m", store, dst},
		"--load=mlserver wants --files":  {"--refresh=1s", "--load=mlserver", "--server=http://localhost", "--model=m", store, dst},
		"usage: storage-initializer":     {"--refresh=1s", store, dst, store, dst},
		"names no folder whose folder":   {"--refresh=1s", "ftp://o/m", dst},
		"there is no folder whose":       {"--refresh=1s", t.TempDir(), filepath.Join(t.TempDir(), "m")},
	} {
		out.Reset()
		if status := call(t.Context(), args...); status == 0 || !strings.Contains(out.String(), text) {
			t.Errorf("%v: status %d, %q lacks %q", args, status, out.String(), text)
		}
	}
}
