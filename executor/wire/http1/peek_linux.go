package http1

import "golang.org/x/sys/unix"

// peeks reports whether a socket has something to read, its end or an error.
func peeks(fd uintptr) bool {
	one := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLRDHUP}} //nolint:gosec // A descriptor is a small number.
	n, err := unix.Poll(one[:], 0)
	return n != 0 && err == nil
}
