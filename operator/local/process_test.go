package local

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

func TestStopLeavesNoProcessBehind(t *testing.T) {
	s := newSpawner()
	defer s.close()
	out := newScreen()
	p, err := s.start(actCommand("stubborn"), out)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "both processes run", func() bool { return len(pids(out.String())) == 2 })
	p.stop(50*time.Millisecond, nil)
	if got := exitReason(p.err); got != "signal: killed" {
		t.Errorf("exit reason %q, want signal: killed", got)
	}
	for _, pid := range pids(out.String()) {
		eventually(t, "the process and its child are gone", func() bool { return !alive(pid) })
	}
}

func TestAbortDoesNotWaitForGrace(t *testing.T) {
	s := newSpawner()
	defer s.close()
	out := newScreen()
	p, err := s.start(actCommand("stubborn"), out)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "both processes run", func() bool { return len(pids(out.String())) == 2 })
	abort := make(chan struct{})
	close(abort)
	p.stop(time.Hour, abort)
}

func TestChildrenOfADeadProcessGoWithIt(t *testing.T) {
	s := newSpawner()
	defer s.close()
	out := newScreen()
	p, err := s.start(command{Program: "/bin/sh", Args: []string{"-c", "sleep 60 & echo pid $!; exit 4"}, Env: os.Environ()}, out)
	if err != nil {
		t.Fatal(err)
	}
	<-p.done
	if got := exitReason(p.err); got != "exit code 4" {
		t.Errorf("exit reason %q, want exit code 4", got)
	}
	child := pids(out.String())
	if len(child) != 1 {
		t.Fatalf("output %q", out.String())
	}
	eventually(t, "the child is gone", func() bool { return !alive(child[0]) })
}

func TestProcessesDieWithRadiant(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends the children of a process that was killed")
	}
	out := newScreen()
	guardian := exec.Command(os.Args[0])
	guardian.Env = append(os.Environ(), actVariable+"=guardian")
	guardian.Stdout = out
	guardian.SysProcAttr = processAttributes()
	if err := guardian.Start(); err != nil {
		t.Fatal(err)
	}
	out.await(t, "pid ", "\n")
	child := pids(out.String())[0]
	if !alive(child) {
		t.Fatal("the child does not run")
	}
	t.Cleanup(func() { syscall.Kill(child, syscall.SIGKILL); guardian.Wait() })
	guardian.Process.Signal(syscall.SIGKILL)
	eventually(t, "the child is gone", func() bool { return !alive(child) })
}
