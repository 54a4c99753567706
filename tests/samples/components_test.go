package samples

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/pages"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// TestComponentsOfThePage serves the components of docs/components.md as they
// stand there: that of Seldon's wrapper, that of Flask and that in Go.
func TestComponentsOfThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/components.md")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	block := func(language, has string) string {
		for _, fence := range pages.Fences(string(page)) {
			if fence.Language == language && strings.Contains(fence.Text, has) {
				return fence.Text
			}
		}
		t.Fatalf("the page has no %s with %q", language, has)
		return ""
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("Clf.py", block("python", "class Clf"))
	write("flasked.py", block("python", "from flask"))
	write("main.go", "package main\n\nimport (\n\t\"encoding/json\"\n\t\"log\"\n\t\"net/http\"\n\t\"os\"\n)\n\nfunc main() {\n"+block("go", "/predict")+"}\n")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", "summing", "main.go")
	build.Dir = home
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the component in Go: %v\n%s", err, out)
	}
	bin := filepath.Dir(tools.Path(t, "peers-wrapper"))
	c := cases.Case{Files: []string{"all.yaml"}, Exec: []string{
		"clf=" + filepath.Join(bin, "seldon-core-microservice") + " Clf --service-type MODEL",
		"flasked=" + filepath.Join(bin, "python") + " flasked.py",
		"summing=./summing",
	}}
	if told := "--exec clf='seldon-core-microservice Clf --service-type MODEL'"; !strings.Contains(string(page), told) {
		t.Errorf("the page does not tell %s", told)
	}
	var all strings.Builder
	wants := map[string]string{"clf": "[[1.0,2.0]]", "flasked": "[[3.0]]", "summing": "[[3]]"}
	for name := range wants {
		fmt.Fprintf(&all, "---\n%s", strings.NewReplacer("name: own", "name: "+name, "classifier", name).Replace(deployed))
	}
	write("all.yaml", all.String())
	address, _ := serve(t, programs.Build(t), home, c)
	run := shell(t)
	for name, want := range wants {
		out, err := run("curl -s http://" + address + "/seldon/default/" + name + `/api/v1.0/predictions -H 'Content-Type: application/json' -d '{"data":{"ndarray":[[1.0,2.0]]}}'`)
		if err != nil || !strings.HasSuffix(out, "\n200") || !strings.Contains(strings.ReplaceAll(out, " ", ""), `"ndarray":`+want) {
			t.Errorf("%s: %v: %s, want %s", name, err, out, want)
		}
	}
}
