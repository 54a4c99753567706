package stores

import (
	"io"
	"net"
	"net/url"
	"testing"
	"time"
)

// far stands before a server as a long way does: what goes to it takes a while,
// and what comes back has so many bytes per second on each connection.
type far struct {
	server string
	trip   time.Duration
	rate   int64
}

// StartFar returns the URL of a server as somebody far from it has it.
func StartFar(t testing.TB, server string, trip time.Duration, rate int64) string {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(Loopback, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	f := far{target.Host, trip, rate}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go f.carry(client)
		}
	}()
	return "http://" + l.Addr().String()
}

// carry serves one connection until one side ends it.
func (f far) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", f.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer server.Close()
		time.Sleep(f.trip) // Making a connection is a trip of its own.
		f.requests(server, client)
	}()
	f.answers(client, server)
}

func (f far) requests(to io.Writer, from io.Reader) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		time.Sleep(f.trip)
		if _, e := to.Write(buffer[:n]); err != nil || e != nil {
			return
		}
	}
}

func (f far) answers(to io.Writer, from io.Reader) {
	buffer := make([]byte, 64<<10)
	for due := time.Now(); ; {
		n, err := from.Read(buffer)
		if now := time.Now(); due.Before(now) {
			due = now // Silence is not made up for.
		}
		due = due.Add(time.Duration(int64(n) * int64(time.Second) / f.rate))
		if _, e := to.Write(buffer[:n]); err != nil || e != nil {
			return
		}
		time.Sleep(time.Until(due))
	}
}
