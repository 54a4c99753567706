package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/program"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// binary is the executor, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := programs.Folder("executor")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "executor")
	return m.Run()
}

// TestInProcess runs the executor inside the test, under its race detector.
func TestInProcess(t *testing.T) { Run(t, inProcess) }

// TestBinary runs the executor as it ships.
func TestBinary(t *testing.T) { Run(t, asBinary) }

func inProcess(t *testing.T, l Launch) Executor {
	t.Helper()
	env := func(name string) (string, bool) { v, ok := l.Env[name]; return v, ok }
	c, err := config.Load(l.arguments(), env, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	addresses := make(chan Executor, 1)
	ended := make(chan struct{})
	var result error
	go func() {
		result = program.Run(ctx, c, testLog{t}, func(rest, grpc string) { addresses <- Executor{REST: loopback(rest), GRPC: loopback(grpc)} })
		done <- result
		close(ended)
	}()
	t.Cleanup(func() { stop(); <-ended })
	select {
	case e := <-addresses:
		e.Stop = stop
		e.Wait = func() int {
			<-ended
			if result != nil {
				return 1
			}
			return 0
		}
		return e
	case err := <-done:
		t.Fatal(err)
	}
	return Executor{}
}

// testLog shows the executor's log with the test's.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	if alarming(string(p)) {
		l.t.Errorf("executor: %s", p)
	}
	return len(p), nil
}

// alarming tells whether a line must not be in a log.
func alarming(line string) bool {
	return strings.Contains(line, "panic") || strings.Contains(line, "goroutine ") || strings.Contains(line, secret)
}

func loopback(address string) string {
	return "127.0.0.1" + address[strings.LastIndexByte(address, ':'):]
}

func command(l Launch) *exec.Cmd {
	c := exec.Command(binary, l.Args...)
	c.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range l.Env {
		c.Env = append(c.Env, name+"="+value)
	}
	return c
}

func asBinary(t *testing.T, l Launch) Executor {
	t.Helper()
	e, _ := startBinary(t, l)
	return e
}

// startBinary returns the process's id as well.
func startBinary(t *testing.T, l Launch) (Executor, int) {
	t.Helper()
	l.Args = l.arguments()
	c := command(l)
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	var first struct{ REST, GRPC string }
	// Warnings come before what it listens on.
	for first.REST == "" && lines.Scan() && json.Unmarshal(lines.Bytes(), &first) == nil {
		if alarming(lines.Text()) {
			t.Errorf("executor: %s", lines.Text())
		}
	}
	if first.REST == "" {
		_ = c.Process.Kill()
		close(ended)
		t.Fatalf("executor: %s", lines.Text())
	}
	go func() {
		defer close(ended)
		for lines.Scan() {
			if alarming(lines.Text()) {
				t.Errorf("executor: %s", lines.Text())
			}
		}
		_ = c.Wait()
	}()
	return Executor{
		REST: loopback(first.REST), GRPC: loopback(first.GRPC),
		Stop: func() { _ = c.Process.Signal(syscall.SIGTERM) },
		Wait: func() int { <-ended; return c.ProcessState.ExitCode() },
	}, c.Process.Pid
}

// TestStartErrors checks what a user sees when the executor cannot start.
func TestStartErrors(t *testing.T) {
	taken, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	port := taken.Addr().String()[strings.LastIndexByte(taken.Addr().String(), ':')+1:]
	node := model("a", 1).build(t, "seldon", components{})
	unplaced, twice, odd := node, node, node
	unplaced.Endpoint = nil
	twice.Children = append(twice.Children, node)
	odd.Type = "MODELS"
	for name, c := range map[string]struct {
		launch Launch
		want   []string
	}{
		"port taken":       {launchOf(t, "seldon", node, "--http_port", port, "--grpc_port", "0"), []string{"listening for REST on port " + port, "address already in use"}},
		"gRPC port taken":  {launchOf(t, "seldon", node, "--http_port", "0", "--grpc_port", port), []string{"listening for gRPC on port " + port}},
		"protocol":         {launchOf(t, "thrift", node), []string{`protocol "thrift" is unknown: want seldon, tensorflow, v2, kfserving`}},
		"no endpoint":      {launchOf(t, "seldon", unplaced), []string{`node "a": is called, but has no endpoint.service_host`}},
		"duplicate node":   {launchOf(t, "seldon", twice), []string{`graph.children[0]: node "a": name is used by graph already`}},
		"unknown type":     {launchOf(t, "seldon", odd), []string{`type "MODELS" is unknown`}},
		"ratio":            {launchOf(t, "seldon", abTest(node, "half")), []string{`node "t": parameter ratioA is "half"`}},
		"nothing to serve": {Launch{}, []string{"set ENGINE_PREDICTOR or --file", "--sdep is missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := command(c.launch).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Fatalf("it ended with %v: %s", err, out)
			}
			for _, want := range c.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("it said\n%s\nand not %q", out, want)
				}
			}
		})
	}
}

func abTest(child graph.Node, ratio string) graph.Node {
	other := child
	other.Name = "b"
	return graph.Node{Name: "t", Implementation: "RANDOM_ABTEST", Children: []graph.Node{child, other},
		Parameters: []graph.Parameter{{Name: "ratioA", Value: ratio, Type: graph.FloatParameter}}}
}
