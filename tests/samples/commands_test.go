package samples

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/pages"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/source"
)

// elsewhere says of commands on pages why they do not run here, by how they
// begin.
func elsewhere() map[string]string {
	return map[string]string{
		"make test":   "this test is a part of it",
		"make images": "TestImages of images builds and reads them",
		"kubectl":     "it needs a cluster: scripts/e2e.sh installs the operator by the same file, and the cases of tests/e2e apply deployments and wait for them",
		"python3 -m":  "the environment of radiant local, which is made of the same list, takes its place",
		"make run":    "TestSamples serves the sample that its last line names",
	}
}

// walker runs the commands of a page in the order in which they stand there, in a
// clean copy of the sources.
type walker struct {
	t       *testing.T
	tree    string
	environ []string
	// serves is the command that serves at address.
	serves   string
	address  string
	printed  func() string
	commands int
}

// TestCommandsOfPages runs the commands of README.md and of
// docs/getting-started.md, whose files are written as the pages have them; those of
// docs/clients.md ask what is served at the end.
func TestCommandsOfPages(t *testing.T) {
	t.Parallel()
	python := filepath.Dir(programs.Python(t, "mlserver-sklearn", "tensorflow"))
	tree := t.TempDir()
	copySources(t, tree)
	// What make build makes is made of the same sources: Go sees that it is up to date.
	if err := os.CopyFS(filepath.Join(tree, "bin"), os.DirFS(programs.Build(t))); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"README.md", "docs/getting-started.md"} {
		t.Run(filepath.Base(page), func(t *testing.T) {
			w := &walker{t: t, tree: tree, environ: append(os.Environ(), "PATH="+python+string(os.PathListSeparator)+os.Getenv("PATH"))}
			w.have(page)
			text, err := os.ReadFile(filepath.Join(w.tree, page))
			if err != nil {
				t.Fatal(err)
			}
			for _, fence := range pages.Fences(string(text)) {
				w.block(fence.Language, fence.Text)
			}
			if page == "docs/getting-started.md" {
				w.clients()
			}
			if w.commands < 5 {
				t.Errorf("only %d commands of the page were run", w.commands)
			}
		})
	}
}

