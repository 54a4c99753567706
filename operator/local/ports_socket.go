package local

import (
	"fmt"
	"syscall"
)

// reservePort binds a TCP port on all addresses without listening. It is done
// with system calls because package net cannot bind without listening, and a
// socket that listens would look like a server that is ready.
func reservePort(port int32) (*reservation, error) {
	r, err := bindSocket(syscall.AF_INET6, &syscall.SockaddrInet6{Port: int(port)})
	if err == nil || err == syscall.EADDRINUSE || err == syscall.EACCES { //nolint:errorlint // bindSocket returns bare error numbers.
		return r, wrapPort(port, err)
	}
	// A machine without IPv6.
	r, err = bindSocket(syscall.AF_INET, &syscall.SockaddrInet4{Port: int(port)})
	return r, wrapPort(port, err)
}

func wrapPort(port int32, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("binding port %d: %w", port, err)
}

func bindSocket(family int, address syscall.Sockaddr) (*reservation, error) {
	// No child may inherit the socket, or the port would stay taken.
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, err
	}
	if family == syscall.AF_INET6 {
		// One socket for both families; elsewhere than on Linux this is not
		// the default. Where it cannot be set, IPv6 alone is bound.
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 0)
	}
	if err := syscall.Bind(fd, address); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return &reservation{fd: fd}, nil
}

func (r *reservation) close() { syscall.Close(r.fd) }
