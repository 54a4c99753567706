package http1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// playing is a server that answers each connection by a function.
func playing(t *testing.T, play func(conn net.Conn)) (pool *Pool, opened *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	opened = new(atomic.Int32)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			opened.Add(1)
			go func() {
				defer func() { _ = conn.Close() }()
				play(conn)
			}()
		}
	}()
	pool = pooling(l.Addr().String())
	t.Cleanup(pool.Close)
	return pool, opened
}

func pooling(address string) *Pool {
	return &Pool{
		Dial:        func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "tcp", address) },
		HeaderBytes: 64 << 10, MaxIdle: 10, IdleTimeout: time.Minute,
	}
}

// repeating answers whatever comes by the same bytes.
func repeating(answer string) func(conn net.Conn) {
	return func(conn net.Conn) {
		for buffer := make([]byte, 64<<10); ; {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
			_, _ = io.WriteString(conn, answer)
		}
	}
}

// TestAnOldConnectionIsNotUsed: who has not been asked for so long may end it at any moment.
func TestAnOldConnectionIsNotUsed(t *testing.T) {
	pool, opened := playing(t, repeating("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
	pool.IdleTimeout = time.Nanosecond
	for range 3 {
		if g, err := asked(t.Context(), pool, posting("question")); err != nil || g.status != http.StatusOK {
			t.Fatal(g, err)
		}
	}
	if n := opened.Load(); n != 3 {
		t.Errorf("%d connections were made for 3 requests", n)
	}
}

type got struct {
	status int
	header http.Header
	body   string
}

func asked(ctx context.Context, p *Pool, r *Request) (got, error) {
	conn, err := p.Take(ctx)
	if err != nil {
		return got{}, err
	}
	answer, err := conn.Send(ctx, r)
	if err != nil {
		return got{}, err
	}
	defer func() { _ = answer.Close() }()
	g := got{status: answer.Status, header: answer.Header(func([]byte) bool { return true })}
	body, err := io.ReadAll(answer)
	g.body = string(body)
	return g, err
}

func posting(body string) *Request {
	return &Request{Method: http.MethodPost, Target: "/x", Host: "h", Header: map[string][]string{"A": {"b", "c\r\nd"}, "Host": {"no"}}, Body: []byte(body), Sized: true}
}

func TestAnswersOfServers(t *testing.T) {
	large := strings.Repeat("x", 100_000)
	for name, c := range map[string]struct {
		answer, body string
		kept         bool
	}{
		"a length":                   {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "{}", true},
		"two equal lengths":          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "{}", true},
		"nothing":                    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true},
		"no content":                 {"HTTP/1.1 204 No Content\r\n\r\n", "", true},
		"chunks":                     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;a=b\r\n}\r\n0\r\nX: y\r\n\r\n", "{}", true},
		"chunks and a length":        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "{}", false},
		"lines that end in LF":       {"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", "{}", true},
		"a folded field":             {"HTTP/1.1 200 OK\r\nX-A: b\r\n  c\r\nContent-Length: 2\r\n\r\n{}", "{}", true},
		"HTTP/1.0":                   {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "{}", false},
		"HTTP/1.0 that goes on":      {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", "{}", true},
		"a connection that ends":     {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", "{}", false},
		"no reason":                  {"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", "{}", true},
		"more than was asked":        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{}", "{}", false},
		"a large body":               {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + large, large, true},
		"informs, and then the same": {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nLink: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "{}", true},
	} {
		pool, opened := playing(t, repeating(c.answer))
		for range 3 {
			g, err := asked(t.Context(), pool, posting("question"))
			if err != nil || g.body != c.body || g.status/100 != 2 {
				t.Errorf("%s: answer is %d %.40q, %v", name, g.status, g.body, err)
			}
			if name == "a folded field" && strings.Join(strings.Fields(g.header.Get("X-A")), " ") != "b c" {
				t.Errorf("a folded field is %q", g.header)
			}
		}
		if n := opened.Load(); (n == 1) != c.kept {
			t.Errorf("%s: 3 requests open %d connections", name, n)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, answer := range map[string]string{
		"another protocol":    "SSH-2.0-x\r\n\r\n",
		"two lengths":         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"a wrong length":      "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
		"another encoding":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
		"chunks that are bad": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"no colon":            "HTTP/1.1 200 OK\r\nContent-Length 2\r\n\r\n{}",
		"a long head":         "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 100_000) + "\r\n\r\n",
		"informs for ever":    strings.Repeat("HTTP/1.1 102 x\r\n\r\n", 100),
	} {
		pool, _ := playing(t, repeating(answer))
		if g, err := asked(t.Context(), pool, posting("question")); err == nil {
			t.Errorf("%s: answer is %v", name, g)
		}
		if len(pool.idle) > 0 {
			t.Errorf("%s: the connection is kept", name)
		}
	}
	pool, _ := playing(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1000))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}")
	})
	if g, err := asked(t.Context(), pool, posting("question")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half an answer is %v, %v", g, err)
	}
	pool, _ = playing(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1000))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\nto the end")
	})
	if g, err := asked(t.Context(), pool, posting("question")); err != nil || g.body != "to the end" {
		t.Errorf("an answer to the end of the connection is %v, %v", g, err)
	}
}

