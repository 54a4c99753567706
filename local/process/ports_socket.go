package process

import (
	"fmt"
	"syscall"
)

// socket is a file descriptor.
type socket int

// noSocket is the value after close.
const noSocket socket = -1

func (s socket) close() {
	if s != noSocket {
		syscall.Close(int(s))
	}
}

// bindPort binds a port on all addresses without listening. It is done with
// system calls because package net cannot bind without listening, and a socket
// that listens would look like a server that is ready.
func bindPort(port int32, kind int) (socket, error) {
	s, err := bind(syscall.AF_INET6, kind, &syscall.SockaddrInet6{Port: int(port)})
	if err != nil && err != syscall.EADDRINUSE && err != syscall.EACCES { //nolint:errorlint // bind returns bare error numbers.
		// A machine without IPv6.
		s, err = bind(syscall.AF_INET, kind, &syscall.SockaddrInet4{Port: int(port)})
	}
	if err != nil {
		return noSocket, fmt.Errorf("binding port %d: %w", port, err)
	}
	return s, nil
}

func bind(family, kind int, address syscall.Sockaddr) (socket, error) {
	// No child may inherit the socket, or the port would stay taken.
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(family, kind, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return noSocket, err
	}
	if family == syscall.AF_INET6 {
		// One socket for both families; elsewhere than on Linux this is not
		// the default. Where it cannot be set, IPv6 alone is bound.
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 0)
	}
	if err := syscall.Bind(fd, address); err != nil {
		syscall.Close(fd)
		return noSocket, err
	}
	return socket(fd), nil
}
