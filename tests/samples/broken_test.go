package samples

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// TestBentoThatDoesNotStart: BentoML starts a service whose constructor fails again and
// again, and says it in its own log alone. radiant local says what it says of every
// server that ends.
func TestBentoThatDoesNotStart(t *testing.T) {
	t.Parallel()
	bin, folder := programs.Build(t), t.TempDir()
	for name, text := range map[string]string{
		"deployment.yaml": `apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: broken}
spec:
  predictors:
  - name: default
    graph: {name: irises, implementation: BENTOML_SERVER, modelUri: ./bento}
`,
		"bento/bento.yaml": `service: service:Irises
name: irises
version: '1'
bentoml_version: 1.4.39
creation_time: '2026-01-01T00:00:00+00:00'
entry_service: Irises
services: [{name: Irises, service: ''}]
`,
		"bento/src/service.py": `import bentoml


@bentoml.service
class Irises:
    def __init__(self):
        raise RuntimeError("the weights are of another size")

    @bentoml.api
    def classify(self, width: float) -> str:
        return "setosa"
`,
	} {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	untilSaid(t, bin, folder, "deployment.yaml",
		"irises: it ended: exit code 1; CrashLoopBackOff: starting again in ",
		"): it ended: exit code 1: RuntimeError: the weights are of another size\n") // What it waits for.
}
