package process

import "syscall"

// processAttributes put a process into a group of its own and end it when
// radiant ends in whatever way.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
