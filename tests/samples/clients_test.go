package samples

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/prime-radiant/radiant/tests/kit/pages"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// clients runs what docs/clients.md tells for a deployment of the Seldon protocol,
// as it stands there but for the port, against the one that getting started has
// left: curl, grpcurl, requests, SeldonClient and the batch processor.
func (w *walker) clients() {
	page, err := os.ReadFile(filepath.Join(w.tree, "docs", "clients.md"))
	w.must(err)
	w.must(os.WriteFile(filepath.Join(w.tree, "in.jsonl"), []byte("[[5.1, 3.5, 1.4, 0.2]]\n[[6.7, 3.0, 5.2, 2.3]]\n"), 0o600))
	python := filepath.Dir(tools.Path(w.t, "peers-wrapper"))
	path := strings.Join([]string{python, filepath.Dir(tools.Path(w.t, "grpcurl")), os.Getenv("PATH")}, string(os.PathListSeparator))
	w.environ = append(os.Environ(), "PATH="+path)
	ran := 0
	for _, fence := range pages.Fences(string(page)) {
		command := strings.ReplaceAll(strings.TrimSpace(fence.Text), "localhost:8003", w.address)
		switch {
		case fence.Language == "python" && !strings.Contains(command, "triton"): // tests/peers runs that client.
			command = "python - <<'END'\n" + command + "\nEND"
		case fence.Language != "":
			continue
		}
		ran++
		if out := w.run(command); strings.Contains(out, "FAILURE") {
			w.t.Errorf("%s\n%s", command, out)
		}
	}
	if ran != 5 {
		w.t.Errorf("%d commands of docs/clients.md were run, want those of five clients", ran)
	}
	out, err := os.ReadFile(filepath.Join(w.tree, "out.jsonl"))
	if err != nil || strings.Count(string(out), `"ndarray"`)+strings.Count(string(out), `"tensor"`) != 2 {
		w.t.Errorf("the batch processor wrote %q (%v), want two answers", out, err)
	}
}
