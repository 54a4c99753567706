package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// program is one that is measured.
type program struct {
	name  string
	start func(dir string, port int) *exec.Cmd

	cmd     *exec.Cmd
	dir     string
	address string
}

// launch starts the program and waits until it listens.
func (p *program) launch(ctx context.Context) error {
	var err error
	if p.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	p.cmd = p.start(p.dir, port)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.address = "127.0.0.1:" + strconv.Itoa(port)
	for range 2000 {
		conn, err := net.Dial("tcp", p.address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.New("it does not listen")
}

func (p *program) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
	_ = os.RemoveAll(p.dir)
}

// cpu is the time that all threads of the program and of its children were on
// a processor: the first number of /proc/PID/task/TID/schedstat, in ns; 0 if the
// component itself is called.
func (p *program) cpu() (time.Duration, error) {
	if p.cmd == nil {
		return 0, nil
	}
	var sum time.Duration
	for _, pid := range append(children(p.cmd.Process.Pid), p.cmd.Process.Pid) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil || len(threads) == 0 {
			return 0, fmt.Errorf("no threads of process %d: is this Linux?", pid)
		}
		for _, t := range threads {
			text, err := os.ReadFile(t)
			if err != nil {
				continue // It has ended.
			}
			ns, _, _ := strings.Cut(string(text), " ")
			n, err := strconv.ParseInt(ns, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(n)
		}
	}
	return sum, nil
}

// resident is the memory of the program and of its children, in bytes.
func (p *program) resident() (int64, error) {
	sum := int64(0)
	for _, pid := range append(children(p.cmd.Process.Pid), p.cmd.Process.Pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, err
		}
		_, after, _ := strings.Cut(string(text), "VmRSS:")
		fields := strings.Fields(after)
		if len(fields) == 0 {
			continue
		}
		kb, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += kb << 10
	}
	return sum, nil
}

// children are the processes that a process has started.
func children(pid int) []int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var all []int
	for f := range strings.FieldsSeq(string(text)) {
		if n, err := strconv.Atoi(f); err == nil {
			all = append(all, n)
		}
	}
	return all
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
