// Package arch holds the shape of the house: which package may import which,
// how long a file and a function may be, and that each table entry has its
// test data.
package arch

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/prime-radiant/radiant"

// rule forbids packages that match in to depend on any of never. Patterns end
// in "/..." for a whole tree; "std" stands for everything outside the standard
// library.
type rule struct {
	in string
	// direct limits the rule to imports written in the package itself.
	direct bool
	never  []string
	// except is what is not forbidden of that.
	except []string
	why    string
}

var rules = []rule{
	{in: "graph", never: []string{"std", "net/http"}, why: "the vocabulary imports the standard library alone"},
	{in: "apis/v1", never: []string{"sigs.k8s.io/controller-runtime/...", "k8s.io/client-go/...", module + "/operator/...", module + "/executor/..."}, why: "the API knows its shape, not who uses it"},
	{in: "apis/v1", direct: true, never: []string{"os", "net/http"}, why: "defaults and rules are pure"},
	{in: "apis/kubeflow", never: []string{"sigs.k8s.io/controller-runtime/...", "k8s.io/client-go/...", module + "/apis/v1", module + "/operator/...", module + "/executor/..."}, why: "the API of jobs knows its shape, not who uses it"},
	{in: "apis/kubeflow", direct: true, never: []string{"os", "net/http"}, why: "defaults and rules are pure"},
	{in: "apis/manifest", never: []string{"sigs.k8s.io/controller-runtime/...", "k8s.io/client-go/...", module + "/apis/v1", module + "/graph"}, why: "how objects are read does not depend on their kind"},
	{in: "apis/yamljson", never: []string{"k8s.io/...", "sigs.k8s.io/...", module + "/apis/v1", "net/http"}, why: "the executor reads by it too"},
	{in: "executor/protocol", never: []string{module + "/executor/upstream", module + "/executor/telemetry", module + "/executor/server"}, why: "protocols are bytes in, bytes out"},
	{in: "executor/message", direct: true, never: []string{"net", "net/http", module + "/..."}, why: "a message is bytes and their owner"},
	{in: "executor/wire/...", never: []string{module + "/apis/...", module + "/graph", module + "/executor/protocol/...", module + "/executor/telemetry", module + "/executor/server", module + "/executor/upstream"}, why: "a wire is bytes, limits and deadlines"},
	{in: "executor/translate", never: []string{module + "/executor/protocol/...", module + "/executor/upstream", module + "/executor/telemetry", module + "/executor/server"}, why: "translation is values in, values out; protocols use it"},
	{in: "executor/tensor", direct: true, never: []string{"net", "net/http", module + "/graph", module + "/apis/...", module + "/executor/protocol/..."}, why: "a tensor knows no protocol"},
	{in: "executor/...", never: []string{"k8s.io/...", "sigs.k8s.io/...", module + "/apis/v1", module + "/operator/...", module + "/expand/...", module + "/local/...", module + "/storage/..."}, why: "the executor stays a small sidecar"},
	{in: "executor/...", never: []string{"github.com/parquet-go/..."}, why: "who reads a reference does not make one"},
	{in: "executor/...", never: []string{"github.com/google/cel-go/..."}, why: "decision 19: it is larger than the executor may grow"},
	{in: "discovery", never: []string{"std", "net/http", module + "/..."}, why: "who finds versions, who knows the server and who writes a status share it"},
	{in: "scaling", never: []string{"k8s.io/...", "sigs.k8s.io/...", "net/http", module + "/apis/...", module + "/executor/...", module + "/operator/..."}, why: "who counts and who decides share it, the executor too"},
	{in: "activator/server", never: []string{"k8s.io/...", "sigs.k8s.io/...", module + "/apis/...", module + "/expand/...", module + "/executor/...", module + "/local/...", module + "/operator/..."}, why: "who keeps requests knows pods by their addresses"},
	{in: "activator/hold", never: []string{"std", "net/http", module + "/..."}, why: "a queue does not know what waits"},
	{in: "activator/...", never: []string{module + "/apis/...", module + "/expand/...", module + "/executor/...", module + "/local/...", module + "/operator/..."}, why: "who keeps requests knows neither deployments nor who scales them"},
	{in: "rule", never: []string{"k8s.io/...", "sigs.k8s.io/...", module + "/apis/...", module + "/executor/...", module + "/operator/..."}, why: "a language knows neither who checks it nor who asks"},
	{in: "expand", direct: true, never: []string{"context", "os", "time", "net", "net/http", "math/rand", "math/rand/v2", "crypto/rand", "sigs.k8s.io/controller-runtime/..."}, why: "desired state is a value made by a pure function"},
	{in: "operator/...", never: []string{module + "/executor/..."}, except: []string{module + "/executor/wire/http1", module + "/executor/wire/socket"}, why: "operator and executor meet in ENGINE_PREDICTOR only; the laptop's gateway reads requests as the executor does"},
	{in: "expand/...", never: []string{module + "/executor/...", module + "/operator/...", module + "/local/...", "k8s.io/client-go/..."}, why: "what is desired does not depend on who applies it"},
	{in: "train", direct: true, never: []string{"context", "os", "time", "net", "net/http", "math/rand", "math/rand/v2", "crypto/rand"}, why: "what a job stands for is a value made by a pure function"},
	{in: "train/...", never: []string{module + "/executor/...", module + "/operator/...", module + "/local/...", "k8s.io/client-go/...", "sigs.k8s.io/controller-runtime/..."}, why: "what a job stands for does not depend on who applies it"},
	{in: "local/...", never: []string{module + "/executor/..."}, except: []string{module + "/executor/wire/http1", module + "/executor/wire/socket"}, why: "a laptop starts the executor's program, and reads requests as that does"},
	{in: "operator/controller", direct: true, never: []string{"os", "os/exec"}, why: "the controller knows the API server alone"},
	{in: "operator/controller", never: []string{module + "/local/...", module + "/operator/cli"}, why: "the controller knows neither processes nor commands"},
	{in: "operator/report", never: []string{"k8s.io/...", "sigs.k8s.io/...", module + "/apis/...", module + "/expand", module + "/operator/..."}, why: "what is said does not depend on of what"},
	{in: "operator/events", never: []string{module + "/apis/...", module + "/expand", module + "/operator/..."}, why: "what is told does not depend on of what"},
	{in: "operator/training", direct: true, never: []string{"os", "os/exec"}, why: "jobs run by the API server alone"},
	{in: "operator/training", never: []string{module + "/local/...", module + "/operator/cli", module + "/operator/controller"}, why: "jobs know nothing of deployments"},
	{in: "operator/scaler", direct: true, never: []string{"os", "os/exec"}, why: "pods are scaled by the API server alone"},
	{in: "operator/scaler", never: []string{module + "/local/...", module + "/operator/cli", module + "/operator/controller"}, why: "who scales knows Deployments, not what they are made of"},
	{in: "scrape", never: []string{"k8s.io/...", "sigs.k8s.io/...", module + "/apis/...", module + "/executor/...", module + "/operator/...", module + "/scaling", module + "/discovery"}, why: "who asks programs does not know what they say"},
	{in: "operator/versions", never: []string{"k8s.io/client-go/...", "sigs.k8s.io/controller-runtime/...", module + "/operator/..."}, why: "who asks pods is told where they are"},
	{in: "operator/reach", never: []string{"k8s.io/client-go/...", "sigs.k8s.io/controller-runtime/...", module + "/operator/..."}, why: "who asks from outside does not look inside"},
	{in: "operator/webhook", never: []string{module + "/operator/controller", module + "/operator/cli", module + "/expand", module + "/local/..."}, why: "a review asks for the rules alone"},
	{in: "operator/diff", never: []string{module + "/local/...", module + "/operator/cli", module + "/operator/webhook"}, why: "a comparison asks the API server"},
	{in: "local/...", never: []string{module + "/operator/..."}, why: "what runs here does not depend on the command that asks for it"},
	{in: "local/...", never: []string{"k8s.io/client-go/...", "sigs.k8s.io/controller-runtime/..."}, why: "the laptop has no API server"},
	{in: "local/gateway", never: []string{"os/exec", module + "/expand/...", module + "/storage/...", module + "/local/process", module + "/local/runtime"}, why: "a gateway knows addresses and weights, not what listens there"},
	{in: "local/runtime", never: []string{module + "/apis/...", module + "/expand/...", module + "/storage/...", module + "/local/gateway"}, why: "how a container runs does not depend on whose it is"},
	{in: "local/runtime", direct: true, never: []string{"net", "net/http"}, why: "how a container runs does not depend on who asks it"},
	{in: "local/process", never: []string{module + "/apis/...", module + "/expand/...", module + "/graph", module + "/manifests", module + "/storage/...", module + "/local/gateway", module + "/local/runtime", "net/http/httputil"}, why: "a process is started and asked, whatever it serves"},
	{in: "storage/transfer", never: []string{"github.com/aws/...", "github.com/Azure/...", "golang.org/x/oauth2/...", "oras.land/...", "net/http", module + "/storage/access"}, why: "the engine knows no store"},
	{in: "storage/...", never: []string{module + "/graph", module + "/apis/...", module + "/operator/...", module + "/executor/..."}, why: "storage knows URIs and files"},
}

