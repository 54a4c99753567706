package http1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/tests/kit/smuggling"
)

// played is a connection on which a text comes, and then nothing more.
type played struct {
	mu      sync.Mutex
	text    *bytes.Reader
	closed  chan struct{}
	closing sync.Once
	out     bytes.Buffer
}

func newPlayed(text []byte) *played {
	return &played{text: bytes.NewReader(text), closed: make(chan struct{})}
}

func (p *played) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Read(b)
}

func (p *played) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *played) Close() error {
	p.closing.Do(func() { close(p.closed) })
	return nil
}

func (*played) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*played) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*played) SetDeadline(time.Time) error      { return nil }
func (*played) SetReadDeadline(time.Time) error  { return nil }
func (*played) SetWriteDeadline(time.Time) error { return nil }

// one is a listener with one connection.
type one struct {
	conn net.Conn
	once sync.Once
	done chan struct{}
}

func (l *one) Accept() (conn net.Conn, err error) {
	l.once.Do(func() { conn = l.conn })
	if conn == nil {
		<-l.done
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (*one) Close() error   { return nil }
func (*one) Addr() net.Addr { return &net.TCPAddr{} }

// seen is what a handler gets of a request.
type seen struct {
	Method, Target, Proto, Host, Path, Query string
	Header                                   http.Header
	Length                                   int64
	Encoding                                 []string
	Close                                    bool
	Body                                     string
	Broken                                   bool
}

// played has a server read a text, and returns what its handler gets.
func reads(text []byte, serve func(l net.Listener, h http.Handler)) []seen {
	var all []seen
	conn := newPlayed(text)
	l := &one{conn: conn, done: make(chan struct{})}
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		all = append(all, seen{
			r.Method, r.RequestURI, r.Proto, r.Host, r.URL.Path, r.URL.RawQuery,
			r.Header.Clone(), r.ContentLength, r.TransferEncoding, r.Close, string(body), err != nil,
		})
	})
	serve(l, h)
	<-conn.closed
	close(l.done)
	return all
}

func byUs(l net.Listener, h http.Handler) {
	s := &Server{Handler: h, HeaderBytes: 64 << 10}
	go func() { _ = s.Serve(l) }()
}

func byStandard(l net.Listener, h http.Handler) {
	s := &http.Server{Handler: h, MaxHeaderBytes: 64 << 10, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = s.Serve(l) }()
}

// alike says how our reading of a text differs from that of net/http. Ours may
// refuse more, and so see fewer requests.
func alike(ours, theirs []seen) error {
	if len(ours) > len(theirs) {
		return fmt.Errorf("%d requests are taken, and %d by net/http", len(ours), len(theirs))
	}
	for i, o := range ours {
		s := theirs[i]
		if o.Broken {
			// It may be broken earlier than for net/http.
			if i < len(ours)-1 {
				return fmt.Errorf("request %d is broken, and more follow", i)
			}
			o.Body, o.Broken, s.Body, s.Broken = "", false, "", false
		}
		if diff := cmp.Diff(s, o); diff != "" {
			return fmt.Errorf("request %d differs (-net/http, +http1):\n%s", i, diff)
		}
	}
	return nil
}

// FuzzRequests compares our reading of what comes on a connection with net/http's:
// what that refuses is refused, and what both take is the same, with the beginning
// of the next request.
func FuzzRequests(f *testing.F) {
	for _, c := range append(smuggling.Cases("x", "/a"), smuggling.Bodies("x", "/a")...) {
		f.Add([]byte(c.Text))
	}
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: y\r\nConnection: close\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST http://h/a?b HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nxOPTIONS * HTTP/1.1\r\nHost: x\r\nPragma: no-cache\r\n\r\n",
		"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nPUT / HTTP/1.1\r\nHost: [::1]:80\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
		"GET /%41?%zz#a HTTP/1.1\r\nHost: x\r\nx-a: 1\r\nX-A:2\r\nCookie: \t\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if strings.HasPrefix(string(text), "PRI ") {
			return // net/http hands it to the handler, as HTTP/2.
		}
		if err := alike(reads(text, byUs), reads(text, byStandard)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// The comparison finds what it is for.
func TestAlikeFindsDifferences(t *testing.T) {
	ours := reads([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), byUs)
	if err := alike(ours, ours); err != nil || len(ours) != 1 {
		t.Errorf("the same: %v, %v", ours, err)
	}
	for name, theirs := range map[string][]seen{
		"none":          {},
		"another":       reads([]byte("GET /b HTTP/1.1\r\nHost: x\r\n\r\n"), byStandard),
		"another field": reads([]byte("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n"), byStandard),
	} {
		if alike(ours, theirs) == nil {
			t.Errorf("%s: no difference is found", name)
		}
	}
	if err := alike([]seen{{Broken: true}, {}}, []seen{{Broken: true}, {}}); err == nil || errors.Is(err, io.EOF) {
		t.Error("a request behind a broken one is not found")
	}
}
