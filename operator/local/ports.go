package local

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// Ports are looked for in this range: above those that programs are
// configured with by habit, below those that operating systems give to
// outgoing connections.
const (
	firstPort = 20000
	lastPort  = 30000
)

// portBook hands out free TCP ports of this machine. A port is held, so that
// no other program gets it, from the moment it is handed out until the
// process that it is for starts.
type portBook struct {
	mu   sync.Mutex
	next int32
	held map[int32]*reservation
}

// reservation is a socket that is bound but does not listen: the port is
// taken, and whoever connects is refused.
type reservation struct{ fd int }

func newPortBook() *portBook {
	return &portBook{next: firstPort, held: map[int32]*reservation{}}
}

// errNoPort says that the whole range is in use.
var errNoPort = errors.New("no free port was found")

// take returns a free port and holds it. The preferred one is taken when it
// is free; 0 means no preference.
func (b *portBook) take(preferred int32) (int32, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if preferred != 0 && b.hold(preferred) {
		return preferred, nil
	}
	for range lastPort - firstPort {
		port := b.next
		if b.next++; b.next == lastPort {
			b.next = firstPort
		}
		if b.hold(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("looking for a port between %d and %d: %w", firstPort, lastPort, errNoPort)
}

func (b *portBook) hold(port int32) bool {
	if b.held[port] != nil {
		return false
	}
	r, err := reservePort(port)
	if err != nil {
		return false
	}
	b.held[port] = r
	return true
}

// release lets go of a port: its process is about to start, or is not wanted
// any more.
func (b *portBook) release(ports ...int32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, port := range ports {
		if r := b.held[port]; r != nil {
			r.close()
			delete(b.held, port)
		}
	}
}

// close lets go of all ports.
func (b *portBook) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for port, r := range b.held {
		r.close()
		delete(b.held, port)
	}
}

// portFree reports whether a server could listen on the port now. Unlike
// take it does not mind connections of an earlier server that the system still
// remembers.
func portFree(port int32) bool {
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port)) //nolint:gosec // All addresses are tried because a server may want all.
	if err != nil {
		return false
	}
	l.Close()
	return true
}
