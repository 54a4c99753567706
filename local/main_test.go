package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// actVariable makes the test program act as a model server, so that tests run
// real processes. Its value is one of acts.
const actVariable = "RADIANT_TEST_ACT"

func TestMain(m *testing.M) {
	if name := os.Getenv(actVariable); name != "" {
		act, ok := acts[name]
		if !ok {
			fmt.Fprintln(os.Stderr, "no such act:", name)
			os.Exit(64)
		}
		os.Exit(act(os.Args[1:]))
	}
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// acts are what the test program can be; the result is the exit code.
var acts = map[string]func(args []string) int{
	"model":    actModel,
	"abrupt":   actAbrupt,
	"die":      actDie,
	"stubborn": actStubborn,
	"guardian": actGuardian,
}

// actModel answers over REST on the port of the environment, with the first
// argument in its answers, until SIGTERM.
func actModel(args []string) int {
	name := "model"
	if len(args) > 0 {
		name = args[0]
	}
	var unready sync.Map
	mux := http.NewServeMux()
	mux.HandleFunc("/predict", func(w http.ResponseWriter, r *http.Request) {
		if d, err := time.ParseDuration(r.URL.Query().Get("sleep")); err == nil {
			time.Sleep(d)
		}
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"data":{"names":[%q],"ndarray":[[%d]]}}`, name, os.Getpid())
	})
	mux.HandleFunc("/env", func(w http.ResponseWriter, r *http.Request) {
		dir, _ := os.Getwd()
		json.NewEncoder(w).Encode(map[string]any{"env": os.Environ(), "args": args, "dir": dir})
	})
	mux.HandleFunc("/unready", func(w http.ResponseWriter, r *http.Request) { unready.Store("x", true) })
	mux.HandleFunc("/ready", func(w http.ResponseWriter, r *http.Request) {
		if _, no := unready.Load("x"); no {
			http.Error(w, "not now", http.StatusServiceUnavailable)
		}
	})
	l, err := net.Listen("tcp", ":"+os.Getenv("PREDICTIVE_UNIT_HTTP_SERVICE_PORT"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(name, "listens")
	server := &http.Server{Handler: mux}
	stopped := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		defer close(stopped)
		<-signals
		server.Shutdown(context.Background())
	}()
	server.Serve(l)
	<-stopped
	fmt.Println(name, "stops")
	return 0
}

// actAbrupt is actModel without a heart for the requests that it works on
// when it is asked to stop.
func actAbrupt(args []string) int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() { <-signals; os.Exit(0) }()
	return actModel(args)
}

func actDie([]string) int {
	fmt.Fprintln(os.Stderr, "loading the model")
	fmt.Fprintln(os.Stderr, "OSError: model.joblib is damaged")
	return 3
}

// actStubborn ignores SIGTERM and has a child that does so too; it prints both
// ids.
func actStubborn(args []string) int {
	signal.Ignore(syscall.SIGTERM)
	if len(args) == 0 {
		child := exec.Command(os.Args[0], "child")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			return 1
		}
	}
	fmt.Println("pid", os.Getpid())
	time.Sleep(time.Minute)
	return 0
}

// actGuardian starts a process with a child as radiant does, says when the
// start is over, and waits to be killed.
func actGuardian([]string) int {
	s := newSpawner()
	if _, err := s.start(command{Program: "/bin/sh", Args: []string{"-c", "sleep 600 & echo pid $!; echo pid $$; wait"}, Env: os.Environ()}, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("started")
	time.Sleep(time.Minute)
	return 0
}

// actCommand is the command of an act.
func actCommand(name string, args ...string) command {
	return command{Program: os.Args[0], Args: args, Env: append(os.Environ(), actVariable+"="+name)}
}

// execAct is the same as the value of --exec.
func execAct(name string, args ...string) string {
	return strings.Join(append([]string{actVariable + "=" + name, "exec", os.Args[0]}, args...), " ")
}

// built are the programs beside radiant, built once when a test needs them.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// programs returns the folder of executor and storage-initializer.
func programs(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "radiant-programs"); built.err != nil {
			return
		}
		for name, from := range map[string]string{"executor": "executor", "storage-initializer": "initializer"} {
			cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(built.dir, name), "./"+from)
			cmd.Dir = ".."
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				built.err = fmt.Errorf("building %s: %w\n%s", name, err, out)
				return
			}
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.dir
}

// screen is an output that a test can wait on.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newScreen() *screen { return &screen{changed: make(chan struct{})} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	close(s.changed)
	s.changed = make(chan struct{})
	return len(p), nil
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// patience bounds every wait in these tests; it is reached by failures only.
const patience = 60 * time.Second

// await returns the text once it contains all of the given parts.
func (s *screen) await(t *testing.T, parts ...string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		text, changed := s.text.String(), s.changed
		s.mu.Unlock()
		missing := ""
		for _, part := range parts {
			if !strings.Contains(text, part) {
				missing = part
			}
		}
		if missing == "" {
			return text
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%q was not printed in %v:\n%s", missing, patience, text)
		}
	}
}

// eventually waits until ok is true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in %v: %s", patience, what)
		}
	}
}

// alive reports whether a process exists and is not a zombie.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return syscall.Kill(pid, 0) == nil
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// pids reads the lines "pid N" of a text.
func pids(text string) []int {
	var list []int
	for _, line := range strings.Split(text, "\n") {
		if _, number, ok := strings.Cut(line, "pid "); ok {
			if n, err := strconv.Atoi(strings.TrimSpace(number)); err == nil {
				list = append(list, n)
			}
		}
	}
	return list
}

// quick is a pace for tests.
func quick() pace {
	return pace{poll: 10 * time.Millisecond, firstPause: 20 * time.Millisecond, longestPause: 100 * time.Millisecond, calm: time.Minute, hook: 10 * time.Second, waiting: time.Hour}
}
