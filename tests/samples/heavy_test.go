package samples

import (
	"archive/zip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// TestHeavySamplesRefuseWeights: what torch.save writes of a model has no program in it,
// and PYTORCH_SERVER says what to write instead.
func TestHeavySamplesRefuseWeights(t *testing.T) {
	long.Only(t)
	bin, folder := programs.Build(t), t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "scripted"), 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(folder, "scripted", "model.pt"))
	if err != nil {
		t.Fatal(err)
	}
	weights := zip.NewWriter(file)
	if _, err := weights.Create("model/data.pkl"); err != nil {
		t.Fatal(err)
	}
	if err := weights.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "samples", "digits-pytorch", "digits-torchscript.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "weights.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	untilSaid(t, bin, folder, "weights.yaml", "model.pt is no program: torch.save wrote weights")
}

// untilSaid runs radiant local until it has printed all of the texts.
func untilSaid(t *testing.T, bin, folder, file string, texts ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	var output programs.Output
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "radiant"), "local", file)
	cmd.Args = append(cmd.Args, "--port", fmt.Sprint(programs.FreePort(t)))
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &output, &output
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	missing := func(text string) bool { return !strings.Contains(output.String(), text) }
	for slices.ContainsFunc(texts, missing) && ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
	}
	cancel()
	_ = cmd.Wait()
	for _, text := range slices.DeleteFunc(texts, func(text string) bool { return !missing(text) }) {
		t.Errorf("missing %q in:\n%s", text, output.String())
	}
}
