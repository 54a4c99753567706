package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Machine is what was measured on, and what else it did meanwhile.
type Machine struct {
	When       time.Time     `json:"when"`
	Took       time.Duration `json:"took_nanoseconds"`
	Processors int           `json:"processors"`
	CPU        string        `json:"cpu"`
	System     string        `json:"system"`
	Go         string        `json:"go"`
	Nginx      string        `json:"nginx"`
	Commit     string        `json:"commit"`
	// Load is the mean number of threads that wanted to run in the minute before.
	Load float64 `json:"load_before"`
	// Others is how many processors were busy for others than this run, on average;
	// a hypervisor that had none for us counts.
	Others float64 `json:"others"`
}

// mostOthers is the share of the machine that others may take in a run that is to
// be believed.
const mostOthers = 0.10

// busy reports whether others took too much.
func (m *Machine) busy() bool { return m.Others > mostOthers*float64(m.Processors) }

// watch begins to look at the machine; the function that it returns ends that.
func watch() (m Machine, done func(*Machine)) {
	m = Machine{When: time.Now().UTC().Truncate(time.Second), Processors: runtime.NumCPU(), Go: runtime.Version(), CPU: "?", System: "Linux"}
	for line := range strings.Lines(read("/proc/cpuinfo")) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	if fields := strings.Fields(read("/proc/version")); len(fields) > 2 {
		m.System = "Linux " + fields[2]
	}
	if version, err := exec.Command("nginx", "-v").CombinedOutput(); err == nil {
		m.Nginx = strings.TrimSpace(strings.TrimPrefix(string(version), "nginx version: nginx/"))
	}
	if commit, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output(); err == nil {
		m.Commit = strings.TrimSpace(string(commit))
	}
	if fields := strings.Fields(read("/proc/loadavg")); len(fields) > 0 {
		m.Load, _ = strconv.ParseFloat(fields[0], 64)
	}
	began, all, own := time.Now(), busyTime(), ownTime()
	return m, func(m *Machine) {
		m.Took = time.Since(began).Round(time.Second)
		m.Others = max(0, (busyTime()-all-(ownTime()-own)).Seconds()/time.Since(began).Seconds())
	}
}

// read is the text of a file of /proc; of what is not there, none.
func read(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

// busyTime is how long all processors have worked for anybody, in sum.
func busyTime() time.Duration {
	first, _, _ := strings.Cut(read("/proc/stat"), "\n")
	const tick = 10 * time.Millisecond
	sum := time.Duration(0)
	for i, text := range strings.Fields(first) {
		n, _ := strconv.ParseInt(text, 10, 64)
		if i > 0 && i <= 8 && i != 4 && i != 5 { // not idle, and not waiting for disks
			sum += time.Duration(n) * tick
		}
	}
	return sum
}

// ownTime is how long they have worked for this program, and for programs of its
// own that have ended.
func ownTime() time.Duration {
	sum := time.Duration(0)
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return sum
}

func (m *Machine) String() string {
	state := "quiet enough"
	if m.busy() {
		state = "**too busy for these figures to be believed**"
	}
	return fmt.Sprintf("Taken on %s in %v, of commit %s: %d processors (%s), %s, %s, nginx %s. The load before was %.1f; others than the run kept %.2f of the %d processors busy: %s.",
		m.When.Format("2006-01-02 15:04 UTC"), m.Took, m.Commit, m.Processors, m.CPU, m.System, m.Go, m.Nginx, m.Load, m.Others, m.Processors, state)
}
