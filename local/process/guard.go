package process

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// guard ends process groups when radiant has ended without doing so, in
// whatever way: a process of its own, since a program that is killed can do
// nothing, and a shell, which every system has. It reads from a pipe that
// closes with radiant.
type guard struct{ pipe *os.File }

// guardScript keeps a list of groups: "+ID" adds one, "-ID" takes it away.
const guardScript = `
trap '' HUP INT TERM
groups=' '
while read -r line; do
	id=${line#?}
	case $line in
	+*) groups="$groups$id " ;;
	-*) case $groups in *" $id "*) groups="${groups%% $id *} ${groups#* $id }" ;; esac ;;
	esac
done
for id in $groups; do kill -9 "-$id"; done
`

// newGuard starts a guard. Where that fails there is none, and nil works too.
func newGuard() *guard {
	read, write, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer read.Close()
	cmd := exec.Command("/bin/sh", "-c", guardScript)
	cmd.Stdin, cmd.Dir, cmd.Env = read, "/", []string{}
	// A signal to radiant's group, such as a Ctrl-C, is not meant for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if cmd.Start() != nil {
		write.Close()
		return nil
	}
	go func() { _ = cmd.Wait() }() // It ends after the pipe does.
	return &guard{pipe: write}
}

// add takes care of a group from now on.
func (g *guard) add(group int) { g.tell('+', group) }

// remove forgets a group that has ended: its number may be given to others.
func (g *guard) remove(group int) { g.tell('-', group) }

func (g *guard) tell(what rune, group int) {
	if g != nil {
		_, _ = fmt.Fprintf(g.pipe, "%c%d\n", what, group) // Nobody reads when somebody ended the guard.
	}
}

// close ends the guard, and the groups that were not removed.
func (g *guard) close() {
	if g != nil {
		g.pipe.Close()
	}
}
