package local

import (
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

// command is one process to start. Program is an absolute path.
type command struct {
	Program string
	Args    []string
	// Env is the whole environment, as KEY=value.
	Env []string
	Dir string
}

// spawner starts processes, all from one thread of the operating system:
// Linux ends a child when the thread that started it ends, so that thread has
// to live as long as radiant does, and no longer.
type spawner struct {
	requests chan spawnRequest
	guard    *guard
}

type spawnRequest struct {
	cmd    *exec.Cmd
	result chan error
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan spawnRequest), guard: newGuard()}
	go s.run()
	return s
}

func (s *spawner) run() {
	// The thread is never unlocked, so it ends with this goroutine.
	runtime.LockOSThread()
	for r := range s.requests {
		r.result <- r.cmd.Start()
	}
}

// close ends the spawner and every process that it started.
func (s *spawner) close() {
	close(s.requests)
	s.guard.close()
}

// start runs c as the leader of a process group of its own, so that a Ctrl-C
// in the terminal reaches radiant alone and a stop reaches its children too.
// From its return on a kill of radiant ends the children as well; before, for
// some microseconds, the process alone.
func (s *spawner) start(c command, out io.Writer) (*process, error) {
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
	p := &process{pid: cmd.Process.Pid, done: make(chan struct{})}
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

// process is a running command.
type process struct {
	pid  int
	done chan struct{}
	err  error // how it ended; valid once done is closed
}

// signal reaches the process and all of its children. Errors mean that there
// is nobody left to reach.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.pid, s) }

// stop asks the process to end and, after grace or when abort is closed,
// makes it. It returns when the process is gone.
func (p *process) stop(grace time.Duration, abort <-chan struct{}) {
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

// exitReason says how a process ended, in words.
func exitReason(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return "exit code 0"
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return "signal: " + status.Signal().String()
		}
		return fmt.Sprintf("exit code %d", exit.ExitCode())
	}
	return err.Error()
}

// wasKilled reports whether a process ended by a signal that it cannot catch.
func wasKilled(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
