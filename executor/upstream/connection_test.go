package upstream

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/wire/http1"
)

// linked is a connection as the transport has it, and its other end.
func linked(t *testing.T) (c *connection, peer net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	conn, err := counting((&net.Dialer{}).DialContext)(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if peer, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return conn.(*connection), peer
}

// What the peer's side has accepted decides whether a request may be sent
// again.
func TestUntaken(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the kernel is asked on Linux alone")
	}
	exchange := func(t *testing.T, c *connection, peer net.Conn) {
		t.Helper()
		buffer := make([]byte, 100)
		if _, err := io.WriteString(c, "first"); err != nil {
			t.Fatal(err)
		}
		if n, _ := peer.Read(buffer); n != 5 {
			t.Fatalf("%d bytes came", n)
		}
		_, _ = io.WriteString(peer, "answer")
		if n, _ := c.Read(buffer); n != 6 {
			t.Fatalf("%d bytes of answer came", n)
		}
	}
	for name, c := range map[string]struct {
		closing func(peer net.Conn)
		reused  bool
		want    bool
	}{
		"closed before":                 {func(peer net.Conn) { _ = peer.Close() }, true, true},
		"closed before, and fresh":      {func(peer net.Conn) { _ = peer.Close() }, false, false},
		"reset before":                  {func(peer net.Conn) { _ = peer.(*net.TCPConn).SetLinger(0); _ = peer.Close() }, true, true},
		"closed for writing, and reads": {func(peer net.Conn) { _ = peer.(*net.TCPConn).CloseWrite() }, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			conn, peer := linked(t)
			defer func() { _ = peer.Close() }()
			exchange(t, conn, peer)
			u := useOf(conn, c.reused)
			c.closing(peer)
			_, _ = io.WriteString(conn, "second")
			_, _ = io.ReadAll(conn)
			_ = conn.Close()
			if u.untaken() != c.want {
				t.Errorf("untaken is %v", !c.want)
			}
		})
	}
	t.Run("read to its end and dropped", func(t *testing.T) {
		conn, peer := linked(t)
		exchange(t, conn, peer)
		u := useOf(conn, true)
		_, _ = io.WriteString(conn, "second")
		_, _ = peer.Read(make([]byte, 100))
		_ = peer.Close()
		_, _ = io.ReadAll(conn)
		_ = conn.Close()
		if u.untaken() {
			t.Error("a request that was taken may be sent again")
		}
	})
	t.Run("read in part and dropped", func(t *testing.T) {
		conn, peer := linked(t)
		exchange(t, conn, peer)
		u := useOf(conn, true)
		_, _ = io.WriteString(conn, strings.Repeat("second", firstRead))
		_, _ = peer.Read(make([]byte, firstRead))
		_ = peer.Close()
		_, _ = io.ReadAll(conn)
		_ = conn.Close()
		if u.untaken() {
			t.Error("a request that was taken may be sent again")
		}
	})
}

// A component that closes each connection after an answer, without a word,
// costs next to no request, and none comes twice. What its kernel had accepted
// before it closed is not sent again.
func TestClosedConnectionCostsLittle(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var arrived atomic.Int32
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				if n, _ := conn.Read(make([]byte, 4096)); n > 0 {
					arrived.Add(1)
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
				_ = conn.Close()
			}()
		}
	}()
	var pool message.Pool
	h := NewHTTP(Options{MaxResponseBytes: 1 << 20})
	to := Server{Host: l.Addr().String()}.Target("/")
	const requests, most = 3000, 30
	failed := 0
	for range requests {
		m := incoming(&pool, "hello", "", http.Header{})
		if answer, err := h.Send(t.Context(), to, m); err != nil || string(answer.Body) != "ok" {
			failed++
		}
		m.Meta.Lease.Release()
	}
	if n := int(arrived.Load()); n != requests-failed || failed > most {
		t.Errorf("%d requests arrived %d times, %d failed", requests, n, failed)
	}
}

// Keys of clients do not have net/http send a request to a proxy again; servers
// see them.
func TestRepeatKeys(t *testing.T) {
	h := unrepeatable(http.Header{"Idempotency-Key": {"a"}, "X-Idempotency-Key": {"b"}})
	for name, value := range map[string]string{"idempotency-key": "a", "x-idempotency-key": "b"} {
		if v := h[name]; len(v) != 1 || v[0] != value || len(h[http.CanonicalHeaderKey(name)]) > 0 {
			t.Errorf("header is %v", h)
		}
	}
}

// TestProxyIsToldOfNoAgent sends a request that names no agent the way to a proxy:
// net/http is not to name itself, whether the header is made of lines or of fields.
func TestProxyIsToldOfNoAgent(t *testing.T) {
	agents := make(chan []string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { agents <- r.Header["User-Agent"] }))
	defer s.Close()
	h := NewHTTP(Options{MaxResponseBytes: 100})
	defer h.Close()
	to := Server{Host: s.Listener.Addr().String()}.Target("/predict")
	h.pools.Store(to.key, (*http1.Pool)(nil))
	var pool message.Pool
	lined := incoming(&pool, "{}", "text/plain", nil)
	lined.Meta, _ = lined.Meta.Lease.Recycle(func(lines []byte) ([]byte, string, bool) {
		return append(lines, "Content-Type: text/plain\r\n"...), "text/plain", true
	})
	for name, m := range map[string]message.Message{
		"lines": lined, "fields": incoming(&pool, "{}", "text/plain", http.Header{"Content-Type": {"text/plain"}}), "none": incoming(&pool, "{}", "", nil),
	} {
		if _, err := h.Send(t.Context(), to, m); err != nil {
			t.Fatal(name, err)
		}
		if told := <-agents; told != nil {
			t.Errorf("%s: the agent is %q", name, told)
		}
		m.Meta.Lease.Release()
	}
}
