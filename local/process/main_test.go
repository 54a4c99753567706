package process

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/local/localtest"
)

func TestMain(m *testing.M) {
	localtest.RunAct(map[string]func(args []string) int{"stubborn": actStubborn, "guardian": actGuardian})
	os.Exit(m.Run())
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
	s := NewSpawner()
	if _, err := s.Start(Command{Program: "/bin/sh", Args: []string{"-c", "sleep 600 & echo pid $!; echo pid $$; wait"}, Env: os.Environ()}, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("started")
	time.Sleep(time.Minute)
	return 0
}

// actCommand is the command of an act.
func actCommand(name string) Command {
	return Command{Program: os.Args[0], Env: append(os.Environ(), localtest.ActVariable+"="+name)}
}
