package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree returns the files below dir with their content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == ManifestName {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func wantTree(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("files differ, -want +got:\n%s", diff)
	}
}

// wantAbsent: neither the target nor anything beside it is left.
func wantAbsent(t *testing.T, dst string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(dst))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left behind", e.Name())
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q: %v", part, err)
		}
	}
}

func TestFetchPath(t *testing.T) {
	source := t.TempDir()
	model := map[string]string{"1/saved_model.pb": "graph", "1/variables/v": "weights", "2/saved_model.pb": "new"}
	write(t, filepath.Join(source, "my model"), model)
	write(t, filepath.Join(source, "50% #1?"), model)
	for _, uri := range []string{
		filepath.Join(source, "my model"),
		"file://" + filepath.Join(source, "my%20model"),
		"file://localhost" + filepath.Join(source, "my%20model"),
		"file://" + filepath.Join(source, "50% #1?"),
		"my model",
		"./my model",
	} {
		t.Run(uri, func(t *testing.T) {
			dst := filepath.Join(t.TempDir(), "models")
			if err := Fetch(t.Context(), uri, dst, Options{Base: source}); err != nil {
				t.Fatal(err)
			}
			wantTree(t, dst, model)
			for _, path := range []string{dst, filepath.Join(dst, "1")} {
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				if got := info.Mode().Perm(); got != 0o755 {
					t.Errorf("%s has mode %o, which other users cannot read", path, got)
				}
			}
		})
	}
}

func TestFetchFileKeepsItsName(t *testing.T) {
	source, dst := t.TempDir(), filepath.Join(t.TempDir(), "models")
	write(t, source, map[string]string{"model.joblib": "sklearn"})
	if err := Fetch(t.Context(), "file://"+source+"/model.joblib", dst, Options{}); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dst, map[string]string{"model.joblib": "sklearn"})
}

func TestFetchPathWithColon(t *testing.T) {
	source, dst := t.TempDir(), filepath.Join(t.TempDir(), "models")
	write(t, source, map[string]string{"model:v1/a": "x"})
	if err := Fetch(t.Context(), "model:v1", dst, Options{Base: source}); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dst, map[string]string{"a": "x"})
}

func TestFetchFollowsLinks(t *testing.T) {
	source, dst := t.TempDir(), filepath.Join(t.TempDir(), "models")
	write(t, source, map[string]string{"blobs/abc": "weights", "snapshot/config": "c"})
	if err := os.Symlink("../blobs/abc", filepath.Join(source, "snapshot/model.bin")); err != nil {
		t.Fatal(err)
	}
	if err := Fetch(t.Context(), filepath.Join(source, "snapshot"), dst, Options{}); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dst, map[string]string{"config": "c", "model.bin": "weights"})

	if err := os.Symlink(".", filepath.Join(source, "snapshot/again")); err != nil {
		t.Fatal(err)
	}
	err := Fetch(t.Context(), filepath.Join(source, "snapshot"), filepath.Join(t.TempDir(), "m"), Options{})
	wantError(t, err, "leads back to")
}

func TestFetchMissing(t *testing.T) {
	source := t.TempDir()
	dst := filepath.Join(t.TempDir(), "models")
	uri := "file://" + source + "/a/model"
	wantError(t, Fetch(t.Context(), uri, dst, Options{}),
		"fetching "+uri, source+"/a/model does not exist", "of its path, "+source+" does")
	wantError(t, Fetch(t.Context(), "model", dst, Options{Base: source}), "fetching model", source+"/model does not exist")
	wantError(t, Fetch(t.Context(), source, dst, Options{}), source+" has no files")
	wantAbsent(t, dst)
}

func TestFetchUnsupportedScheme(t *testing.T) {
	dst := filepath.Join(t.TempDir(), "models")
	for _, uri := range []string{"ftp://host/model", "minio:bucket/model"} {
		wantError(t, Fetch(t.Context(), uri, dst, Options{}), "fetching "+uri, "is not known; known are s3, gs")
	}
	wantAbsent(t, dst)
}

