package http1

import (
	"errors"

	"golang.org/x/sys/unix"
)

// peeks reports whether a socket has something to read, its end or an error.
func peeks(fd uintptr) bool {
	var one [1]byte
	_, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
}
