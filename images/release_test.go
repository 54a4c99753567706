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

	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/version"
)

// TestReleaseIsReproducible makes a release of one commit twice: all bytes are
// equal. RADIANT_E2E_LONG makes it of all programs and platforms, which takes
// minutes; else it is of the smallest program for this machine. The program runs
// by itself: to compress under the race detector takes ten times as long.
func TestReleaseIsReproducible(t *testing.T) {
	if out, err := exec.Command("git", "rev-parse", "HEAD").CombinedOutput(); err != nil {
		t.Skipf("the sources are in no repository: %s", out)
	}
	program := filepath.Join(t.TempDir(), "images")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", program, ".")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	args := []string{"-C", "..", "-prefix", "mirror.example/team/"}
	if !long.Asked() {
		here := "linux/" + runtime.GOARCH
		args = append(args, "-only", "storage-initializer", "-platforms", here, "-archives", here)
	}
	var sums [2]string
	for i := range sums {
		out := t.TempDir()
		report, err := exec.CommandContext(t.Context(), program, append(args, "-release", out)...).Output()
		if err != nil {
			t.Fatalf("making a release: %v", err)
		}
		sums[i] = string(report)
		checkRelease(t, out)
	}
	if diff := cmp.Diff(sums[0], sums[1]); diff != "" {
		t.Errorf("two releases of one commit differ (-first +second):\n%s", diff)
	}
}

// checkRelease looks into a release as who installs it would.
func checkRelease(t *testing.T, dir string) {
	t.Helper()
	sums, err := os.ReadFile(filepath.Join(dir, checksums))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".tar.gz\n", ".tgz\n", "image-storage-initializer.tar\n", "install.yaml\n", ".cdx.json\n", "CHANGELOG.md\n"} {
		if !strings.Contains(string(sums), want) {
			t.Errorf("the release lacks a file of the name ...%s:\n%s", want, sums)
		}
	}
	install, err := os.ReadFile(filepath.Join(dir, "install.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(install, []byte("- name: RELATED_IMAGE_STORAGE_INITIALIZER\n          value: mirror.example/team/radiant/storage-initializer:"+version.Number+"@sha256:")) {
		t.Error("install.yaml does not name the image by its digest")
	}
	values, err := exec.Command("tar", "-xzOf", filepath.Join(dir, "radiant-operator-"+version.Number+".tgz"), "radiant-operator/values.yaml").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\n  image: mirror.example/team/radiant/storage-initializer:" + version.Number + "\n", "\nimage:\n  registry: mirror.example/team\n", "\n  image:\n    registry: mirror.example/team\n"} {
		if !strings.Contains(string(values), want) {
			t.Errorf("the chart's values do not have %q", want)
		}
	}
	archive := filepath.Join(dir, "radiant_"+version.Number+"_linux_"+runtime.GOARCH+".tar.gz")
	unpacked := t.TempDir()
	if out, err := exec.Command("tar", "-xzf", archive, "-C", unpacked).CombinedOutput(); err != nil {
		t.Fatalf("unpacking %s: %v\n%s", archive, err, out)
	}
	said, err := exec.Command(filepath.Join(unpacked, "storage-initializer"), "--version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(said), "storage-initializer "+version.Number+" (commit ") || strings.Contains(string(said), "unknown") {
		t.Errorf("the program says %q of itself (%v)", said, err)
	}
}
