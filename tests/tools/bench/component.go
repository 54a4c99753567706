package main

import (
	"errors"
	"math"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
)

// component is the node behind all programs. It answers each request by the body
// that came, with as little work as can be.
type component struct {
	httpPort, grpcPort int
	// opened counts the connections that programs made.
	opened atomic.Int64
	// busy is what a call takes, one at a time, whatever it holds; 0: nothing.
	busy  atomic.Int64
	calls atomic.Int64
	turn  sync.Mutex
	close func()
}

func startComponent() (*component, error) {
	h, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &component{httpPort: h.Addr().(*net.TCPAddr).Port, grpcPort: g.Addr().(*net.TCPAddr).Port}
	server := grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}), grpc.MaxRecvMsgSize(math.MaxInt32), grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		var m raw
		return errors.Join(s.RecvMsg(&m), s.SendMsg(&m))
	}))
	go func() { _ = server.Serve(counting{g, &c.opened}) }()
	go c.serve(counting{h, &c.opened})
	c.close = func() { _ = h.Close(); server.Stop() }
	return c, nil
}

// counting is a listener that counts connections.
type counting struct {
	net.Listener
	opened *atomic.Int64
}

func (c counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.opened.Add(1)
	}
	return conn, err
}

func (c *component) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			_ = c.exchanges(conn)
		}()
	}
}

func (c *component) exchanges(conn net.Conn) error {
	r := reader{conn: conn}
	var out []byte
	for {
		head, body, err := r.next()
		if err != nil {
			return err
		}
		c.calls.Add(1)
		if d := c.busy.Load(); d > 0 {
			c.turn.Lock()
			time.Sleep(time.Duration(d))
			c.turn.Unlock()
		}
		out = answer(out[:0], head, body)
		if _, err := conn.Write(out); err != nil {
			return err
		}
	}
}

// answer repeats a body, in the words of the protocol that the request is in:
// TensorFlow Serving's answers call rows predictions.
func answer(out []byte, head string, body []byte) []byte {
	switch {
	case strings.HasPrefix(head, "GET "):
		return append(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"...)
	case strings.HasPrefix(head, "POST /v1/"):
		rows := strings.IndexByte(string(body[:min(len(body), 64)]), ':')
		if rows < 0 {
			rows = 0
		}
		const start = `{"predictions"`
		out = appendHead(out, "HTTP/1.1 200 OK\r\n", len(start)+len(body)-rows)
		return append(append(out, start...), body[rows:]...)
	}
	return append(appendHead(out, "HTTP/1.1 200 OK\r\n", len(body)), body...)
}
