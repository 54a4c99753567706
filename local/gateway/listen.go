package local

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"github.com/prime-radiant/radiant/local/process"
)

// listen opens the gateway's port on this machine's own addresses: IPv4, and
// IPv6 where the machine has it. Port 0 takes a free one.
func listen(port int) ([]net.Listener, int, error) {
	first, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, 0, explainTaken(port, err)
	}
	port = first.Addr().(*net.TCPAddr).Port
	second, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
	switch {
	case err == nil:
		return []net.Listener{first, second}, port, nil
	case errors.Is(err, syscall.EADDRINUSE):
		first.Close()
		return nil, 0, explainTaken(port, err)
	}
	return []net.Listener{first}, port, nil
}

// explainTaken says who has the port and what to do.
func explainTaken(port int, err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("opening the gateway's port: %w", err)
	}
	owner := process.PortOwner(port)
	if owner == "" {
		owner = "another program"
	}
	return fmt.Errorf("port %d on localhost is taken by %s: stop it, or choose another port with --port", port, owner)
}
