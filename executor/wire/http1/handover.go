package http1

import (
	"net"
	"sync"
)

// Handover is a listener that gets its connections from [Server.HTTP2], for the
// server that speaks HTTP/2.
type Handover struct {
	address net.Addr
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

// NewHandover makes one that says it listens at an address.
func NewHandover(address net.Addr) *Handover {
	return &Handover{address: address, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Give hands a connection over. A closed one closes it.
func (h *Handover) Give(conn net.Conn) {
	select {
	case h.conns <- conn:
	case <-h.closed:
		_ = conn.Close()
	}
}

// Accept implements [net.Listener].
func (h *Handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (h *Handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements [net.Listener].
func (h *Handover) Addr() net.Addr { return h.address }