// copySources copies what git knows, or would know, of the sources.
func copySources(t *testing.T, tree string) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = source.Path()
	out, err := list.Output()
	if err != nil {
		t.Skipf("the sources are in no repository: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		from, to := source.Path(name), filepath.Join(tree, name)
		info, err := os.Stat(from)
		if err != nil {
			continue // Removed, and not yet committed.
		}
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(to), 0o755)
		}
		if err == nil {
			err = os.WriteFile(to, text, info.Mode())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// have makes what a page takes for granted: a folder with a model, and a
// component.
func (w *walker) have(page string) {
	if page != "README.md" {
		return
	}
	for _, folder := range []string{"FOLDER", "model"} {
		w.must(os.CopyFS(filepath.Join(w.tree, folder), os.DirFS(source.Path("samples", "iris-sklearn", "model"))))
	}
	w.must(os.WriteFile(filepath.Join(w.tree, "my_model.py"), []byte(component), 0o600))
}

// component is a program as docs/components.md describes them, and deployed the
// deployment of it.
const (
	component = `import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"data": {"ndarray": [["first"]]}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

ThreadingHTTPServer(("", int(os.environ["PREDICTIVE_UNIT_HTTP_SERVICE_PORT"])), Handler).serve_forever()
`
	deployed = `apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: own}
spec:
  predictors:
  - name: main
    graph: {name: classifier, type: MODEL}
    componentSpecs:
    - spec: {containers: [{name: classifier, image: "example.com/mine:1"}]}
`
)

// block writes the file that a fence holds, or runs its commands.
func (w *walker) block(language, text string) {
	w.t.Helper()
	first, rest, _ := strings.Cut(text, "\n")
	name, isFile := strings.CutPrefix(first, "# ")
	switch {
	case language == "":
		for line := range strings.Lines(text) {
			w.command(strings.TrimSpace(line))
		}
	case isFile && strings.Contains(name, "."):
		w.must(os.WriteFile(filepath.Join(w.tree, name), []byte(rest), 0o600))
		if language == "yaml" && w.commands > 0 && fileExists(w.tree, "flowers/model.joblib") {
			w.run("bin/radiant validate " + name)
		}
	case language == "python" && strings.Contains(text, "import requests"):
		script := strings.ReplaceAll(text, "localhost:8003", w.address)
		if out := w.run("python - <<'END'\n" + script + "END"); !strings.HasPrefix(out, "[[") {
			w.t.Errorf("the script prints %q, want the prediction\n%s", out, script)
		}
	}
}

func fileExists(folder, name string) bool {
	_, err := os.Stat(filepath.Join(folder, filepath.FromSlash(name)))
	return err == nil
}

// command runs a line of a page. What serves goes on to the end of the test, so
// that later lines can ask it.
func (w *walker) command(line string) {
	w.t.Helper()
	line = strings.TrimSpace(regexp.MustCompile(`\s+# .*`).ReplaceAllString(line, ""))
	if line == "" {
		return
	}
	for begin, why := range elsewhere() {
		if strings.HasPrefix(line, begin) {
			w.t.Logf("not run here: %s: %s", line, why)
			return
		}
	}
	w.commands++
	switch {
	case strings.HasPrefix(line, "bin/radiant local ") && strings.Contains(line, "--watch"):
		w.watch(line)
	case line == w.serves: // It runs.
	case strings.HasPrefix(line, "bin/radiant local "):
		w.serves = line
		w.address, w.printed = serveBy(w.t, w.tree, filepath.Join(w.tree, "bin", "radiant"), strings.Fields(line)[1:]...)
		runPrinted(w.t, w.printed())
	case strings.HasPrefix(line, "curl "):
		here := strings.ReplaceAll(line, "localhost:8003", w.address)
		if !strings.Contains(w.printed(), here) {
			w.t.Errorf("the page tells to run\n%s\nand radiant local printed\n%s", here, w.printed())
		}
	default:
		w.run(line)
	}
}

// watch serves the component, changes its code, and waits for what the new code
// answers; meanwhile no request fails.
func (w *walker) watch(line string) {
	w.t.Helper()
	w.must(os.WriteFile(filepath.Join(w.tree, "deployment.yaml"), []byte(deployed), 0o600))
	m := regexp.MustCompile(`^bin/radiant (local \S+ --exec) (\w+)='(.*)' (--watch)$`).FindStringSubmatch(line)
	if m == nil {
		w.t.Fatalf("this test does not know the form of %s", line)
	}
	python, err := exec.LookPath("python3")
	w.must(err)
	own := m[2] + "=" + strings.Replace(m[3], "python ", python+" ", 1)
	address, _ := serveBy(w.t, w.tree, filepath.Join(w.tree, "bin", "radiant"), append(strings.Fields(m[1]), own, m[4])...)
	ask := func() string {
		answer, err := http.Post("http://"+address+"/seldon/default/own/api/v1.0/predictions", "application/json", strings.NewReader(`{"data":{"ndarray":[[1]]}}`))
		w.must(err)
		body, err := io.ReadAll(answer.Body)
		w.must(err)
		w.must(answer.Body.Close())
		if answer.StatusCode != http.StatusOK {
			w.t.Fatalf("a request gets %d: %s", answer.StatusCode, body)
		}
		return string(body)
	}
	if said := ask(); !strings.Contains(said, "first") {
		w.t.Fatalf("the component answers %s", said)
	}
	w.must(os.WriteFile(filepath.Join(w.tree, "my_model.py"), bytes.ReplaceAll([]byte(component), []byte("first"), []byte("second")), 0o600))
	for deadline := time.Now().Add(time.Minute); !strings.Contains(ask(), "second"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatal("a minute after its code has changed, the old component answers")
		}
	}
}

// run runs a line in the copy of the sources, and returns what it prints.
func (w *walker) run(line string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), "bash", "-c", line)
	cmd.Dir, cmd.Env = w.tree, slices.Clone(w.environ)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

func (w *walker) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(fmt.Errorf("walking along a page: %w", err))
	}
}
