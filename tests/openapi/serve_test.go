package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// startTimeout bounds the start of the model servers, which the first run on a
// machine downloads.
const startTimeout = 10 * time.Minute

// serve lets radiant local serve deployments of the MNIST sample until the
// test ends, and returns the gateway's address once all are ready, and what it
// printed until then.
func serve(t *testing.T, files ...string) (address string, output *lockedBuffer) {
	t.Helper()
	address = fmt.Sprintf("localhost:%d", programs.FreePort(t))
	args := []string{"local", "--port", address[len("localhost:"):]}
	for _, f := range files {
		args = append(args, "-f", f)
	}
	output = &lockedBuffer{}
	cmd := exec.Command(filepath.Join(programs.Build(t), "radiant"), args...)
	cmd.Dir = "../../samples/mnist"
	cmd.Stdout, cmd.Stderr = output, output
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("radiant local printed:\n%s", output.text())
		}
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			t.Error("radiant local did not end within a minute of an interrupt")
		}
	})
	for deadline := time.Now().Add(startTimeout); ; {
		if ready(address, len(files)) && strings.Contains(output.text(), "Press Ctrl-C") {
			return address, output
		}
		select {
		case <-ended:
			t.Fatal("radiant local ended before it was ready")
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("the deployments are not ready")
		}
	}
}

// ready asks the gateway whether so many deployments are.
func ready(address string, want int) bool {
	resp, err := http.Get("http://" + address + "/")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var index struct {
		Deployments []struct{ Predictors []struct{ Ready bool } }
	}
	if json.NewDecoder(resp.Body).Decode(&index) != nil {
		return false
	}
	for _, d := range index.Deployments {
		for _, p := range d.Predictors {
			if !p.Ready {
				return false
			}
		}
	}
	return len(index.Deployments) == want
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type object = map[string]any
