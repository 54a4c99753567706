// Package openapi checks the document about a running deployment with an
// independent validator, and its examples by sending them; its own tests look
// at the page as a user does, in a browser.
package openapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
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

const checkTimeout = 10 * time.Minute

// checker is the validator, which one process is for all checks of a test program: its
// imports take most of the time. It ends with the program, whose pipe closes.
type checker struct {
	mu    sync.Mutex
	ask   io.Writer
	lines chan string
}

var running = sync.OnceValues(func() (*checker, error) {
	paths, err := tools.Paths(context.Background(), "openapi-check")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(paths[0], "-B", source.Path("tests", "kit", "openapi", "check.py"))
	cmd.Env = append(os.Environ(), "PYTHONNOUSERSITE=1")
	ask, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &checker{ask: ask, lines: make(chan string)}
	go func() {
		defer close(c.lines)
		for lines := bufio.NewScanner(said); lines.Scan(); {
			c.lines <- lines.Text()
		}
		_ = cmd.Wait()
	}()
	return c, nil
})

// Check fails the test if a document, given by the address of its JSON, is not
// valid or does not say what happens.
func Check(t *testing.T, documents ...string) {
	t.Helper()
	c, err := running()
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := fmt.Fprintln(c.ask, strings.Join(documents, " ")); err != nil {
		t.Fatal(err)
	}
	var found []string
	for late := time.After(checkTimeout); ; {
		select {
		case line, more := <-c.lines:
			switch {
			case line == "right":
				t.Log(strings.Join(found, "\n"))
				return
			case line == "wrong", !more:
				t.Errorf("%s", strings.Join(found, "\n"))
				return
			}
			found = append(found, line)
		case <-late:
			t.Fatalf("in %s there is no verdict, but %q", checkTimeout, found)
		}
	}
}
