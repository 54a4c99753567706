package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// start runs a program that outlives this one, unless it runs already. Its
// output goes to a log.
func (c *cluster) start(name string, args []string, env ...string) error {
	if c.running(name) {
		return nil
	}
	log, err := os.OpenFile(filepath.Join(c.logs(), name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(c.binary(name), args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, "/"
	cmd.Env = append(os.Environ(), append(env, "PATH="+c.binaries+":/usr/sbin:"+os.Getenv("PATH"))...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	identity := fmt.Sprintf("%d %s\n", cmd.Process.Pid, startTime(cmd.Process.Pid))
	if err := os.WriteFile(c.pidFile(name), []byte(identity), 0o644); err != nil {
		return errors.Join(err, cmd.Process.Kill())
	}
	return cmd.Process.Release()
}

func (c *cluster) pidFile(name string) string { return filepath.Join(c.run, name+".pid") }

// pid is that of a program which was started here and still runs, or 0. The
// time of its start is compared too: numbers are given out again.
func (c *cluster) pid(name string) int {
	text, err := os.ReadFile(c.pidFile(name))
	if err != nil {
		return 0
	}
	number, since, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	pid, err := strconv.Atoi(number)
	if err != nil || since == "" || startTime(pid) != since {
		return 0
	}
	return pid
}

func (c *cluster) running(name string) bool { return c.pid(name) != 0 }

// startTime is when a process started, in ticks since the machine did; "" for
// one that is gone.
func startTime(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The name of the program, in brackets, may hold blanks. State is field 3,
	// the start field 22.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}

// stop ends a program, by force where asking does not help within grace.
func (c *cluster) stop(name string, grace time.Duration) {
	pid := c.pid(name)
	if pid != 0 {
		_ = syscall.Kill(pid, syscall.SIGTERM)
		deadline := time.Now().Add(grace)
		for c.running(name) && time.Now().Before(deadline) {
			time.Sleep(50 * time.Millisecond)
		}
		if c.running(name) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			for c.running(name) {
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
	_ = os.Remove(c.pidFile(name))
}

// await polls until ok returns nil, the program ends, or ctx is done.
func (c *cluster) await(ctx context.Context, program string, ok func() error) error {
	for {
		err := ok()
		if err == nil {
			return nil
		}
		if !c.running(program) {
			return fmt.Errorf("%s ended: see %s", program, filepath.Join(c.logs(), program+".log"))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", program, errors.Join(err, ctx.Err()))
		case <-time.After(200 * time.Millisecond):
		}
	}
}
