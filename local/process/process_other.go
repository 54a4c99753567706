//go:build !linux

package process

import "syscall"

// processAttributes put a process into a group of its own.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
