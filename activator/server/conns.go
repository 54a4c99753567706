package server

import (
	"net"
	"sync"
	"sync/atomic"
)

// frontListener takes the connections of one front.
type frontListener struct {
	net.Listener
	front *front
}

// Accept implements [net.Listener].
func (l frontListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	tcp, ok := c.(*net.TCPConn)
	if err != nil || !ok {
		return c, err
	}
	return l.front.conns.add(tcp), nil
}

// conns are the connections to a front. Gateways keep them, by the address that they
// lead to and not by the Service: one that is left when a front ends would bring
// requests of whoever has its port next.
type conns struct {
	mu   sync.Mutex
	open map[*frontConn]bool
}

// frontConn is one connection.
type frontConn struct {
	*net.TCPConn
	of *conns
	// busy counts the requests that are being answered.
	busy atomic.Int64
	// used is set when one has been answered: whoever sends on a connection that was used
	// knows that it may have ended meanwhile, and sends again.
	used atomic.Bool
}

func (c *conns) add(tcp *net.TCPConn) net.Conn {
	one := &frontConn{TCPConn: tcp, of: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[*frontConn]bool{}
	}
	c.open[one] = true
	return one
}

// end closes the connections that were used and on which nothing is being answered. Those
// that have brought nothing yet stay: who made one is answered by it.
func (c *conns) end() {
	c.mu.Lock()
	var idle []*frontConn
	for one := range c.open {
		if one.used.Load() && one.busy.Load() == 0 {
			idle = append(idle, one)
		}
	}
	c.mu.Unlock()
	for _, one := range idle {
		_ = one.Close()
	}
}

// done says that a request has been answered.
func (c *frontConn) done() {
	c.used.Store(true)
	c.busy.Add(-1)
}

// Close implements [net.Conn].
func (c *frontConn) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.TCPConn.Close()
}
