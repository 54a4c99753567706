package storage

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLook(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"model/1/saved_model.pb", "model/readme", "one.joblib", "packed.tar.gz"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "empty", "inside"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		uri   string
		names []string
		known bool
		wrong string
	}{
		{"model", []string{"1/saved_model.pb", "readme"}, true, ""},
		{"file://" + dir + "/model", []string{"1/saved_model.pb", "readme"}, true, ""},
		{"one.joblib", []string{"one.joblib"}, true, ""},
		{"packed.tar.gz", []string{"packed.tar.gz"}, false, ""},
		{"http://localhost:1/model.tar", nil, false, ""},
		{"gs://bucket/model", nil, false, "this build does not fetch gs:, it fetches file, http, https: download the model and set modelUri to a folder"},
		{"s3:bucket/model", nil, false, "does not fetch s3:"},
		{"modle", nil, false, dir + "/modle does not exist"},
		{"file://" + dir + "/a/b", nil, false, dir + "/a/b does not exist (of its path, " + dir + " does)"},
		{"empty", nil, false, "folder " + dir + "/empty has no files"},
	} {
		names, known, err := Look(c.uri, dir)
		if !slices.Equal(names, c.names) || known != c.known || (err == nil) != (c.wrong == "") {
			t.Errorf("%s: %q, known %v, error %v", c.uri, names, known, err)
		}
		if err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: error %v, want %q", c.uri, err, c.wrong)
		}
	}
}
