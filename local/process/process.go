// Package process runs programs on this machine as a kubelet runs containers:
// it starts them and ends them with all their children, holds the ports that
// they will listen on, asks how they are, and keeps what they print.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// pipeDelay is how long the output of a process is read after its end when a
// child of it still holds the pipe.
const pipeDelay = 500 * time.Millisecond

// Command is one process to start. Program is an absolute path.
type Command struct {
	Program string
	Args    []string
	// Env is the whole environment, as KEY=value.
	Env []string
	Dir string
}

// Spawner starts processes, all from one thread of the operating system:
// Linux ends a child when the thread that started it ends, so that thread has
// to live as long as radiant does, and no longer.
type Spawner struct {
	requests chan spawnRequest
	guard    *guard
}

type spawnRequest struct {
	cmd    *exec.Cmd
	result chan error
}

// NewSpawner returns a spawner, which has to be closed.
func NewSpawner() *Spawner {
	s := &Spawner{requests: make(chan spawnRequest), guard: newGuard()}
	go s.run()
	return s
}

func (s *Spawner) run() {
	// The thread is never unlocked, so it ends with this goroutine.
	runtime.LockOSThread()
	for r := range s.requests {
		r.result <- r.cmd.Start()
	}
}

// Close ends the spawner and every process that it started.
func (s *Spawner) Close() {
	close(s.requests)
	s.guard.close()
}

// Start runs c as the leader of a process group of its own, so that a Ctrl-C
// in the terminal reaches radiant alone and a stop reaches its children too.
// From its return on a kill of radiant ends the children as well; before, for
// some microseconds, the process alone.
func (s *Spawner) Start(c Command, out io.Writer) (*Process, error) {
	cmd := exec.Command(c.Program, c.Args...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = processAttributes()
	cmd.WaitDelay = pipeDelay
	r := spawnRequest{cmd: cmd, result: make(chan error, 1)}
	s.requests <- r
	if err := <-r.result; err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Program, err)
	}
	p := &Process{pid: cmd.Process.Pid, done: make(chan struct{})}
	s.guard.add(p.pid)
	go func() {
		err := cmd.Wait()
		// What the process leaves behind goes with it.
		p.signal(syscall.SIGKILL)
		s.guard.remove(p.pid)
		p.err = err
		close(p.done)
	}()
	return p, nil
}

// Process is a running command.
type Process struct {
	pid  int
	done chan struct{}
	err  error // how it ended; valid once done is closed
}

// signal reaches the process and all of its children. Errors mean that there
// is nobody left to reach.
func (p *Process) signal(s syscall.Signal) { _ = syscall.Kill(-p.pid, s) }

// Done is closed when the process is gone.
func (p *Process) Done() <-chan struct{} { return p.done }

// Stop asks the process to end and, after grace or when abort is closed,
// makes it. It returns when the process is gone.
func (p *Process) Stop(grace time.Duration, abort <-chan struct{}) {
	p.signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return
	case <-timer.C:
	case <-abort:
	}
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Failed reports whether the process, which is gone, ended otherwise than with
// exit code 0.
func (p *Process) Failed() bool { return p.err != nil && !errors.Is(p.err, exec.ErrWaitDelay) }

// Reason says how the process, which is gone, ended, in words.
func (p *Process) Reason() string {
	var exit *exec.ExitError
	switch {
	case !p.Failed():
		return "exit code 0"
	case errors.As(p.err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return "signal: " + status.Signal().String()
		}
		return fmt.Sprintf("exit code %d", exit.ExitCode())
	}
	return p.err.Error()
}

// Code is the exit code of the process, which is gone: as shells say it, 128 and
// the signal's number where a signal ended it.
func (p *Process) Code() int {
	var exit *exec.ExitError
	switch {
	case !p.Failed():
		return 0
	case errors.As(p.err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal())
		}
		return exit.ExitCode()
	}
	return 1
}

// Killed reports whether the process, which is gone, ended by a signal that it
// could not catch.
func (p *Process) Killed() bool {
	var exit *exec.ExitError
	if !errors.As(p.err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// Run runs the command beside the others until it ends, with its output going
// to out. When ctx is done the command ends at once, with its children.
func (c Command) Run(ctx context.Context, out io.Writer) error {
	cmd := exec.CommandContext(ctx, c.Program, c.Args...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = processAttributes()
	cmd.WaitDelay = pipeDelay
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd.Run()
}
