package samples

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// startTimeout bounds the start of a deployment: the first one on a machine
// downloads the model servers.
const startTimeout = 10 * time.Minute

// serve runs a case by radiant local: see [serveBy].
func serve(t *testing.T, bin, folder string, c cases.Case) (address string, printed func() string) {
	t.Helper()
	args := []string{"local"}
	for _, file := range c.Files {
		args = append(args, "-f", file)
	}
	for _, e := range c.Exec {
		args = append(args, "--exec", e)
	}
	return serveBy(t, folder, filepath.Join(bin, "radiant"), args...)
}

// serveBy runs a program with the arguments of radiant local until the test ends,
// waits until each predictor is ready and how to ask is printed, and returns the
// gateway's address and all that is printed. At the end the program is stopped as
// a user does it, and has to leave with success.
func serveBy(t *testing.T, folder, program string, args ...string) (address string, printed func() string) {
	t.Helper()
	address, printed, _ = serveUntil(t, ready, folder, program, args...)
	return address, printed
}

// serveUntil is [serveBy] with another sign of being ready, and returns the program's
// process as well.
func serveUntil(t *testing.T, ready func(address string) error, folder, program string, args ...string) (address string, printed func() string, pid int) {
	t.Helper()
	free := programs.FreePort(t)
	args = append(slices.Clone(args), "--port", fmt.Sprint(free))
	var output programs.Output
	cmd := exec.Command(program, args...)
	cmd.Dir = folder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s %s printed:\n%s", program, strings.Join(args, " "), output.String())
		}
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case err := <-ended:
			if err != nil && !t.Failed() {
				t.Errorf("radiant local ended with %v:\n%s", err, output.String())
			}
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			t.Errorf("radiant local did not end within a minute of an interrupt:\n%s", output.String())
		}
	})
	address = fmt.Sprintf("localhost:%d", free)
	deadline := time.Now().Add(startTimeout)
	for {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("radiant local ended before it was ready: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
		err := ready(address)
		if err == nil && strings.Contains(output.String(), "Press Ctrl-C to stop.") {
			return address, output.String, cmd.Process.Pid
		}
		if time.Now().After(deadline) {
			t.Fatalf("not ready: %v", err)
		}
	}
}

// deployment is what the gateway says of one.
type deployment struct {
	Name, Protocol, Path string
	Predictors           []struct {
		Name          string
		Ready, Shadow bool
	}
}

// served asks the gateway what it serves.
func served(address string) ([]deployment, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) // The machine may be busy.
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var index struct{ Deployments []deployment }
	if err := json.NewDecoder(resp.Body).Decode(&index); err != nil {
		return nil, err
	}
	return index.Deployments, nil
}

// ready asks the gateway whether each predictor is.
func ready(address string) error {
	deployments, err := served(address)
	if err != nil {
		return err
	}
	if len(deployments) == 0 {
		return errors.New("nothing is served yet")
	}
	for _, d := range deployments {
		for _, p := range d.Predictors {
			if !p.Ready {
				return fmt.Errorf("predictor %s of %s is not ready", p.Name, d.Name)
			}
		}
	}
	return nil
}
