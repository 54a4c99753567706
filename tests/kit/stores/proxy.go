package stores

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy stands before a store, and counts what that sends.
type Proxy struct {
	URL string
	// Bytes are those of bodies, Requests all that were made.
	Bytes, Requests atomic.Int64
	// Damage changes a byte of each answer with a body that large or larger;
	// 0: of none.
	Damage atomic.Int64
	// Refuse is the status of answers to requests for objects; 0: none is
	// refused.
	Refuse atomic.Int64
	// Pace is the pause after each read, in nanoseconds: a client that keeps up
	// leaves nothing in buffers on the way.
	Pace atomic.Int64
	// Reached is closed when Bytes has come to Until.
	Until   int64
	Reached chan struct{}
	closed  atomic.Bool
}

// StartProxy stands before the store at a URL.
func StartProxy(t testing.TB, store string) *Proxy {
	t.Helper()
	target, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Reached: make(chan struct{})}
	proxy := &httputil.ReverseProxy{
		// The host is a part of what is signed.
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ModifyResponse: func(r *http.Response) error { r.Body = &metered{r.Body, p, 0}; return nil },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.Requests.Add(1)
		if status := int(p.Refuse.Load()); status != 0 && r.URL.Query().Get("list-type") == "" {
			w.WriteHeader(status)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

type metered struct {
	io.ReadCloser
	p    *Proxy
	seen int64
}

func (m *metered) Read(b []byte) (int, error) {
	n, err := m.ReadCloser.Read(b)
	if at := m.p.Damage.Load(); at > 0 && m.seen < at && m.seen+int64(n) >= at {
		b[at-m.seen-1] ^= 1
	}
	m.seen += int64(n)
	time.Sleep(time.Duration(m.p.Pace.Load()))
	if total := m.p.Bytes.Add(int64(n)); m.p.Until > 0 && total >= m.p.Until && m.p.closed.CompareAndSwap(false, true) {
		close(m.p.Reached)
	}
	return n, err
}
