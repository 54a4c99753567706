package samples

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/pages"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// TestDeploymentsOnPages: each whole SeldonDeployment on a page is valid.
func TestDeploymentsOnPages(t *testing.T) {
	t.Parallel()
	radiant := filepath.Join(programs.Build(t), "radiant")
	home := t.TempDir()
	// The model that pages name.
	if err := os.Mkdir(filepath.Join(home, "flowers"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "flowers", "model.joblib"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range all {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, fence := range pages.Fences(string(text)) {
			if fence.Language != "yaml" || !strings.Contains(fence.Text, "kind: SeldonDeployment") {
				continue
			}
			found++
			check := exec.CommandContext(t.Context(), radiant, "validate", "-")
			check.Dir, check.Stdin = home, strings.NewReader(fence.Text)
			if out, err := check.CombinedOutput(); err != nil || strings.Contains(string(out), "warning:") {
				t.Errorf("%s: %v\n%s\n%s", page, err, fence.Text, out)
			}
		}
	}
	if found < 5 {
		t.Errorf("pages have %d whole deployments, want those of getting-started.md and batching.md at least", found)
	}
}