func TestFetchIntoExistingFolder(t *testing.T) {
	source, dst := t.TempDir(), t.TempDir()
	write(t, source, map[string]string{"1/graph": "new", "config": "new"})
	write(t, dst, map[string]string{"1/graph": "old", "1/extra": "kept", "config/was-a-folder": "old", ".fetching-123/files/x": "stale"})
	if err := Fetch(t.Context(), source, dst, Options{}); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dst, map[string]string{"1/graph": "new", "1/extra": "kept", "config": "new"})
}

// TestFetchAtOnce: fetches into one folder, new or not, do not disturb each
// other.
func TestFetchAtOnce(t *testing.T) {
	want := map[string]string{}
	for i := range 40 {
		want[fmt.Sprintf("%d/v%d", i%4, i)] = "weights"
	}
	source := t.TempDir()
	write(t, source, want)
	for name, dst := range map[string]string{"new": filepath.Join(t.TempDir(), "models"), "existing": t.TempDir()} {
		var fetches sync.WaitGroup
		for range 8 {
			fetches.Go(func() {
				if err := Fetch(t.Context(), source, dst, Options{}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		fetches.Wait()
		wantTree(t, dst, want)
		if name == "new" {
			if entries, err := os.ReadDir(filepath.Dir(dst)); err != nil || len(entries) != 1 {
				t.Errorf("beside the folder: %v (%v)", entries, err)
			}
		}
	}
}

func TestFetchNoFile(t *testing.T) {
	wantError(t, Fetch(t.Context(), "/dev/null", filepath.Join(t.TempDir(), "models"), Options{}), "/dev/null is neither a file nor a folder")
}

func TestFetchOntoFile(t *testing.T) {
	source := t.TempDir()
	write(t, source, map[string]string{"a": "a", "target": "file"})
	wantError(t, Fetch(t.Context(), filepath.Join(source, "a"), filepath.Join(source, "target"), Options{}), "target is not a folder")
}

func TestFetchBoundsSize(t *testing.T) {
	source, dst := t.TempDir(), filepath.Join(t.TempDir(), "models")
	write(t, source, map[string]string{"a": "1234", "b": "5678"})
	wantError(t, Fetch(t.Context(), source, dst, Options{MaxBytes: 7}), "larger than the limit of 7 B")
	wantAbsent(t, dst)
}

func TestFetchCancelled(t *testing.T) {
	source, dst := t.TempDir(), filepath.Join(t.TempDir(), "models")
	write(t, source, map[string]string{"a": "1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Fetch(ctx, source, dst, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want context.Canceled", err)
	}
	wantAbsent(t, dst)
}

func TestFetchReportsProgress(t *testing.T) {
	source, dst := t.TempDir(), filepath.Join(t.TempDir(), "models")
	write(t, source, map[string]string{"a": "1234", "b": "56"})
	var reports []Progress
	o := Options{Progress: func(p Progress) { reports = append(reports, p) }}
	if err := Fetch(t.Context(), source, dst, o); err != nil {
		t.Fatal(err)
	}
	if len(reports) < 2 {
		t.Fatalf("got %d reports, want one before the last", len(reports))
	}
	want := Progress{URI: source, Bytes: 6, Total: 6, Done: true}
	if got := reports[len(reports)-1]; got != want {
		t.Errorf("last report is %+v, want %+v", got, want)
	}
}

func TestRedact(t *testing.T) {
	for uri, want := range map[string]string{
		"https://me:secret@host/m.zip?sig=x#y": "https://host/m.zip",
		"s3://key:secret@bucket/m":             "s3://bucket/m",
		"https://me:se%ret@host/m?token=x":     "https://host/m",
		"https://me:se/cret@host/m":            "https://host/m",
		"/models/a?b":                          "/models/a?b",
		"./model":                              "./model",
		"file:///models/m":                     "file:///models/m",
	} {
		if got := Redact(uri); got != want {
			t.Errorf("Redact(%s) = %s, want %s", uri, got, want)
		}
	}
}
