//go:build !linux

package socket

import "syscall"

// Supported is true where [Read] and what [Of] makes read directly.
const Supported = false

// Read fails.
func Read(uintptr, []byte) (int, syscall.Errno)  { return 0, syscall.ENOSYS }
func write(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.ENOSYS }

// Quiet reports true: that nothing has come cannot be told.
func Quiet(uintptr) bool { return true }
