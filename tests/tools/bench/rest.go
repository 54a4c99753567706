package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// reader reads messages of HTTP/1.1 whose length is stated.
type reader struct {
	conn net.Conn
	b    []byte
	// start and end enclose what has been read and not returned.
	start, end int
}

// next returns the next message; its body is good until the next call.
func (r *reader) next() (head string, body []byte, err error) {
	if r.start == r.end {
		r.start, r.end = 0, 0
	}
	at := -1
	for {
		if at = bytes.Index(r.b[r.start:r.end], []byte("\r\n\r\n")); at >= 0 {
			break
		}
		if err := r.more(); err != nil {
			return "", nil, err
		}
	}
	head = string(r.b[r.start : r.start+at])
	n, err := length(head)
	if err != nil {
		return head, nil, err
	}
	r.start += at + 4
	for r.end-r.start < n {
		if err := r.more(); err != nil {
			return head, nil, err
		}
	}
	body = r.b[r.start : r.start+n]
	r.start += n
	return head, body, nil
}

func (r *reader) more() error {
	if r.end == len(r.b) {
		larger := make([]byte, max(4096, 2*(r.end-r.start)))
		r.end = copy(larger, r.b[r.start:r.end])
		r.start, r.b = 0, larger
	}
	n, err := r.conn.Read(r.b[r.end:])
	r.end += n
	return err
}

// length is the Content-Length of a head; 0: there is none.
func length(head string) (int, error) {
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		switch {
		case len(name) == len("content-length") && strings.EqualFold(name, "content-length"):
			return strconv.Atoi(strings.TrimSpace(value))
		case len(name) == len("transfer-encoding") && strings.EqualFold(name, "transfer-encoding"):
			return 0, errors.New("a body of unknown length")
		}
	}
	return 0, nil
}

// appendHead begins a message with a body of so many bytes of JSON.
func appendHead(out []byte, first string, body int) []byte {
	out = append(append(out, first...), "Content-Type: application/json\r\nContent-Length: "...)
	return append(strconv.AppendInt(out, int64(body), 10), "\r\n\r\n"...)
}

// restClient sends one request again and again, on connections that stay open.
type restClient struct {
	request []byte
	conns   []*reader
}

func newREST(body []byte) *restClient {
	head := appendHead(nil, "POST /api/v1.0/predictions HTTP/1.1\r\nHost: x\r\nUser-Agent: bench\r\nAccept: */*\r\n", len(body))
	return &restClient{request: append(head, body...)}
}

func (c *restClient) dial(address string, connections int) error {
	for range connections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		c.conns = append(c.conns, &reader{conn: conn})
	}
	return nil
}

func (c *restClient) call(_ context.Context, i int) error {
	r := c.conns[i]
	if _, err := r.conn.Write(c.request); err != nil {
		return err
	}
	head, body, err := r.next()
	if err != nil || !strings.HasPrefix(head, "HTTP/1.1 200") {
		return fmt.Errorf("after %q %.200q: %w", strings.SplitN(head, "\r\n", 2)[0], body, err)
	}
	return nil
}

func (c *restClient) close() {
	for _, r := range c.conns {
		_ = r.conn.Close()
	}
	c.conns = nil
}
