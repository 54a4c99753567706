package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/prime-radiant/radiant/version"
)

// TestReleaseIsReproducible makes a release of one commit twice: all bytes are
// equal. RADIANT_E2E_LONG makes it of all programs and platforms, which takes
// minutes; else it is of the smallest program for this machine.
func TestReleaseIsReproducible(t *testing.T) {
	if out, err := exec.Command("git", "rev-parse", "HEAD").CombinedOutput(); err != nil {
		t.Skipf("the sources are in no repository: %s", out)
	}
	all := programs()
	smallest, err := choose(all, "storage-initializer")
	if err != nil {
		t.Fatal(err)
	}
	here := []v1.Platform{{OS: "linux", Architecture: runtime.GOARCH}}
	whole := os.Getenv("RADIANT_E2E_LONG") != ""
	var sums [2]string
	for i := range sums {
		var report bytes.Buffer
		r := release{options{source: "..", out: t.TempDir(), authorities: defaultAuthorities, programs: smallest, platforms: here, report: &report}, here}
		if whole {
			r.programs, r.platforms = all, platforms
			r.archives = append(platforms, v1.Platform{OS: "darwin", Architecture: "amd64"}, v1.Platform{OS: "darwin", Architecture: "arm64"})
		}
		if err := r.build(t.Context()); err != nil {
			t.Fatal(err)
		}
		sums[i] = report.String()
		checkRelease(t, r)
	}
	if diff := cmp.Diff(sums[0], sums[1]); diff != "" {
		t.Errorf("two releases of one commit differ (-first +second):\n%s", diff)
	}
}

// checkRelease looks into a release as who installs it would.
func checkRelease(t *testing.T, r release) {
	t.Helper()
	sums, err := os.ReadFile(filepath.Join(r.out, checksums))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".tar.gz\n", ".tgz\n", "image-storage-initializer.tar\n", "install.yaml\n", ".cdx.json\n", "CHANGELOG.md\n"} {
		if !strings.Contains(string(sums), want) {
			t.Errorf("the release lacks a file of the name ...%s:\n%s", want, sums)
		}
	}
	install, err := os.ReadFile(filepath.Join(r.out, "install.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(install, []byte("- name: RELATED_IMAGE_STORAGE_INITIALIZER\n          value: radiant/storage-initializer:"+version.Number+"@sha256:")) {
		t.Error("install.yaml does not name the image by its digest")
	}
	archive := filepath.Join(r.out, "radiant_"+version.Number+"_linux_"+runtime.GOARCH+".tar.gz")
	dir := t.TempDir()
	if out, err := exec.Command("tar", "-xzf", archive, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("unpacking %s: %v\n%s", archive, err, out)
	}
	said, err := exec.Command(filepath.Join(dir, "storage-initializer"), "--version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(said), "storage-initializer "+version.Number+" (commit ") || strings.Contains(string(said), "unknown") {
		t.Errorf("the program says %q of itself (%v)", said, err)
	}
}
