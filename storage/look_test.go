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
		{"gs://bucket/model", nil, false, ""},
		{"ftp://host/model", nil, false, "scheme ftp is not known; known are s3, gs, azblob, http, https, hf, oci, pvc, file, plain paths, and the remotes of rclone that RCLONE_CONFIG_FTP_TYPE and the like configure"},
		{"minio:bucket/model", nil, false, "scheme minio is not known"},
		{"ceph:bucket/model", nil, false, ""},
		{"modle", nil, false, dir + "/modle does not exist"},
		{"file://" + dir + "/a/b", nil, false, dir + "/a/b does not exist (of its path, " + dir + " does)"},
		{"empty", nil, false, "folder " + dir + "/empty has no files"},
	} {
		names, known, err := Look(c.uri, Options{Base: dir, Lookup: func(name string) (string, bool) { return "s3", name == "RCLONE_CONFIG_CEPH_TYPE" }})
		if !slices.Equal(names, c.names) || known != c.known || (err == nil) != (c.wrong == "") {
			t.Errorf("%s: %q, known %v, error %v", c.uri, names, known, err)
		}
		if err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: error %v, want %q", c.uri, err, c.wrong)
		}
	}
}
