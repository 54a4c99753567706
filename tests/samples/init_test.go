package samples

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// TestInit: what radiant init writes for the models of samples is right, is
// served here, and answers to what is printed.
func TestInit(t *testing.T) {
	t.Parallel()
	bin, home := programs.Build(t), t.TempDir()
	var files []string
	for sample, server := range map[string]string{
		"iris-sklearn": "SKLEARN_SERVER", "iris-xgboost": "XGBOOST_SERVER", "iris-mlflow": "MLFLOW_SERVER", "mnist": "TENSORFLOW_SERVER",
		"tumours-onnx": "ONNX_SERVER", "iris-bento": "BENTOML_SERVER",
	} {
		if err := os.CopyFS(filepath.Join(home, sample, "model"), os.DirFS(filepath.Join("..", "..", "samples", sample, "model"))); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"init", sample}, {"validate", sample + ".yaml"}} {
			cmd := exec.Command(filepath.Join(bin, "radiant"), args...)
			cmd.Dir = home
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("radiant %s: %v\n%s", strings.Join(args, " "), err, out)
			}
			if args[0] == "init" && !strings.Contains(string(out), server+" serves "+sample+"/model/") {
				t.Errorf("radiant init %s says %s", sample, out)
			}
		}
		files = append(files, sample+".yaml")
	}
	_, output := serve(t, bin, home, cases.Case{Files: files})
	runPrinted(t, output())
}
