package memory

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// limited is what the operator's `render` writes for the executor's container.
const limited = 512 << 20

// group is a control group that bounds memory.
type group struct {
	folder string
	// limit and kills are files in it; kills has a line that begins with word.
	limit, kills, word string
}

// newGroup makes a control group of version 1 or 2, or skips the test where
// that is not allowed.
func newGroup(t *testing.T) *group {
	t.Helper()
	name := "radiant-test-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	for _, g := range []*group{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.oom_control", "oom_kill "},
		{"/sys/fs/cgroup", "memory.max", "memory.events", "oom_kill "},
	} {
		if _, err := os.Stat(filepath.Join(g.folder, "cgroup.procs")); err != nil {
			continue
		}
		g.folder = filepath.Join(g.folder, name)
		if err := os.Mkdir(g.folder, 0o755); err != nil {
			continue
		}
		t.Cleanup(func() { g.remove(t) })
		if err := os.WriteFile(filepath.Join(g.folder, g.limit), []byte(strconv.Itoa(limited)), 0o600); err == nil {
			return g
		}
	}
	t.Skip("no control group with a memory limit can be made here: that needs root, and cgroups that are writable")
	return nil
}

func (g *group) remove(t *testing.T) {
	for range 100 {
		if err := os.Remove(g.folder); err == nil || errors.Is(err, os.ErrNotExist) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("%s is left behind", g.folder)
}

// enter is a command line that runs a program in the group.
func (g *group) enter(program string, args []string) []string {
	return append([]string{"/bin/sh", "-c", fmt.Sprintf(`echo $$ > %s/cgroup.procs && exec "$@"`, g.folder), "sh", program}, args...)
}

// killed is how many processes the kernel has killed for their memory.
func (g *group) killed(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.folder, g.kills))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, g.word); ok {
			killed, _ := strconv.Atoi(strings.TrimSpace(n))
			return killed
		}
	}
	return 0
}

// resident is what a process takes now and took at most since the last reset.
func resident(t *testing.T, pid int) (now, most int64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatalf("the executor is gone: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			now = n << 10
		case "VmHWM:":
			most = n << 10
		}
	}
	return now, most
}

// resetPeak forgets what a process took at most.
func resetPeak(t *testing.T, pid int) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0o600); err != nil {
		t.Skip("the peak of a process cannot be reset here:", err)
	}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }
