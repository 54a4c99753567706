package programs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/source"
)

// installTimeout bounds the first run on a machine, which downloads the real
// TensorFlow.
const installTimeout = 10 * time.Minute

// Python lets radiant local, which [Build] made in dir, serve the digits once,
// since this installs TensorFlow and what goes with it, and with them a model of
// ONNX, and returns that environment's Python.
func Python(t *testing.T, dir string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), installTimeout)
	defer cancel()
	port := FreePort(t)
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "radiant"), "local", "--port", fmt.Sprint(port), "-f", source.Path("samples", "mnist", "mnist.yaml"),
		"-f", source.Path("samples", "tumours-onnx", "tumours-onnx.yaml"))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err := answered(ctx, ended, fmt.Sprintf("http://localhost:%d/seldon/default/mnist/api/v1.0/predictions", port))
	cancel()
	if err != nil {
		t.Fatalf("serving the digits: %v; radiant local printed:\n%s", err, output.String())
	}
	<-ended
	return filepath.Join(cacheDir(t), "radiant", "python", "bin", "python")
}

// answered waits until the request of the sample is answered. It takes what
// ended has to say, and puts it back.
func answered(ctx context.Context, ended chan error, url string) error {
	body, err := os.ReadFile(source.Path("samples", "mnist", "request.json"))
	if err != nil {
		return err
	}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-ended:
			ended <- err
			return errors.Join(errors.New("it ended"), err)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), <-ended)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// cacheDir is where radiant keeps what it installs.
func cacheDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(home, ".cache")
}
