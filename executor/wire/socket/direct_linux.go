package socket

import (
	"syscall"
	"unsafe"
)

// Supported is true where [Read] and what [Of] makes read directly.
const Supported = true

// Read reads what a socket that does not block has, into p, which is not empty. It
// does not tell the scheduler. A signal does not end it.
func Read(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, err := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p))) //nolint:gosec // The system reads into p.
		if err == 0 {
			return int(n), 0
		}
		if err != syscall.EINTR {
			return 0, err
		}
	}
}

// write writes what a socket has room for, without telling the scheduler.
func write(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p))) //nolint:gosec // The system reads from p.
	if err != 0 {
		return 0, err
	}
	return int(n), 0
}

// Quiet reports whether nothing has come to a socket that does not block: no byte,
// no end and no error.
func Quiet(fd uintptr) bool {
	var one [1]byte
	for {
		_, _, err := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&one[0])), 1, syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0) //nolint:gosec // The system writes into one.
		if err != syscall.EINTR {
			return err == syscall.EAGAIN
		}
	}
}
