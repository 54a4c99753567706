package process

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/local/localtest"
)

func TestStopLeavesNoProcessBehind(t *testing.T) {
	s := NewSpawner()
	defer s.Close()
	out := localtest.NewScreen()
	p, err := s.Start(actCommand("stubborn"), out)
	if err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "both processes run", func() bool { return len(localtest.PIDs(out.String())) == 2 })
	p.Stop(50*time.Millisecond, nil)
	if got := p.Reason(); got != "signal: killed" {
		t.Errorf("exit reason %q, want signal: killed", got)
	}
	for _, pid := range localtest.PIDs(out.String()) {
		localtest.Eventually(t, "the process and its child are gone", func() bool { return !localtest.Alive(pid) })
	}
}

func TestAbortDoesNotWaitForGrace(t *testing.T) {
	s := NewSpawner()
	defer s.Close()
	out := localtest.NewScreen()
	p, err := s.Start(actCommand("stubborn"), out)
	if err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "both processes run", func() bool { return len(localtest.PIDs(out.String())) == 2 })
	abort := make(chan struct{})
	close(abort)
	p.Stop(time.Hour, abort)
}

func TestChildrenOfADeadProcessGoWithIt(t *testing.T) {
	s := NewSpawner()
	defer s.Close()
	out := localtest.NewScreen()
	p, err := s.Start(Command{Program: "/bin/sh", Args: []string{"-c", "sleep 60 & echo pid $!; exit 4"}, Env: os.Environ()}, out)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if got := p.Reason(); got != "exit code 4" {
		t.Errorf("exit reason %q, want exit code 4", got)
	}
	child := localtest.PIDs(out.String())
	if len(child) != 1 {
		t.Fatalf("output %q", out.String())
	}
	localtest.Eventually(t, "the child is gone", func() bool { return !localtest.Alive(child[0]) })
}

func TestProcessesDieWithRadiant(t *testing.T) {
	out := localtest.NewScreen()
	guardian := exec.Command(os.Args[0])
	guardian.Env = append(os.Environ(), localtest.ActVariable+"=guardian")
	guardian.Stdout = out
	guardian.SysProcAttr = processAttributes()
	if err := guardian.Start(); err != nil {
		t.Fatal(err)
	}
	// The guard knows of a process when its start is over; on a busy machine its
	// own words may come first.
	out.Await(t, "started\n")
	localtest.Eventually(t, "both processes run", func() bool { return len(localtest.PIDs(out.String())) == 2 })
	children := localtest.PIDs(out.String())
	t.Cleanup(func() {
		for _, child := range children {
			syscall.Kill(child, syscall.SIGKILL)
		}
		guardian.Wait()
	})
	for _, child := range children {
		if !localtest.Alive(child) {
			t.Fatalf("process %d does not run", child)
		}
	}
	guardian.Process.Signal(syscall.SIGKILL)
	for _, child := range children {
		localtest.Eventually(t, "the processes are gone", func() bool { return !localtest.Alive(child) })
	}
}

func TestTheGuardEndsWhatWasNotRemoved(t *testing.T) {
	start := func() *exec.Cmd {
		cmd := exec.Command("sleep", "600")
		cmd.SysProcAttr = processAttributes()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		return cmd
	}
	g := newGuard()
	var list []*exec.Cmd
	for range 4 {
		cmd := start()
		list = append(list, cmd)
		g.add(cmd.Process.Pid)
	}
	for _, removed := range []int{0, 2} {
		g.remove(list[removed].Process.Pid)
	}
	g.remove(1)
	g.close()
	for i, cmd := range list {
		if i%2 == 1 {
			localtest.Eventually(t, "it is gone", func() bool { return !localtest.Alive(cmd.Process.Pid) })
		}
	}
	for _, i := range []int{0, 2} {
		if !localtest.Alive(list[i].Process.Pid) {
			t.Errorf("process %d was ended, though it was removed", i)
		}
	}
}