type pkg struct {
	path           string
	imports, deps  []string
	standard, mine bool
}

// list runs go list over the module and its dependencies, tests left out.
func list(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f",
		`{{.ImportPath}}|{{.Standard}}|{{join .Imports " "}}|{{join .Deps " "}}`, "./...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	pkgs := map[string]pkg{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), "|")
		path := fields[0]
		pkgs[path] = pkg{
			path:     path,
			standard: fields[1] == "true",
			mine:     path == module || strings.HasPrefix(path, module+"/"),
			imports:  strings.Fields(fields[2]),
			deps:     strings.Fields(fields[3]),
		}
	}
	return pkgs
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// match reports whether path is pattern or lies in its tree.
func match(pattern, path string) bool {
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == tree || strings.HasPrefix(path, tree+"/")
	}
	return path == pattern
}

func TestImportArrows(t *testing.T) {
	pkgs := list(t)
	for _, r := range rules {
		found := false
		for _, p := range pkgs {
			if !p.mine || !match(module+"/"+r.in, p.path) {
				continue
			}
			found = true
			imports := p.deps
			if r.direct {
				imports = p.imports
			}
			for _, dep := range imports {
				if forbidden(pkgs, r, dep) {
					t.Errorf("%s depends on %s: %s", p.path, dep, r.why)
				}
			}
		}
		if !found {
			t.Errorf("rule for %s matches no package", r.in)
		}
	}
}

// TestNoPackageImportsItsParent: a room knows what it is given, not the house
// that it stands in. A folder with nothing but a program has no name that others
// could import.
func TestNoPackageImportsItsParent(t *testing.T) {
	pkgs := list(t)
	for _, p := range pkgs {
		if !p.mine {
			continue
		}
		for _, dep := range p.imports {
			if pkgs[dep].mine && strings.HasPrefix(p.path, dep+"/") {
				t.Errorf("%s imports its parent %s", p.path, dep)
			}
		}
	}
}

func forbidden(pkgs map[string]pkg, r rule, dep string) bool {
	if slices.ContainsFunc(r.except, func(allowed string) bool { return match(allowed, dep) }) {
		return false
	}
	return slices.ContainsFunc(r.never, func(never string) bool {
		if never == "std" {
			return !pkgs[dep].standard
		}
		return match(never, dep)
	})
}
