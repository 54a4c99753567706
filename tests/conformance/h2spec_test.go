package conformance

import (
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// TestH2Spec has h2spec, which others wrote, judge how the gRPC listener speaks
// HTTP/2.
func TestH2Spec(t *testing.T) {
	h2spec := tools.Path(t, "h2spec")
	e, _ := launch(t, inProcess, "seldon", model("a", 1))
	host, port, err := net.SplitHostPort(e.GRPC)
	if err != nil {
		t.Fatal(err)
	}
	// Its own patience, 2 s, is too short for a machine that runs other tests.
	out, err := exec.CommandContext(t.Context(), h2spec, "--timeout", "30", "--host", host, "--port", port, "--path", seldon.Seldon_Predict_FullMethodName).CombinedOutput()
	counts := regexp.MustCompile(`(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed`).FindSubmatch(out)
	if err != nil || counts == nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if all, _ := strconv.Atoi(string(counts[1])); all < 145 || string(counts[2]) != string(counts[1]) {
		t.Errorf("%s\n%s", counts[0], out)
	}
}
