package crossed

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// slow is a model that takes a second, and tells by a file that it works.
const slow = `
import pathlib, time
class Slow:
    def predict(self, rows):
        pathlib.Path("works").touch()
        time.sleep(1)
        return rows * 2
`

// TestMLServerFinishesWhatItWorksOn when it is told to stop, in the environment
// that servers.yaml gives it.
func TestMLServerFinishesWhatItWorksOn(t *testing.T) {
	binaries := filepath.Dir(tools.Path(t, "crossed-servers"))
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "slow.py"), []byte(slow), 0o600); err != nil {
		t.Fatal(err)
	}
	dump := exec.CommandContext(t.Context(), filepath.Join(binaries, "python"), "-c",
		"import joblib, slow; joblib.dump(slow.Slow(), 'model.joblib')")
	dump.Dir = folder
	if out, err := dump.CombinedOutput(); err != nil {
		t.Fatalf("making the model: %v\n%s", err, out)
	}
	s, stop := serveAsPrepackaged(t, "SKLEARN_SERVER", filepath.Join(binaries, "mlserver"), folder)
	const requests = 4 // One is at work, the others wait for it.
	answered := make(chan error, requests)
	for range requests {
		go func() { answered <- ask(s) }()
	}
	for end := time.Now().Add(startTimeout); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(folder, "works")); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the model was not asked")
		}
	}
	time.Sleep(200 * time.Millisecond) // The others have come by then.
	stop()
	for range requests {
		if err := <-answered; err != nil {
			t.Error(err)
		}
	}
}

// serveAsPrepackaged starts MLServer as a node of this implementation runs it, and
// returns what tells it to stop.
func serveAsPrepackaged(t *testing.T, implementation, program, folder string) (server, func()) {
	t.Helper()
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := server{programs.FreePort(t), programs.FreePort(t)}
	values := strings.NewReplacer("{httpPort}", fmt.Sprint(s.http), "{grpcPort}", fmt.Sprint(s.grpc), "{model}", "m", "{modelDir}", folder)
	cmd := exec.Command(program, "start", folder)
	cmd.Dir = folder
	cmd.WaitDelay = 10 * time.Second // What it has started may hold its output.
	cmd.Env = append(os.Environ(), "PYTHONPATH="+folder, "MLSERVER_HOST=127.0.0.1", fmt.Sprintf("MLSERVER_METRICS_PORT=%d", programs.FreePort(t)))
	for _, e := range servers.Servers[implementation].Env {
		cmd.Env = append(cmd.Env, e.Name+"="+values.Replace(e.Value))
	}
	var output programs.Output
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // It has ended, unless something went wrong.
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("MLServer printed:\n%s", output.String())
		}
	})
	await(t, fmt.Sprintf("http://127.0.0.1:%d/v2/health/ready", s.http))
	return s, func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
}

func ask(s server) error {
	const question = `{"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [21]}]}`
	resp, err := (&http.Client{Timeout: time.Minute}).Post(fmt.Sprintf("http://127.0.0.1:%d/v2/models/m/infer", s.http), "application/json", strings.NewReader(question))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !bytes.Contains(text, []byte("42"))) {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return err
}
