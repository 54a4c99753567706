package samples

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// shell runs lines as a person pastes them: curl tells the status of the answer,
// and grpcurl is there.
func shell(t *testing.T) func(line string) (string, error) {
	t.Helper()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".curlrc"), []byte("write-out = \"\\n%{http_code}\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := append(os.Environ(), "CURL_HOME="+home, "PATH="+filepath.Dir(tools.Path(t, "grpcurl"))+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func(line string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
		cmd.Env, cmd.Dir = environ, t.TempDir()
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

// runPrinted runs each line that radiant local printed for its deployments,
// unchanged and in another folder, and wants answers without an error.
func runPrinted(t *testing.T, output string) {
	t.Helper()
	run := shell(t)
	lines := 0
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		isCurl := strings.HasPrefix(line, "curl ")
		if !isCurl && !strings.HasPrefix(line, "grpcurl ") {
			continue
		}
		lines++
		out, err := run(line)
		if err == nil && isCurl && !strings.HasSuffix(out, "\n200") {
			err = fmt.Errorf("the status is not 200")
		}
		if err != nil {
			t.Errorf("%s\n%v: %s", line, err, out)
		}
	}
	if lines == 0 {
		t.Errorf("no line was printed to ask with")
	}
}
