package gateway

import (
	"context"
	"crypto/tls"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prime-radiant/radiant/scaling"
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
	// wake, if not nil, is called for a request to a backend that is not ready, which
	// is kept until it is.
	wake    func()
	load    *scaling.Meter
	waiting atomic.Int64

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
	b := &Backend{predictor: predictor, at: at, ready: ready, load: scaling.NewMeter(time.Now), drained: make(chan struct{})}
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

// Rests says that the backend may be at rest, and what wakes it. It is called before
// there are requests.
func (b *Backend) Rests(wake func()) { b.wake = wake }

// Load is what there was of requests; those that wait count.
func (b *Backend) Load() scaling.Load { return b.load.Load() }

const (
	// mostWaiting are the requests that wait for one backend, waitTime is how long.
	mostWaiting = 1000
	waitTime    = 2 * time.Minute
	// lookEvery is how often one that waits looks whether the backend is ready.
	lookEvery = 20 * time.Millisecond
)

// awaken waits until a backend that rests is ready, or retired. It reports false
// where there is nothing to wait for, and where it waited in vain.
func (b *Backend) awaken(ctx context.Context) bool {
	if b.wake == nil || b.waiting.Add(1) > mostWaiting {
		if b.wake != nil {
			b.waiting.Add(-1)
		}
		return false
	}
	defer b.waiting.Add(-1)
	b.load.Begin()
	defer b.load.End()
	b.wake()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for end := time.Now().Add(waitTime); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
			if b.ready() || b.isRetired() {
				return true
			}
			b.wake()
		}
	}
	return false
}

func (b *Backend) isRetired() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.retired
}

// acquire counts a request in. It reports false when the backend is retired, and
// when one that rests is no longer ready: then the deployments have to be read
// again.
func (b *Backend) acquire() bool {
	b.load.Begin()
	if b.enter() {
		return true
	}
	b.load.End()
	return false
}

func (b *Backend) enter() bool {
	if b.wake != nil && !b.ready() {
		return false // Who ends it has seen nobody.
	}
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
	b.load.End()
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
