package gateway

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// largestMirrored is the largest body that is copied to a shadow.
	largestMirrored = 16 << 20
	// mirrorsAtOnce bounds the copies that are on their way; further requests
	// are not mirrored until one has ended.
	mirrorsAtOnce = 64
	// mirrorTimeout bounds one copy.
	mirrorTimeout = 60 * time.Second
)

// mirror sends copies of requests to shadow predictors. Whatever becomes of a
// copy, the original knows nothing of it.
type mirror struct {
	slots chan struct{}
	// A copy outlives the request that it is made of, so it has a context of
	// its own.
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex // no copy begins once stopped is set
	stopped bool
	running sync.WaitGroup
}

func newMirror() *mirror {
	m := &mirror{slots: make(chan struct{}, mirrorsAtOnce)}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// stop gives up the copies that are on their way.
func (m *mirror) stop() {
	m.mu.Lock()
	m.stopped = true
	m.mu.Unlock()
	m.cancel()
	m.running.Wait()
}

// copyToShadow arranges for a copy of r, which b answers, to go to the
// deployment's shadow once the body of r has been read. It must be called before
// the body is. What the shadow answers itself is not copied to it.
func (g *Gateway) copyToShadow(r *http.Request, to *Deployment, b *Backend, target *url.URL) {
	if b == to.Shadow || !to.mirrors(g.random) || r.ContentLength > largestMirrored || !to.Shadow.ready() {
		return
	}
	shadow := to.Shadow
	address, transport := shadow.at.HTTP, shadow.rest
	if isGRPC(r) {
		address, transport = shadow.at.GRPC, shadow.rpc
	}
	copied := *target
	copied.Scheme, copied.Host = shadow.at.scheme(), address
	method, header := r.Method, r.Header.Clone()
	for _, name := range [...]string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade", "Expect"} {
		header.Del(name)
	}
	send := func(body []byte) {
		if !shadow.acquire() {
			return
		}
		g.mirror.send(transport, shadow.release, func(ctx context.Context) (*http.Request, error) {
			out, err := http.NewRequestWithContext(ctx, method, copied.String(), bytes.NewReader(body))
			if err == nil {
				out.Header = header
			}
			return out, err
		})
	}
	if r.Body == nil || r.Body == http.NoBody {
		send(nil)
		return
	}
	r.Body = &tee{ReadCloser: r.Body, complete: send}
}

// send makes the copy in the background if there is a free slot. done is
// called in any case.
func (m *mirror) send(transport http.RoundTripper, done func(), request func(context.Context) (*http.Request, error)) {
	if !m.begin() {
		done()
		return
	}
	go func() {
		defer m.running.Done()
		defer func() { <-m.slots }()
		defer done()
		ctx, cancel := context.WithTimeout(m.ctx, mirrorTimeout)
		defer cancel()
		r, err := request(ctx)
		if err != nil {
			return
		}
		response, err := transport.RoundTrip(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, response.Body) // So that the connection can be used again.
		response.Body.Close()
	}()
}

func (m *mirror) begin() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return false
	}
	select {
	case m.slots <- struct{}{}:
		m.running.Add(1)
		return true
	default:
		return false
	}
}

// tee keeps what is read of a body and hands it over at its end.
type tee struct {
	io.ReadCloser
	kept     bytes.Buffer
	complete func(body []byte) // nil once called, or when the body is too large
}

// Read implements io.Reader.
func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if t.complete == nil {
		return n, err
	}
	if t.kept.Len()+n > largestMirrored {
		t.complete, t.kept = nil, bytes.Buffer{}
		return n, err
	}
	t.kept.Write(p[:n])
	if err == io.EOF {
		complete := t.complete
		t.complete = nil
		complete(t.kept.Bytes())
	}
	return n, err
}
