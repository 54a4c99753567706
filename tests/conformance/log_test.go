package conformance

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// unheard is an executor whose standard error goes to log. Every request is logged,
// and so makes a line. Lines of failures alone would be too few.
type unheard struct {
	command *exec.Cmd
	rest    string
}

func startUnheard(t *testing.T, log *os.File, answer stub.Answer) (*unheard, *stub.Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	cs := components{}
	g := Node{Name: "a", Type: graph.Model}.build(t, "seldon", cs)
	cs["a"].On("/predict", answer)
	launch := launchOf(t, "seldon", g, "--access_log")
	launch.HTTPPort = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	launch.Args = launch.arguments()
	c := command(launch)
	c.Stderr = log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	u := &unheard{c, l.Addr().String()}
	for range 400 {
		if _, _, err := get(soon(t), "http://"+u.rest+"/live"); err == nil {
			return u, cs["a"]
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatal("the executor does not answer")
	return nil, nil
}

// ask sends requests, each of which is answered soon.
func (u *unheard) ask(t *testing.T, n int) {
	t.Helper()
	client := http.Client{Timeout: time.Minute}
	for range n {
		answer, err := client.Post("http://"+u.rest+"/api/v1.0/predictions", "application/json", strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
}

// ends sends a signal and returns how long the process then took to end, and
// how it did.
func (u *unheard) ends(t *testing.T, signals ...os.Signal) (time.Duration, *os.ProcessState) {
	t.Helper()
	start := time.Now()
	for i, s := range signals {
		if i > 0 {
			time.Sleep(200 * time.Millisecond)
		}
		if err := u.command.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() { _ = u.command.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(12 * time.Second):
		t.Fatal("it did not end")
	}
	return time.Since(start), u.command.ProcessState
}

var refuses = stub.Answer{Status: http.StatusInternalServerError, Body: []byte(strings.Repeat("no ", 300))}

// TestDeadLog runs the executor with a log that nobody reads, that is closed,
// and that was never there.
func TestDeadLog(t *testing.T) {
	t.Run("blocked", func(t *testing.T) {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = reader.Close(); _ = writer.Close() }()
		u, _ := startUnheard(t, writer, refuses)
		u.ask(t, 6000)
		text, _, err := get(soon(t), "http://"+u.rest+"/metrics")
		if err != nil {
			t.Fatal(err)
		}
		dropped := 0.0
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "radiant_executor_log_lines_dropped_total{") {
				dropped, _ = strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 64)
			}
		}
		if dropped == 0 {
			t.Error("no line was counted as dropped")
		}
		if took, state := u.ends(t, syscall.SIGTERM); state.ExitCode() != 0 || took > 6*time.Second {
			t.Errorf("it ended after %v with %v", took, state)
		}
	})
	t.Run("closed", func(t *testing.T) {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		u, _ := startUnheard(t, writer, refuses)
		_ = writer.Close()
		_ = reader.Close()
		u.ask(t, 200)
		if _, state := u.ends(t, syscall.SIGTERM); state.ExitCode() != 0 {
			t.Errorf("it ended with %v", state)
		}
	})
	t.Run("full", func(t *testing.T) {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if errors.Is(err, os.ErrNotExist) {
			t.Skip("there is no /dev/full")
		} else if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = full.Close() }()
		u, _ := startUnheard(t, full, refuses)
		u.ask(t, 200)
		if _, state := u.ends(t, syscall.SIGTERM); state.ExitCode() != 0 {
			t.Errorf("it ended with %v", state)
		}
	})
}

// TestSignals checks what ends the executor, and how soon.
func TestSignals(t *testing.T) {
	for name, c := range map[string]struct {
		signals []os.Signal
		drains  bool
	}{
		"a terminal that goes away": {[]os.Signal{syscall.SIGHUP}, true},
		"once":                      {[]os.Signal{syscall.SIGTERM}, true},
		"twice":                     {[]os.Signal{syscall.SIGTERM, syscall.SIGTERM}, false},
		"by two":                    {[]os.Signal{syscall.SIGHUP, syscall.SIGTERM}, false},
	} {
		t.Run(name, func(t *testing.T) {
			u, component := startUnheard(t, nil, stub.Answer{})
			release := make(chan struct{})
			component.Before(func(stub.Call) (stub.Answer, bool) { <-release; return stub.Answer{Body: []byte(`{}`)}, true })
			answered := make(chan error, 1)
			go func() {
				_, _, err := post(soon(t), "http://"+u.rest+"/api/v1.0/predictions", "application/json", []byte(`{}`))
				answered <- err
			}()
			if _, err := component.Await(soon(t), 1); err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(2*time.Second, func() { close(release) })
			took, state := u.ends(t, c.signals...)
			err := <-answered
			if c.drains && (err != nil || state.ExitCode() != 0) {
				t.Errorf("the request in flight: %v; it ended with %v", err, state)
			}
			if !c.drains && (err == nil || state.ExitCode() != 1 || took > 1500*time.Millisecond) {
				t.Errorf("it ended after %v with %v, the request in flight: %v", took, state, err)
			}
		})
	}
}
