package http1

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/prime-radiant/radiant/executor/wire/socket"
)

// quiet waits on a connection without a buffer.
type quiet struct {
	// raw is nil where that cannot be done.
	raw  syscall.RawConn
	into *buffer
	free *sync.Pool
	n    int
	err  error
	// try is called by the connection when something may have come.
	try func(fd uintptr) bool
}

// look prepares for a connection, which is not one of TLS: what comes on such a
// connection is to be unpacked.
func (q *quiet) look(conn net.Conn) {
	for {
		if _, secured := conn.(*tls.Conn); secured {
			return
		}
		over, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = over.NetConn()
	}
	if system, ok := conn.(syscall.Conn); ok && socket.Supported {
		q.raw, _ = system.SyscallConn()
		q.try = q.read
	}
}

// wait reads what comes first into a buffer that it takes then.
func (q *quiet) wait(into *buffer, free *sync.Pool) error {
	q.into, q.free, q.n, q.err = into, free, 0, nil
	if err := q.raw.Read(q.try); err != nil {
		return err
	}
	switch {
	case q.err != nil:
		return q.err
	case q.n == 0:
		return io.EOF
	}
	into.w = q.n
	return nil
}

func (q *quiet) read(fd uintptr) bool {
	b, ok := q.free.Get().(*[readSize]byte)
	if !ok {
		b = new([readSize]byte)
	}
	n, failed := socket.Read(fd, b[:])
	if failed == syscall.EAGAIN {
		q.free.Put(b)
		return false
	}
	if q.n = n; failed != 0 {
		q.err = failed
	}
	q.into.b = b[:]
	return true
}
