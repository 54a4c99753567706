package runtime

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/prime-radiant/radiant/local/localtest"
)

// wheel writes a package that says hello, and returns its line of a list.
func wheel(t *testing.T, dir, version string) string {
	t.Helper()
	name := filepath.Join(dir, "greeter-"+version+"-py3-none-any.whl")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z := zip.NewWriter(file)
	info := "greeter-" + version + ".dist-info/"
	for path, text := range map[string]string{
		"greeter.py":                        "print('hello from " + version + "')\n",
		"greeter_headers/include/greeter.h": "#define VERSION " + version + "\n",
		"greeter_headers/__init__.py":       "",
		info + "METADATA":                   "Metadata-Version: 2.1\nName: greeter\nVersion: " + version + "\n",
		info + "WHEEL":                      "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		info + "RECORD":                     "",
	} {
		w, err := z.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s --hash=sha256:%x\n", name, sha256.Sum256(body))
}

// anyDigest is the digest of nothing that there is.
const anyDigest = " --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000\n"

// console prints all that is said, a line each.
type console struct{ out io.Writer }

func (c console) Say(format string, args ...any)      { fmt.Fprintf(c.out, format+"\n", args...) }
func (c console) Progress(format string, args ...any) { fmt.Fprintf(c.out, format+"\n", args...) }

func testPython(cache string, s *localtest.Screen, lists map[string]string) *Python {
	files := fstest.MapFS{"python/unneeded.txt": {Data: []byte("# headers\n\ngreeter_headers/include\n")}}
	for set, list := range lists {
		files["python/"+set+".txt"] = &fstest.MapFile{Data: []byte(list)}
	}
	environ := append(os.Environ(), "PIP_NO_INDEX=1")
	return NewPython(cache, files, console{s}, environ)
}

func TestPackagesAreInstalledOnce(t *testing.T) {
	dir := t.TempDir()
	s := localtest.NewScreen()
	lists := map[string]string{"greet": "# comment\n" + wheel(t, dir, "1.0")}
	cache := filepath.Join(dir, "cache")
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if err := testPython(cache, s, lists).Ensure(context.Background(), []string{"greet"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := strings.Count(s.String(), "installed the Python packages of greet"); n != 1 {
		t.Errorf("it was installed %d times, want once:\n%s", n, s)
	}
	s.Await(t, "installing 1 Python package for greet, once", "1 of 1", "waiting for another radiant")
	greet := func() string {
		out, err := exec.Command(filepath.Join(cache, "python", "bin", "python"), "-c", "import greeter").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := greet(); got != "hello from 1.0" {
		t.Errorf("got %q", got)
	}
	// Headers go, and what is beside them stays; another version comes and leaves none either.
	headers := func() string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(cache, "python", "lib", "*", "site-packages", "greeter_headers", "*.py"))
		kept, failed := filepath.Glob(filepath.Join(cache, "python", "lib", "*", "site-packages", "greeter_headers", "include"))
		if err := errors.Join(err, failed); err != nil || len(found) != 1 {
			t.Fatalf("%v, %v", found, err)
		}
		return strings.Join(kept, " ")
	}
	if got := headers(); got != "" {
		t.Errorf("%s is there", got)
	}

	before := s.String()
	if err := testPython(cache, s, lists).Ensure(context.Background(), []string{"greet"}); err != nil {
		t.Fatal(err)
	}
	if s.String() != before {
		t.Errorf("something was done again:\n%s", strings.TrimPrefix(s.String(), before))
	}
	lists["greet"] = wheel(t, dir, "2.0")
	if err := testPython(cache, s, lists).Ensure(context.Background(), []string{"greet"}); err != nil {
		t.Fatal(err)
	}
	if got := greet(); got != "hello from 2.0" {
		t.Errorf("after a change of the list: %q", got)
	}
	if got := headers(); got != "" {
		t.Errorf("after a change of the list %s is there", got)
	}
}

// What cannot be installed is told in pip's words: a file that is not there, one
// that is not what the list means, and one of which the list says no digest.
func TestAFailedInstallationShowsPip(t *testing.T) {
	dir := t.TempDir()
	file, _, _ := strings.Cut(wheel(t, dir, "1.0"), " ")
	for list, want := range map[string]string{
		filepath.Join(dir, "absent-1.0-py3-none-any.whl") + anyDigest: "No such file or directory",
		file + anyDigest: "DO NOT MATCH THE HASHES",
		file + "\n":      "Hashes are required",
	} {
		p := testPython(filepath.Join(dir, "cache"), localtest.NewScreen(), map[string]string{"wrong": list})
		err := p.Ensure(t.Context(), []string{"wrong"})
		if err == nil {
			t.Errorf("%q: no error", list)
			continue
		}
		for _, want := range []string{"installing the Python packages of wrong: exit status 1", want} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: missing %q in %v", list, want, err)
			}
		}
		if p.installed("wrong") {
			t.Errorf("%q counts as installed", list)
		}
	}
}

func TestAnIndexThatCannotBeReachedIsSaid(t *testing.T) {
	p := testPython(t.TempDir(), localtest.NewScreen(), map[string]string{"absent": "absent==1.0" + anyDigest})
	p.environ = append(p.environ, "PIP_INDEX_URL=http://127.0.0.1:1/simple", "PIP_EXTRA_INDEX_URL=", "PIP_FIND_LINKS=", "PIP_NO_INDEX=", "PIP_RETRIES=1",
		"PIP_CONFIG_FILE="+os.DevNull, "http_proxy=", "HTTP_PROXY=", "all_proxy=", "ALL_PROXY=")
	err := p.Ensure(context.Background(), []string{"absent"})
	if err == nil || !strings.HasPrefix(err.Error(), "installing the Python packages of absent: no package index could be reached: look at the network, or set PIP_INDEX_URL") {
		t.Errorf("got %v", err)
	}
}

func TestNoPythonSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	p := testPython(t.TempDir(), localtest.NewScreen(), map[string]string{"x": ""})
	if err := p.Ensure(context.Background(), []string{"x"}); err == nil || !strings.Contains(err.Error(), "apt install python3 python3-venv") {
		t.Errorf("got %v", err)
	}
}

func TestPackagesAreCounted(t *testing.T) {
	for list, want := range map[string]int{"a==1\n# b\n\n-i x\nc==2 \n": 2, "": 0} {
		if got := countPackages([]byte(list)); got != want {
			t.Errorf("countPackages(%q) = %d, want %d", list, got, want)
		}
	}
}
