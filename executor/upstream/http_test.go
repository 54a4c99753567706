package upstream

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

func incoming(pool *message.Pool, body, kind string, header http.Header) message.Message {
	return message.Message{Body: []byte(body), Type: kind, Meta: &message.Meta{Header: message.NewHeader(header), Lease: pool.Lease()}}
}

// One request after another, and many at once, must not open a connection each.
func TestConnectionsAreKept(t *testing.T) {
	var opened atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	h := NewHTTP(Options{MaxResponseBytes: 1 << 20})
	to := Server{Host: s.Listener.Addr().String()}.Target("/predict")
	var pool message.Pool
	const clients, requests = 50, 40
	var wait sync.WaitGroup
	for range clients {
		wait.Go(func() {
			for range requests {
				m := incoming(&pool, "hello", "text/plain", http.Header{})
				answer, err := h.Send(t.Context(), to, m)
				if err != nil || string(answer.Body) != "hello" {
					t.Errorf("answer is %q, %v", answer.Body, err)
				}
				m.Meta.Lease.Release()
			}
		})
	}
	wait.Wait()
	if n := opened.Load(); n > clients*2 {
		t.Errorf("%d requests of %d clients opened %d connections", clients*requests, clients, n)
	}
}

func TestHeaderOf(t *testing.T) {
	client := http.Header{"Content-Type": {"application/json"}, "X-A": {"1"}}
	var pool message.Pool
	m := incoming(&pool, "", "application/json", client)
	if h := headerOf(t.Context(), m); len(h) != 2 {
		t.Errorf("header is %v", h)
	} else if h["X-B"] = nil; len(client) != 3 {
		t.Error("a header that fits was copied")
	}
	delete(client, "X-B")
	for name, c := range map[string]struct {
		change func(*message.Message)
		want   map[string]string
	}{
		"another type": {func(m *message.Message) { m.Type = "text/plain" }, map[string]string{"Content-Type": "text/plain"}},
		"no type":      {func(m *message.Message) { m.Type = "" }, map[string]string{"Content-Type": ""}},
		"encoding":     {func(m *message.Message) { m.Encoding = "gzip" }, map[string]string{"Content-Type": "application/json", "Content-Encoding": "gzip"}},
		"tensors":      {func(m *message.Message) { m.JSONLength = 12 }, map[string]string{"Inference-Header-Content-Length": "12"}},
	} {
		m := m
		c.change(&m)
		h := headerOf(t.Context(), m)
		for k, v := range c.want {
			if h.Get(k) != v {
				t.Errorf("%s: %s is %q, want %q", name, k, h.Get(k), v)
			}
		}
		if h.Get("X-A") != "1" || client.Get("Content-Type") != "application/json" || len(client) != 2 {
			t.Errorf("%s: header is %v, the client's %v", name, h, client)
		}
	}
}

// The transport may read a body after the call has returned, of any size.
func TestBodyKeepsItsBuffers(t *testing.T) {
	lines := func(b []byte) ([]byte, string, bool) { return b, "", true }
	for _, size := range []int{10, 1 << 10, 10 << 10, message.Small - 1, message.Small, 4 * message.Small} {
		var pool message.Pool
		read := func(lease *message.Lease, text string) []byte {
			lease.Recycle(lines)
			body, err := lease.ReadAll(strings.NewReader(text), int64(len(text)), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			return body
		}
		lease := pool.Lease()
		kept := strings.Repeat("k", size)
		b := newBody(message.Message{Body: read(lease, kept), Meta: &message.Meta{Lease: lease}})
		lease.Release()
		for range 8 {
			other := pool.Lease()
			read(other, strings.Repeat("X", size))
			other.Release()
		}
		if got, _ := io.ReadAll(b); string(got) != kept {
			t.Errorf("body of %d bytes is %.20q", size, got)
		}
		_ = b.Close()
		_ = b.Close()
	}
}

func TestWrongJSONLength(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Inference-Header-Content-Length", "99")
		_, _ = io.WriteString(w, "{}")
	}))
	defer s.Close()
	var pool message.Pool
	_, err := NewHTTP(Options{MaxResponseBytes: 100}).Send(t.Context(), Server{Host: s.Listener.Addr().String()}.Target("/"), incoming(&pool, "", "", http.Header{}))
	if err == nil || protocol.CodeOf(err) != protocol.BadAnswer {
		t.Errorf("error is %v", err)
	}
}

// component answers every request by the same bytes and then reads on.
func component(t *testing.T, answer string) *Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				for buffer := make([]byte, 4096); ; {
					if _, err := conn.Read(buffer); err != nil {
						return
					}
					_, _ = io.WriteString(conn, answer)
				}
			}()
		}
	}()
	return Server{Host: l.Addr().String()}.Target("/predict")
}

func TestOddAnswers(t *testing.T) {
	for name, c := range map[string]struct{ answer, want string }{
		"switches protocols": {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", `predict": status 101 ends no request`},
		"status below 100":   {"HTTP/1.1 042 x\r\nContent-Length: 2\r\n\r\n{}", `predict": status 42 ends no request`},
		"redirects forever":  {"HTTP/1.1 307 x\r\nLocation: /predict\r\nContent-Length: 0\r\n\r\n", `predict": stopped after 10 redirects`},
		"leads elsewhere":    {"HTTP/1.1 307 x\r\nLocation: http://elsewhere/predict\r\nContent-Length: 0\r\n\r\n", `predict": status 307 leads to http://elsewhere: redirects are followed within a component only`},
		"too large":          {"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n", `message is too large: the limit is 1048576 bytes (--max_response_bytes)`},
		"no HTTP":            {"SSH-2.0-x\r\n\r\n", "malformed HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			var pool message.Pool
			_, err := NewHTTP(Options{MaxResponseBytes: 1 << 20}).Send(t.Context(), component(t, c.answer), incoming(&pool, "{}", "", http.Header{}))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "Post ") != 1 {
				t.Errorf("error is %v", err)
			}
		})
	}
	t.Run("informs first", func(t *testing.T) {
		var pool message.Pool
		to := component(t, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
		m, err := NewHTTP(Options{MaxResponseBytes: 1 << 20}).Send(t.Context(), to, incoming(&pool, "{}", "", http.Header{}))
		if err != nil || string(m.Body) != "{}" {
			t.Errorf("answer is %q, %v", m.Body, err)
		}
	})
}
