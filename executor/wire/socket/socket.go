// Package socket reads and writes TCP connections without telling Go's scheduler
// of each system call as if it might block. That of a socket that does not block
// takes a few microseconds; being told of it wakes the runtime's monitor, which
// costs as much again where it happens for each request.
package socket

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// mostDirect is the size up to which bytes go directly. What is larger keeps a
// processor for long enough to let the scheduler know.
const mostDirect = 32 << 10

// Listener wraps what a listener accepts by [Of].
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

// Accept implements [net.Listener].
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return Of(c), nil
}

// Of is a connection of TCP that reads and writes directly, and any other
// connection as it is, as are all where the system is not Linux.
func Of(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok || !Supported {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	s := &conn{TCPConn: tcp, raw: raw}
	s.in.try, s.out.try = s.in.read, s.out.write
	return s
}

// conn is a connection of TCP. What [net.TCPConn] has besides, it has too.
type conn struct {
	*net.TCPConn
	raw     syscall.RawConn
	in, out transfer
}

// transfer is one direction of a connection. The lock is held by whoever reads or
// writes directly; another who does at the same time takes the ordinary way.
type transfer struct {
	mu  sync.Mutex
	p   []byte
	n   int
	err syscall.Errno
	// try is read or write, made once.
	try func(fd uintptr) bool
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	t := &c.in
	if len(p) == 0 || len(p) > mostDirect || !t.mu.TryLock() {
		return c.TCPConn.Read(p)
	}
	t.p, t.n, t.err = p, 0, 0
	err := c.raw.Read(t.try)
	n, failed := t.n, t.err
	t.p = nil
	t.mu.Unlock()
	switch {
	case err != nil:
		return 0, renamed(err, "read")
	case failed != 0:
		return 0, c.failure("read", failed)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	t := &c.out
	if len(p) == 0 || len(p) > mostDirect || !t.mu.TryLock() {
		return c.TCPConn.Write(p)
	}
	t.p, t.n, t.err = p, 0, 0
	err := c.raw.Write(t.try)
	n, failed := t.n, t.err
	t.p = nil
	t.mu.Unlock()
	switch {
	case err != nil:
		return n, renamed(err, "write")
	case failed != 0:
		return n, c.failure("write", failed)
	}
	return n, nil
}

// read reports whether it need not be called again when something has come.
func (t *transfer) read(fd uintptr) bool {
	t.n, t.err = Read(fd, t.p)
	return t.err != syscall.EAGAIN
}

// write reports whether it need not be called again when there is room.
func (t *transfer) write(fd uintptr) bool {
	for t.n < len(t.p) {
		n, err := write(fd, t.p[t.n:])
		switch err {
		case 0:
			t.n += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			t.err = err
			return true
		}
	}
	return true
}

// renamed is an error of a raw connection as an ordinary one has it.
func renamed(err error, operation string) error {
	var of *net.OpError
	if errors.As(err, &of) {
		named := *of
		named.Op = operation
		return &named
	}
	return err
}

// failure is an error of the system's, in the form that [net.TCPConn] gives it.
func (c *conn) failure(operation string, err syscall.Errno) error {
	return &net.OpError{Op: operation, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(operation, err)}
}
