package samples

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/browser"
	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/openapi"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// TestModelsOfOnesOwn serves models that nobody prepared for this project, and
// runs what radiant local prints and what the page about each deployment
// executes, unchanged, on a desk and on a phone: what a model takes is known from
// its server, or from its files. Some deployments are written by radiant init.
func TestModelsOfOnesOwn(t *testing.T) {
	t.Parallel()
	bin := programs.Build(t)
	home := t.TempDir()
	if err := os.CopyFS(home, os.DirFS("own")); err != nil {
		t.Fatal(err)
	}
	train := exec.Command(programs.Python(t, "mlserver-sklearn", "mlserver-xgboost", "mlserver-mlflow", "tensorflow"), "train.py", home)
	train.Dir = home
	if out, err := train.CombinedOutput(); err != nil {
		t.Fatalf("making the models: %v\n%s", err, out)
	}
	files := []string{"own.yaml"}
	for name, args := range map[string][]string{"four": {"four"}, "people": {"people"}, "boosted": {"trees", "--name", "boosted"}} {
		write := exec.Command(filepath.Join(bin, "radiant"), append([]string{"init"}, args...)...)
		write.Dir = home
		if out, err := write.CombinedOutput(); err != nil {
			t.Fatalf("radiant init %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		files = append(files, name+".yaml")
	}
	wrapper := filepath.Join(filepath.Dir(tools.Path(t, "peers-wrapper")), "seldon-core-microservice")
	address, output := serve(t, bin, home, cases.Case{Files: files, Exec: []string{"wrapped=" + wrapper + " Wrapped"}})
	runPrinted(t, output())
	if guesses := strings.Count(output(), "this request is a guess"); guesses != 1 {
		t.Errorf("%d requests are guesses, want that of the component alone, which does not describe itself", guesses)
	}
	deployments, err := served(address)
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{"seldon": "api/v1.0/doc/", "tensorflow": "v1/docs/", "v2": "v2/docs/"}
	t.Run("pages", func(t *testing.T) {
		chromium := browser.Start(t)
		for _, d := range deployments {
			t.Run(d.Name, func(t *testing.T) {
				b := chromium.Open(t)
				openapi.Execute(t, b, "http://"+address+d.Path+pages[d.Protocol])
				for _, width := range []int{1280, 390} {
					b.Size(t, width, 900)
					openapi.Fits(t, b, width)
				}
			})
		}
	})
}
