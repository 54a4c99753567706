package samples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/programs"
)

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
