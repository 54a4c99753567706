package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var log bytes.Buffer
	if got := run(ctx, []string{"http://me:secret@127.0.0.1:1/m.zip", filepath.Join(t.TempDir(), "m")}, &log, false); got != 1 {
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
		"no arguments":  {nil, 2, "usage: ", nil},
		"half a pair":   {[]string{model}, 2, "usage: ", nil},
		"unknown store": {[]string{"gs://bucket/m", "a"}, 1, "scheme gs is not supported", nil},
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			args := append([]string(nil), c.args...)
			for i := 1; i < len(args); i += 2 {
				args[i] = filepath.Join(out, args[i])
			}
			var log bytes.Buffer
			if got := run(t.Context(), args, &log, false); got != c.status {
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
