package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/scheme"
)

// text joins the files that match the patterns, relative to the module.
func text(t *testing.T, patterns ...string) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(root(t), pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no file matches %s: %v", pattern, err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(body)
			all.WriteByte('\n')
		}
	}
	return all.String()
}

// words splits text at whatever cannot be part of a name of the API.
func words(text string) map[string]bool {
	found := map[string]bool{}
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(text, -1) {
		found[word] = true
	}
	return found
}

func TestEveryKindHasAGraphScript(t *testing.T) {
	found := words(text(t, "graph/testdata/*.txtar"))
	for _, name := range append(graph.Builtins(),
		string(graph.UnknownType), string(graph.Router), string(graph.Combiner), string(graph.Model),
		string(graph.Transformer), string(graph.OutputTransformer),
		string(graph.TransformInputMethod), string(graph.TransformOutputMethod), string(graph.RouteMethod),
		string(graph.AggregateMethod), string(graph.SendFeedbackMethod),
	) {
		if !found[name] {
			t.Errorf("no script in graph/testdata has a node of %s", name)
		}
	}
}

func TestEveryServerHasAGoldenFile(t *testing.T) {
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	found := words(text(t, "expand/testdata/*.in.yaml"))
	for name := range servers.Servers {
		if !found[name] {
			t.Errorf("no golden input in expand/testdata has a node of %s", name)
		}
	}
}

// TestEveryAnnotationHasAGoldenFile asks the table of the API.
func TestEveryAnnotationHasAGoldenFile(t *testing.T) {
	inputs := text(t, "expand/testdata/*.in.yaml")
	for _, s := range v1.AnnotationSettings() {
		if !strings.Contains(inputs, s.Annotation+":") {
			t.Errorf("no golden input in expand/testdata has the annotation %s", s.Annotation)
		}
	}
}

// TestEveryWayHasAGoldenFile: each way into the cluster is switched on in one,
// with all its settings, annotations and kinds of objects, and described.
func TestEveryWayHasAGoldenFile(t *testing.T) {
	inputs, outputs := text(t, "expand/testdata/*.in.yaml"), text(t, "expand/testdata/*.out.yaml")
	page := text(t, "docs/ingress.md")
	made := func(k expand.Kind) bool {
		return strings.Contains(outputs, "apiVersion: "+k.GroupVersion().String()+"\nkind: "+k.Kind+"\n")
	}
	for _, w := range expand.Ways() {
		for _, s := range w.Settings {
			if !strings.Contains(inputs, "# setting "+s.Name+"=") {
				t.Errorf("%s: no golden input in expand/testdata sets %s", w.Name, s.Name)
			}
			if !strings.Contains(page, s.Name) {
				t.Errorf("%s: docs/ingress.md does not name %s", w.Name, s.Name)
			}
		}
		for _, a := range w.Annotations {
			if !strings.HasPrefix(a.Name, "seldon.io/"+w.Prefix) {
				t.Errorf("%s: the annotation %s does not begin with the prefix %s", w.Name, a.Name, w.Prefix)
			}
			if !strings.Contains(inputs, a.Name+":") {
				t.Errorf("%s: no golden input in expand/testdata has the annotation %s", w.Name, a.Name)
			}
		}
		for _, k := range w.Kinds {
			if !made(k) {
				t.Errorf("%s: no golden output in expand/testdata has a %s of %s", w.Name, k.Kind, k.GroupVersion())
			}
		}
	}
}

func TestEveryProtocolHasASampleAndAConformanceRun(t *testing.T) {
	samples := text(t, "samples/*/*.yaml")
	conformance := words(text(t, "tests/conformance/*.go"))
	for _, p := range protocol.All() {
		if p.Name != "seldon" && !strings.Contains(samples, "protocol: "+p.Name+"\n") {
			t.Errorf("no sample has the outside protocol %s", p.Name)
		}
		if !conformance[p.Name] {
			t.Errorf("tests/conformance does not name the protocol %s", p.Name)
		}
	}
}

func TestEverySampleHasCases(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join(root(t), "samples", "*"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	own := text(t, "tests/samples/train_test.go")
	for _, folder := range folders {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			continue
		}
		for _, name := range []string{"README.md", "case.yaml"} {
			if name == "case.yaml" && strings.Contains(own, "samples/"+filepath.Base(folder)+`"`) {
				continue // What is more than requests and answers has a test of its own.
			}
			if _, err := os.Stat(filepath.Join(folder, "case-long.yaml")); name == "case.yaml" && err == nil {
				continue // Its packages take much room: make e2e-long.
			}
			if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
				t.Errorf("sample %s has no %s", filepath.Base(folder), name)
			}
		}
	}
}

func TestEverySchemeIsTestedAndWrittenDown(t *testing.T) {
	page := text(t, "docs/storage.md")
	tests := text(t, "storage/*_test.go", "storage/*/*_test.go", "tests/stores/*_test.go")
	for _, scheme := range scheme.Names() {
		if !strings.Contains(page, "`"+scheme+"://") {
			t.Errorf("docs/storage.md does not name %s://", scheme)
		}
		if !strings.Contains(tests, scheme+"://") {
			t.Errorf("no test fetches %s://", scheme)
		}
	}
}
