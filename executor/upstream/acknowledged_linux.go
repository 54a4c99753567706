package upstream

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// acknowledged is the number of bytes that the peer of a connection has
// acknowledged, and whether the connection is past receiving more; -1: the
// kernel does not say.
func acknowledged(conn net.Conn) (bytes int64, dead bool) {
	raw, ok := conn.(syscall.Conn)
	if !ok {
		return unknown, false
	}
	control, err := raw.SyscallConn()
	if err != nil {
		return unknown, false
	}
	bytes = unknown
	_ = control.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			bytes, dead = int64(info.Bytes_acked), info.State == unix.BPF_TCP_CLOSE //nolint:gosec // a connection sends less than 2^63 bytes
		}
	})
	return bytes, dead
}
