// Package localtest has what the tests of package local and its rooms share:
// the test program as another program, an output that a test waits on, and
// processes by their ids.
package localtest

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// ActVariable makes a test program act as another one, so that tests run real
// processes. Its value is a name that [RunAct] knows.
const ActVariable = "RADIANT_TEST_ACT"

// RunAct is called first in a TestMain. Where the environment asks for an act
// it runs it with the program's arguments and exits with its result.
func RunAct(acts map[string]func(args []string) int) {
	name := os.Getenv(ActVariable) //nolint:forbidigo // A test program has no flags of its own.
	if name == "" {
		return
	}
	act, ok := acts[name]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such act:", name)
		os.Exit(64) //nolint:forbidigo // It stands for the program's main.
	}
	os.Exit(act(os.Args[1:])) //nolint:forbidigo // It stands for the program's main.
}

// Screen is an output that a test can wait on.
type Screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

// NewScreen returns an empty screen.
func NewScreen() *Screen { return &Screen{changed: make(chan struct{})} }

// Write implements io.Writer.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	close(s.changed)
	s.changed = make(chan struct{})
	return len(p), nil
}

// String is everything that was written so far.
func (s *Screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Patience bounds every wait in these tests; it is reached by failures only.
const Patience = 60 * time.Second

// Await returns the text once it contains all of the given parts.
func (s *Screen) Await(t *testing.T, parts ...string) string {
	t.Helper()
	deadline := time.After(Patience)
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
			t.Fatalf("%q was not printed in %v:\n%s", missing, Patience, text)
		}
	}
}

// Eventually waits until ok is true.
func Eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in %v: %s", Patience, what)
		}
	}
}

// Alive reports whether a process exists and is not a zombie.
func Alive(pid int) bool {
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

// PIDs reads the lines "pid N" of a text.
func PIDs(text string) []int {
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
