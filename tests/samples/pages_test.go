package samples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/local"
	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// TestGettingStarted goes the way of docs/getting-started.md: the files are those
// of the page, they are valid, the model is trained, and what the page and
// radiant local print to ask with answers.
func TestGettingStarted(t *testing.T) {
	bin := programs.Build(t)
	machine, err := local.ThisMachine()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/getting-started.md")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	files := 0
	for _, m := range regexp.MustCompile("(?s)```(?:python|yaml)\n# (\\S+)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		files++
		if err := os.WriteFile(filepath.Join(home, m[1]), []byte(m[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if files != 4 {
		t.Fatalf("the page has %d files, want train.py, flowers.yaml, both.yaml and canary.yaml", files)
	}
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = home
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
		}
	}
	if err := os.Mkdir(filepath.Join(home, "flowers"), 0o755); err != nil {
		t.Fatal(err)
	}
	run(filepath.Join(machine.CacheDir, "python", "bin", "python"), "train.py")
	for _, file := range []string{"flowers.yaml", "both.yaml", "canary.yaml"} {
		run(filepath.Join(bin, "radiant"), "validate", "-f", file)
	}
	address, printed := serve(t, bin, home, cases.Case{Files: []string{"flowers.yaml"}})
	runPrinted(t, printed())
	var told string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "curl ") {
			told = strings.TrimSpace(line)
		}
	}
	if here := strings.ReplaceAll(told, "localhost:8003", address); !strings.Contains(printed(), here) {
		t.Errorf("the page tells to run\n%s\nand radiant local printed\n%s", here, printed())
	}
}

// TestDeploymentsOnPages: each whole SeldonDeployment on a page is valid.
func TestDeploymentsOnPages(t *testing.T) {
	radiant := filepath.Join(programs.Build(t), "radiant")
	home := t.TempDir()
	// The model that pages name.
	if err := os.Mkdir(filepath.Join(home, "flowers"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "flowers", "model.joblib"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(m[1], "kind: SeldonDeployment") {
				continue
			}
			found++
			check := exec.CommandContext(t.Context(), radiant, "validate", "-")
			check.Dir, check.Stdin = home, strings.NewReader(m[1])
			if out, err := check.CombinedOutput(); err != nil || strings.Contains(string(out), "warning:") {
				t.Errorf("%s: %v\n%s\n%s", page, err, m[1], out)
			}
		}
	}
	if found < 5 {
		t.Errorf("pages have %d whole deployments, want those of getting-started.md and batching.md at least", found)
	}
}