// The client's requests are read by the server as they were meant.
func TestRoundTrip(t *testing.T) {
	_, address := serving(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %s %q %d %d", r.Method, r.RequestURI, r.Host, r.Header["A"], r.ContentLength, len(body))
	})
	pool := pooling(address)
	defer pool.Close()
	for _, size := range []int{0, 10, 10_000, outSize, 20_000, togetherSize, togetherSize + 1, 5_000_000} {
		want := fmt.Sprintf(`POST /x h ["b" "c  d"] %d %d`, size, size)
		if g, err := asked(t.Context(), pool, posting(strings.Repeat("x", size))); err != nil || g.body != want {
			t.Errorf("%d bytes: answer is %q, %v", size, g.body, err)
		}
	}
	if g, err := asked(t.Context(), pool, &Request{Method: http.MethodGet, Target: "/y?z", Host: "h"}); err != nil || g.body != "GET /y?z h [] 0 0" {
		t.Errorf("answer is %q, %v", g.body, err)
	}
}

// A connection that nobody uses does not hold the room that large heads took, of a
// request and of an answer.
func TestIdleConnectionsAreSmall(t *testing.T) {
	_, address := serving(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("y", 60_000)) })
	pool := pooling(address)
	defer pool.Close()
	r := posting("")
	r.Lines = []byte("X: " + strings.Repeat("y", 60_000) + "\r\n")
	if _, err := asked(t.Context(), pool, r); err != nil {
		t.Fatal(err)
	}
	c := pool.last()
	if c == nil {
		t.Fatal("no connection is kept")
	}
	defer func() { _ = c.Raw.Close() }()
	if n := cap(c.out) + cap(c.in.b); n > 2*outSize+readSize {
		t.Errorf("it holds %d bytes", n)
	}
}

// A server that answers before it has read the request is heard.
func TestEarlyAnswer(t *testing.T) {
	for _, size := range []int{1000, togetherSize, 50_000_000} {
		pool, _ := playing(t, func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 100))
			_, _ = io.WriteString(conn, "HTTP/1.1 413 x\r\nContent-Length: 2\r\n\r\n{}")
			time.Sleep(300 * time.Millisecond)
		})
		r := &Request{Method: http.MethodPost, Target: "/", Host: "h", Body: bytes.Repeat([]byte("x"), size)}
		if g, err := asked(t.Context(), pool, r); err != nil || g.status != http.StatusRequestEntityTooLarge || g.body != "{}" {
			t.Errorf("%d bytes: answer is %v, %v", size, g, err)
		}
	}
}

// The end of a context ends what waits, with the context's own error.
func TestContexts(t *testing.T) {
	gone := make(chan struct{}, 10)
	pool, _ := playing(t, func(conn net.Conn) {
		_, _ = io.Copy(io.Discard, conn)
		gone <- struct{}{}
	})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := asked(ctx, pool, posting("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := asked(ctx, pool, posting("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("timed out: %v", err)
	}
	for range 2 {
		select {
		case <-gone:
		case <-time.After(time.Second):
			t.Fatal("the server still waits")
		}
	}
	// A deadline does not outlast its request.
	pool, opened := playing(t, repeating("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := asked(ctx, pool, posting("x")); err != nil {
			t.Error(err)
		}
		cancel()
		time.Sleep(60 * time.Millisecond)
		if _, err := asked(t.Context(), pool, posting("x")); err != nil {
			t.Error(err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections were opened", n)
	}
}

// A connection that its server has closed is not used again.
func TestClosedConnections(t *testing.T) {
	pool, opened := playing(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1000))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
	})
	for range 20 {
		if _, err := asked(t.Context(), pool, posting("x")); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if n := opened.Load(); n != 20 {
		t.Errorf("20 requests came on %d connections", n)
	}
	pool, _ = playing(t, repeating("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
	pool.IdleTimeout = 20 * time.Millisecond
	if _, err := asked(t.Context(), pool, posting("x")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	pool.mu.Lock()
	defer pool.mu.Unlock()
	if len(pool.idle) > 0 {
		t.Error("an idle connection is kept for ever")
	}
}
