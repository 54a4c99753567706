package http1

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// peeks reports whether a socket has something to read, its end or an error.
func peeks(fd uintptr) bool {
	one := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLRDHUP}} //nolint:gosec // A descriptor is a small number.
	n, err := unix.Poll(one[:], 0)
	return n != 0 && err == nil
}

// triesReads is true where [tryRead] works.
const triesReads = true

// tryRead reads what a socket has, and does not wait.
func tryRead(fd uintptr, p []byte) (int, error) { return syscall.Read(int(fd), p) }
