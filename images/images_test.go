package main

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/prime-radiant/radiant/tests/kit/tools"
)

var (
	platforms = []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}
	machines  = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	created   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// platformsOf are those that the test builds a program for. Compiling what the
// operator needs for another machine would take minutes.
func platformsOf(p program) []v1.Platform {
	if p.name == "operator" {
		return []v1.Platform{{OS: "linux", Architecture: runtime.GOARCH}}
	}
	return platforms
}

// TestImages builds all images, and looks into them.
func TestImages(t *testing.T) {
	out := t.TempDir()
	var sboms []string
	for _, p := range programs() {
		var report bytes.Buffer
		platforms := platformsOf(p)
		err := build(t.Context(), options{
			source: "..", out: out, prefix: "mirror/", authorities: defaultAuthorities,
			programs: []program{p}, platforms: platforms, created: created, report: &report,
		})
		if err != nil {
			t.Fatal(err)
		}
		index := readLayout(t, filepath.Join(out, p.name))
		if err := validate.Index(index); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
		digest, err := index.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if want := "mirror/" + p.image + "@" + digest.String() + "\n"; !strings.Contains(report.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, report.String())
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		if len(manifest.Manifests) != len(platforms) {
			t.Fatalf("%s: the index has %d images, want %d", p.name, len(manifest.Manifests), len(platforms))
		}
		for i, d := range manifest.Manifests {
			if diff := cmp.Diff(&platforms[i], d.Platform); diff != "" {
				t.Errorf("%s: platform (-want +got):\n%s", p.name, diff)
			}
			img, err := index.Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			sbom := filepath.Join(out, p.name+"-linux-"+d.Platform.Architecture+".cdx.json")
			sboms = append(sboms, sbom)
			t.Run(p.name+"/"+d.Platform.Architecture, func(t *testing.T) { checkImage(t, p, img, sbom) })
		}
	}
	judge(t, sboms)
}

// checkImage looks at one image as a node would, and at its SBOM.
func checkImage(t *testing.T, p program, img v1.Image, sbom string) {
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "8888:8888" {
		t.Errorf("user is %q", config.Config.User)
	}
	if diff := cmp.Diff([]string{"/" + p.binary}, config.Config.Entrypoint); diff != "" {
		t.Errorf("entry point (-want +got):\n%s", diff)
	}
	for _, key := range []string{"licenses", "version", "source", "title"} {
		if config.Config.Labels["org.opencontainers.image."+key] == "" {
			t.Errorf("label %s is missing", key)
		}
	}
	files := extract(t, img)
	content := files[p.binary]
	if content == nil {
		t.Fatalf("no %s in the image", p.binary)
	}
	program, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if program.Machine != machines[config.Architecture] {
		t.Errorf("the program is for %s, the image for %s", program.Machine, config.Architecture)
	}
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP {
			t.Error("the program needs a dynamic linker, which the image has not")
		}
	}
	if _, err := authoritiesIn(t, files[defaultAuthorities[1:]]); err != nil {
		t.Error(err)
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	checkModules(t, info, files, sbom)
	if config.Architecture == runtime.GOARCH {
		execute(t, content)
	}
}

// checkModules compares the SBOM and the licences with what the linker wrote
// into the program.
func checkModules(t *testing.T, info *buildinfo.BuildInfo, files map[string][]byte, sbom string) {
	body, err := os.Open(sbom)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(body, cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, c := range *bom.Components {
		if c.Type == cyclonedx.ComponentTypeLibrary {
			listed = append(listed, c.Name+" "+c.Version)
		}
	}
	linked := []string{"std " + strings.TrimPrefix(info.GoVersion, "go")}
	for _, m := range info.Deps {
		linked = append(linked, m.Path+" "+m.Version)
		if !slices.ContainsFunc(paths(files), func(p string) bool { return strings.HasPrefix(p, "licenses/"+m.Path+"/") }) {
			t.Errorf("no licence of %s in the image", m.Path)
		}
	}
	slices.Sort(listed)
	slices.Sort(linked)
	if diff := cmp.Diff(linked, listed); diff != "" {
		t.Errorf("modules of the program (-) and of its SBOM (+):\n%s", diff)
	}
}

// execute runs a program of an image on an empty root's terms: without an
// environment.
func execute(t *testing.T, content []byte) {
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, content, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--help")
	cmd.Env = []string{"PATH=/"}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || !strings.Contains(strings.ToLower(string(out)), "usage") {
		t.Errorf("running it with --help: %v\n%s", err, out)
	}
}

// TestImagesAreReproducible builds and links one image twice.
func TestImagesAreReproducible(t *testing.T) {
	var archives [2][]byte
	for i := range archives {
		out := t.TempDir()
		err := run(t.Context(), []string{"-C", "..", "-o", out, "-only", "storage-initializer", "-platforms", "linux/" + runtime.GOARCH})
		if err != nil {
			t.Fatal(err)
		}
		if archives[i], err = os.ReadFile(filepath.Join(out, "storage-initializer.tar")); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two builds of one source differ")
	}
}

func TestPackSortsAndAddsFolders(t *testing.T) {
	files := []file{{path: "b/c/d", mode: 0o644, content: []byte("d")}, {path: "a", mode: 0o755}}
	first, err := pack(files, created)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(files)
	second, err := pack(files, created)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the order of the files shows")
	}
	if diff := cmp.Diff([]string{"a", "b/", "b/c/", "b/c/d"}, names(t, first)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBadInputIsRefused(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.crt")
	if err := os.WriteFile(empty, []byte("# none\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-only", "executor,scheduler"}, `there is no "scheduler"`},
		{[]string{"-platforms", "amd64"}, `"amd64" is not of the form linux/amd64`},
		{[]string{"-authorities", empty}, "empty.crt holds none"},
		{[]string{"-authorities", key}, "key.pem holds a PRIVATE KEY"},
	} {
		if err := run(t.Context(), append(c.args, "-C", "..", "-o", t.TempDir())); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error is %v, want %q", c.args, err, c.want)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "today")
	if err := run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), `"today" is not a number of seconds`) {
		t.Errorf("error is %v", err)
	}
}

// judge lets another implementation of CycloneDX look at the SBOMs.
func judge(t *testing.T, sboms []string) {
	python := tools.Path(t, "sbom-check")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	check := exec.CommandContext(ctx, python, append([]string{"testdata/check.py"}, sboms...)...)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("judging SBOMs: %v\n%s", err, out)
	}
}

// readLayout returns the one index of a layout.
func readLayout(t *testing.T, dir string) v1.ImageIndex {
	t.Helper()
	outer, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := outer.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 {
		t.Fatalf("%s holds %d things, want one index, which registry clients can push", dir, len(manifest.Manifests))
	}
	index, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// extract returns the files of an image by path.
func extract(t *testing.T, img v1.Image) map[string][]byte {
	t.Helper()
	body := mutate.Extract(img)
	defer body.Close()
	files := map[string][]byte{}
	for r := tar.NewReader(body); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func authoritiesIn(t *testing.T, text []byte) ([]byte, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "authorities.crt")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return readAuthorities(path)
}

func paths(files map[string][]byte) []string {
	var all []string
	for p := range files {
		all = append(all, p)
	}
	return all
}

func names(t *testing.T, archive []byte) []string {
	t.Helper()
	var all []string
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h.Name)
	}
}
