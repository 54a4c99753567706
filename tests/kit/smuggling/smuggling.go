// Package smuggling holds requests that two readers of HTTP/1.1 can understand
// differently, so that what one takes for a body is a request for the other. A
// server refuses them, and reads nothing more of their connections.
package smuggling

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Case is one such request.
type Case struct {
	Name string
	// Text is what is sent. It goes on with a request to the path /smuggled where
	// somebody could take that for one.
	Text string
	// Status is that of the refusal.
	Status string
}

// Cases are requests to a path that takes POST, below a host.
func Cases(host, path string) []Case {
	post := "POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\n"
	old := "POST " + path + " HTTP/1.0\r\nHost: " + host + "\r\n"
	next := "GET /smuggled HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	const bad = "400"
	return []Case{
		{"a length and chunks", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, bad},
		{"chunks and a length", post + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + next, bad},
		{"two lengths that differ", post + "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + next, bad},
		{"two lengths that are equal", post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + next, bad},
		{"a list of lengths", post + "Content-Length: 2, 2\r\n\r\n{}" + next, bad},
		{"a length with a sign", post + "Content-Length: +2\r\n\r\n{}" + next, bad},
		{"a negative length", post + "Content-Length: -2\r\n\r\n" + next, bad},
		{"a length in hexadecimal", post + "Content-Length: 0x2\r\n\r\n{}" + next, bad},
		{"a length with a space in it", post + "Content-Length: 2 0\r\n\r\n{}" + next, bad},
		{"an empty length", post + "Content-Length: \r\n\r\n" + next, bad},
		{"a length that is no number of 64 bits", post + "Content-Length: 18446744073709551618\r\n\r\n{}" + next, bad},
		{"a folded length", post + "Content-Length:\r\n 2\r\n\r\n{}" + next, bad},
		{"a folded field", post + "X-A: b\r\n\tc\r\nContent-Length: 2\r\n\r\n{}" + next, bad},
		{"a first field that is folded", "POST " + path + " HTTP/1.1\r\n Host: " + host + "\r\n\r\n" + next, bad},
		{"a folded encoding", post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + next, bad},
		{"two encodings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + next, bad},
		{"chunked twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, bad},
		{"a list of encodings", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + next, "501"},
		{"an encoding that is nearly chunked", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + next, "501"},
		{"a quoted encoding", post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" + next, "501"},
		{"an encoding behind a vertical tab", post + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" + next, bad},
		{"identity and a length", post + "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}" + next, bad},
		{"an encoding in HTTP/1.0", old + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, bad},
		{"an encoding and a length in HTTP/1.0", old + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + next, bad},
		{"a space before the colon of a length", post + "Content-Length : 2\r\n\r\n{}" + next, bad},
		{"a space before the colon of an encoding", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + next, bad},
		{"a tab before a colon", post + "X-A\t: b\r\n\r\n" + next, bad},
		{"a name with a space", post + "X A: b\r\n\r\n" + next, bad},
		{"a field without a name", post + ": b\r\n\r\n" + next, bad},
		{"a field without a colon", post + "Content-Length 2\r\n\r\n{}" + next, bad},
		{"lines that end in LF", strings.ReplaceAll(post+"Content-Length: 2\r\n\r\n", "\r\n", "\n") + "{}" + next, bad},
		{"one line that ends in LF", post + "X-A: b\nContent-Length: 2\r\n\r\n{}" + next, bad},
		{"an empty line that ends in LF", post + "Content-Length: 2\r\n\n{}" + next, bad},
		{"a CR within a value", post + "X-A: b\rContent-Length: 2\r\n\r\n" + next, bad},
		{"two CRs", post + "X-A: b\r\r\nContent-Length: 2\r\n\r\n{}" + next, bad},
		{"a zero byte in a value", post + "X-A: b\x00c\r\nContent-Length: 2\r\n\r\n{}" + next, bad},
		{"a zero byte in a name", post + "X-A\x00: b\r\nContent-Length: 2\r\n\r\n{}" + next, bad},
		{"no host", "POST " + path + " HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" + next, bad},
		{"two hosts", post + "Host: " + host + "\r\nContent-Length: 2\r\n\r\n{}" + next, bad},
		{"a host with a space", "POST " + path + " HTTP/1.1\r\nHost: a b\r\nContent-Length: 2\r\n\r\n{}" + next, bad},
		{"a host with a path", "POST " + path + " HTTP/1.1\r\nHost: a/b\r\nContent-Length: 2\r\n\r\n{}" + next, bad},
		{"two spaces in the first line", "POST  " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n" + next, bad},
		{"a target with a space", "POST " + path + " x HTTP/1.1\r\nHost: " + host + "\r\n\r\n" + next, bad},
		{"no version", "GET " + path + "\r\n\r\n" + next, bad},
		{"a version in lower case", "POST " + path + " http/1.1\r\nHost: " + host + "\r\n\r\n" + next, bad},
		{"a version of three digits", "POST " + path + " HTTP/1.10\r\nHost: " + host + "\r\n\r\n" + next, bad},
		{"a version to come", "POST " + path + " HTTP/3.0\r\nHost: " + host + "\r\n\r\n" + next, "505"},
		{"an empty line first", "\r\n" + post + "Content-Length: 2\r\n\r\n{}" + next, bad},
		{"a method that is no word", "PO(ST " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n" + next, bad},
	}
}

// Bodies are requests whose bodies cannot be read. A server may begin to answer
// such a request before it sees that; it reads nothing behind the body.
func Bodies(host, path string) []Case {
	post := "POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nTransfer-Encoding: chunked\r\n\r\n"
	next := "GET /smuggled HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	var all []Case
	for name, body := range map[string]string{
		"a chunk size with a sign":                "+2\r\n{}\r\n0\r\n\r\n",
		"a chunk size in C's form":                "0x2\r\n{}\r\n0\r\n\r\n",
		"a chunk size behind a space":             " 2\r\n{}\r\n0\r\n\r\n",
		"a chunk size with another word":          "2 2\r\n{}\r\n0\r\n\r\n",
		"a chunk size that is too large":          "10000000000000002\r\n{}\r\n0\r\n\r\n",
		"an empty chunk size":                     "\r\n{}\r\n0\r\n\r\n",
		"a chunk line that ends in LF":            "2\n{}\r\n0\r\n\r\n",
		"an extension that ends in LF":            "2;a\n{}\r\n0\r\n\r\n",
		"an extension with a CR":                  "2;a\rb\r\n{}\r\n0\r\n\r\n",
		"a chunk that ends in LF":                 "2\r\n{}\n0\r\n\r\n",
		"a chunk without an end":                  "2\r\n{}0\r\n\r\n",
		"a chunk that is longer than it says":     "2\r\n{}  \r\n0\r\n\r\n",
		"a last chunk that ends in LF":            "2\r\n{}\r\n0\n\n",
		"a trailer that ends in LF":               "2\r\n{}\r\n0\r\nX-A: b\n\r\n",
		"a trailer with a space before its colon": "2\r\n{}\r\n0\r\nX-A : b\r\n\r\n",
		"a folded trailer":                        "2\r\n{}\r\n0\r\nX-A: b\r\n c\r\n\r\n",
	} {
		all = append(all, Case{name, post + body + next, "400"})
	}
	return all
}

// Refused sends each case on a connection of its own. It checks that there is one
// answer, with its status where that is given, and that the connection ends.
func Refused(t *testing.T, address string, cases []Case) {
	t.Helper()
	for _, c := range cases {
		answer := said(t, address, c)
		if c.Status != "" && !strings.HasPrefix(answer, "HTTP/1.1 "+c.Status+" ") && !strings.HasPrefix(answer, "HTTP/1.0 "+c.Status+" ") {
			t.Errorf("%s: answer is %q, want status %s", c.Name, answer, c.Status)
		}
		if n := strings.Count(answer, "HTTP/1.1 ") + strings.Count(answer, "HTTP/1.0 "); n > 1 {
			t.Errorf("%s: there are %d answers: %q", c.Name, n, answer)
		}
	}
}

// patience bounds the wait for the end of a connection.
const patience = 10 * time.Second

func said(t *testing.T, address string, c Case) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, c.Text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("%s: %v", c.Name, err)
	}
	return string(answer)
}
