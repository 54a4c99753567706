package gateway

import (
	"crypto/tls"
	"net/http"
	"sync"
	"time"
)

const (
	// idleConnections are kept open to one predictor.
	idleConnections = 256
	// idleTimeout is shorter than an executor's, so that the gateway never
	// writes a request to a connection that the executor is closing.
	idleTimeout = 30 * time.Second
)

// Backend is one generation of a predictor as the gateway sees it.
type Backend struct {
	predictor string
	at        Addresses
	ready     func() bool
	rest, rpc *http.Transport

	mu      sync.Mutex
	active  int
	retired bool
	drained chan struct{}
}

// Addresses are where a predictor listens (host:port).
type Addresses struct {
	HTTP, GRPC string
	// Metrics is the path of its metrics, on HTTP; empty: it has none.
	Metrics string
	// TLS says that it speaks TLS on both.
	TLS bool
}

func (a Addresses) scheme() string {
	if a.TLS {
		return "https"
	}
	return "http"
}

// NewBackend returns a backend that takes requests whenever ready reports true.
func NewBackend(predictor string, at Addresses, ready func() bool) *Backend {
	b := &Backend{predictor: predictor, at: at, ready: ready, drained: make(chan struct{})}
	b.rest = newTransport()
	b.rest.Protocols.SetHTTP1(true)
	b.rpc = newTransport()
	if at.TLS {
		config := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // The certificate is that of a host in a cluster, and the server is a process of ours.
		b.rest.TLSClientConfig, b.rpc.TLSClientConfig = config, config.Clone()
		b.rpc.Protocols.SetHTTP2(true)
	} else {
		b.rpc.Protocols.SetUnencryptedHTTP2(true)
	}
	return b
}

// newTransport makes a transport that hands bytes on as they come.
func newTransport() *http.Transport {
	return &http.Transport{
		Protocols:           new(http.Protocols),
		MaxIdleConnsPerHost: idleConnections,
		IdleConnTimeout:     idleTimeout,
		DisableCompression:  true,
	}
}

// acquire counts a request in. It reports false when the backend is retired:
// then the deployments have changed and have to be read again.
func (b *Backend) acquire() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.retired {
		return false
	}
	b.active++
	return true
}

// release counts a request out.
func (b *Backend) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.active--; b.active == 0 && b.retired {
		close(b.drained)
	}
}

// Retire lets no more requests in and returns when the last one has left, or
// after the given time.
func (b *Backend) Retire(atMost time.Duration) {
	b.mu.Lock()
	if !b.retired {
		b.retired = true
		if b.active == 0 {
			close(b.drained)
		}
	}
	b.mu.Unlock()
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-b.drained:
	case <-timer.C:
	}
	b.rest.CloseIdleConnections()
	b.rpc.CloseIdleConnections()
}
