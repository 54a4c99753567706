package gateway

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// Listen opens the gateway's port on this machine's own addresses: IPv4, and
// IPv6 where the machine has it. Port 0 takes a free one.
// owner names the program that listens on a port, or returns "".
func Listen(port int, owner func(port int) string) ([]net.Listener, int, error) {
	first, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, 0, explainTaken(port, owner, err)
	}
	port = first.Addr().(*net.TCPAddr).Port
	second, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
	switch {
	case err == nil:
		return []net.Listener{first, second}, port, nil
	case errors.Is(err, syscall.EADDRINUSE):
		first.Close()
		return nil, 0, explainTaken(port, owner, err)
	}
	return []net.Listener{first}, port, nil
}

// explainTaken says who has the port and what to do.
func explainTaken(port int, owner func(int) string, err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("opening the gateway's port: %w", err)
	}
	program := owner(port)
	if program == "" {
		program = "another program"
	}
	return fmt.Errorf("port %d on localhost is taken by %s: stop it, or choose another port with --port", port, program)
}
