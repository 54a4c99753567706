// Package openapi checks the document about a running deployment with an
// independent validator, and its examples by sending them; its own tests look
// at the page as a user does, in a browser.
package openapi

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/source"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// Document is the path at which an executor of a protocol has its document.
func Document(protocol string) string {
	return map[string]string{
		"seldon": "/api/v1.0/doc/seldon.json", "tensorflow": "/v1/docs/tensorflow.json", "v2": "/v2/docs/dataplane.json",
	}[protocol]
}

const checkTimeout = 2 * time.Minute

// Check fails the test if a document, given by the address of its JSON, is not
// valid or does not say what happens.
func Check(t *testing.T, documents ...string) {
	t.Helper()
	python, script := tools.Path(t, "openapi-check"), source.Path("tests", "kit", "openapi", "check.py")
	ctx, cancel := context.WithTimeout(t.Context(), checkTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, append([]string{"-B", script}, documents...)...)
	cmd.Env = append(os.Environ(), "PYTHONNOUSERSITE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
		return
	}
	t.Logf("%s", out)
}
