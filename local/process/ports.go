package process

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"syscall"
)

// Ports are looked for in this range: above those that programs are
// configured with by habit, below those that operating systems give to
// outgoing connections.
const (
	firstPort = 20000
	lastPort  = 30000
)

// PortBook hands out free TCP ports of this machine. From the moment that a
// port is handed out until it is given back no other radiant gets it, and
// until the process that it is for starts no other program does.
type PortBook struct {
	mu   sync.Mutex
	next int32
	held map[int32]*reservation
}

// reservation holds a port. The TCP socket is bound but does not listen: the
// port is taken, and whoever connects is refused. It has to go before the
// server starts, which may then take its time until it listens. The UDP
// socket of the same number, which nobody else has a use for, stays as the
// sign for other radiants on this machine.
type reservation struct{ tcp, udp socket }

// NewPortBook returns a book that holds no port yet; it has to be closed.
func NewPortBook() *PortBook {
	return &PortBook{next: firstPort, held: map[int32]*reservation{}}
}

// errNoPort says that the whole range is in use.
var errNoPort = errors.New("no free port was found")

// Take returns a free port and holds it. The preferred one is taken when it
// is free; 0 means no preference.
func (b *PortBook) Take(preferred int32) (int32, error) {
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

func (b *PortBook) hold(port int32) bool {
	if b.held[port] != nil {
		return false
	}
	udp, err := bindPort(port, syscall.SOCK_DGRAM)
	if err != nil {
		return false
	}
	tcp, err := bindPort(port, syscall.SOCK_STREAM)
	if err != nil {
		udp.close()
		return false
	}
	b.held[port] = &reservation{tcp: tcp, udp: udp}
	return true
}

// Release makes way for a server that is about to start on the port.
func (b *PortBook) Release(port int32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.held[port]; r != nil {
		r.tcp.close()
		r.tcp = noSocket
	}
}

// GiveBack ends the use of ports.
func (b *PortBook) GiveBack(ports ...int32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, port := range ports {
		if r := b.held[port]; r != nil {
			r.tcp.close()
			r.udp.close()
			delete(b.held, port)
		}
	}
}

// Close gives all ports back.
func (b *PortBook) Close() {
	b.mu.Lock()
	ports := slices.Collect(maps.Keys(b.held))
	b.mu.Unlock()
	b.GiveBack(ports...)
}

// PortFree reports whether a server could listen on the port now. Unlike
// Take it does not mind connections of an earlier server that the system still
// remembers.
func PortFree(port int32) bool {
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}
