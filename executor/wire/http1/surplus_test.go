package http1

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"
)

// TestSurplusOverTLS has a server say more than it was asked, in a record of its own that
// comes together with the answer. Nothing of it is the answer to the next request.
func TestSurplusOverTLS(t *testing.T) {
	certificates := httptest.NewTLSServer(nil)
	defer certificates.Close()
	const answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
	plain, opened := playing(t, func(conn net.Conn) {
		secured := tls.Server(conn, certificates.TLS)
		if secured.Handshake() != nil {
			return
		}
		for buffer := make([]byte, 4096); ; {
			if _, err := secured.Read(buffer); err != nil {
				return
			}
			_, _ = io.WriteString(secured, answer+"mine")
			_, _ = io.WriteString(secured, answer+"more")
		}
	})
	pool := pooling("")
	pool.Dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := plain.Dial(ctx)
		if err != nil {
			return nil, err
		}
		return tls.Client(&slow{conn}, &tls.Config{InsecureSkipVerify: true}), nil
	}
	defer pool.Close()
	for range 3 {
		if g, err := asked(t.Context(), pool, posting("")); err != nil || g.body != "mine" {
			t.Errorf("answer is %q, %v", g.body, err)
		}
	}
	if n := opened.Load(); n != 3 {
		t.Errorf("%d connections were made", n)
	}
}

// slow reads when all has come that comes at once.
type slow struct{ net.Conn }

func (s *slow) Read(p []byte) (int, error) {
	time.Sleep(20 * time.Millisecond)
	return s.Conn.Read(p)
}

// NetConn is the connection beneath.
func (s *slow) NetConn() net.Conn { return s.Conn }
