package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prime-radiant/radiant/activator/hold"
	"github.com/prime-radiant/radiant/activator/refusal"
	"github.com/prime-radiant/radiant/scaling"
)

// onward is how requests go on: by connections to pods.
type onward struct {
	rest, rpc *http.Transport
	buffers   *buffers
}

const (
	// keptTime is shorter than servers of components keep connections that nobody
	// uses (2 s and more): a request on one that the server is closing would be lost.
	keptTime = 1500 * time.Millisecond
	// keptForEach are the connections kept to one pod.
	keptForEach = 256
	// dialTime bounds the making of a connection to a pod.
	dialTime = 3 * time.Second
	// pingAfter and pingTime find out that a pod has gone without a word.
	pingAfter, pingTime = 10 * time.Second, 5 * time.Second
)

func newOnward() onward {
	transport := func() *http.Transport {
		return &http.Transport{
			Protocols: new(http.Protocols), MaxIdleConnsPerHost: keptForEach, IdleConnTimeout: keptTime, DisableCompression: true,
			DialContext: (&net.Dialer{Timeout: dialTime}).DialContext,
			HTTP2:       &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTime},
		}
	}
	o := onward{rest: transport(), rpc: transport(), buffers: &buffers{}}
	o.rest.Protocols.SetHTTP1(true)
	o.rpc.Protocols.SetUnencryptedHTTP2(true)
	return o
}

// buffers are what bodies are copied through.
type buffers struct{ pool sync.Pool }

// Get implements [httputil.BufferPool].
func (p *buffers) Get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 32<<10)
}

// Put implements [httputil.BufferPool].
func (p *buffers) Put(b []byte) { p.pool.Put(&b) }

// exchange is one request on its way.
type exchange struct {
	front *front
	by    string
	// ip is that of the pod that has it; empty: none has.
	ip string
	// body is nil where the request has not waited.
	body *body
	// waited is for how long it has, began when it came.
	waited time.Duration
	began  time.Time
}

// The ways in which requests come, as [scaling.Wake] calls them.
const (
	byREST = "REST"
	byGRPC = "gRPC"
)

// asksForReach reports whether a request asks no more than whether it comes this far: of a
// health check of gRPC the header says so alone.
func (f *front) asksForReach(r *http.Request) bool {
	if r.Header.Get(scaling.HeaderReach) == "" {
		return false
	}
	if refusal.IsGRPC(r) {
		return r.URL.Path == scaling.HealthCheck
	}
	f.mu.Lock()
	path := f.spec.ReadyPath
	f.mu.Unlock()
	return r.Method == http.MethodGet && path != "" && strings.HasSuffix(r.URL.Path, path)
}

// leadsPast reports whether clients should make other connections: their next request
// goes to a pod then, without a detour.
func (f *front) leadsPast() bool { return f.activator.draining.Load() || !f.led() }

// tellServing answers a health check of gRPC.
func tellServing(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	_, _ = io.WriteString(w, scaling.HealthServing)
	w.Header().Set("Grpc-Status", "0")
}

// serve hands a request on, when there is a pod for it.
func (f *front) serve(w http.ResponseWriter, r *http.Request) {
	if f.asksForReach(r) {
		if f.leadsPast() {
			w.Header().Set("Connection", "close")
		}
		if refusal.IsGRPC(r) {
			tellServing(w)
		}
		return
	}
	f.use()
	defer f.leave()
	x := &exchange{front: f, by: byREST, began: time.Now()}
	transport := f.activator.onward.rest
	if refusal.IsGRPC(r) {
		x.by, transport = byGRPC, f.activator.onward.rpc
	}
	defer x.end(w)
	var ok bool
	if x.ip, ok = f.queue.Try(); !ok {
		if err := x.wait(r); err != nil {
			f.refused(w, r, err)
			return
		}
	}
	proxy := httputil.ReverseProxy{
		Rewrite:        x.rewrite,
		ModifyResponse: x.answered,
		Transport:      roundTripper{x, transport},
		FlushInterval:  -1,
		BufferPool:     f.activator.onward.buffers,
		ErrorLog:       log.New(io.Discard, "", 0),
		ErrorHandler:   func(w http.ResponseWriter, r *http.Request, err error) { f.failed(w, r, err) },
	}
	proxy.ServeHTTP(w, r)
}

// wait waits for a pod, and keeps what comes of the request's body.
func (x *exchange) wait(r *http.Request) error {
	f, start := x.front, time.Now()
	if x.body == nil {
		if r.ContentLength > f.activator.memory.left() {
			return errMemory
		}
		x.body = newBody(r.Body, r.ContentLength, f.activator.memory)
	} else if err := x.body.stay(); err != nil {
		f.activator.meters.waited(f, x.waited, err)
		return err
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	go func() {
		select {
		case <-x.body.full:
			cancel(errMemory)
		case <-ctx.Done():
		}
	}()
	f.held.Begin()
	f.arrived(x.by)
	ip, err := f.queue.Wait(ctx)
	f.held.End()
	f.look()
	x.waited += time.Since(start)
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errMemory) {
		err = cause
	}
	f.activator.meters.waited(f, x.waited, err)
	x.ip = ip
	return err
}

// end gives back what the request has.
func (x *exchange) end(w http.ResponseWriter) {
	if x.ip != "" {
		x.front.queue.Done(x.ip)
	}
	if x.body != nil {
		x.body.end(func() { _ = http.NewResponseController(w).SetReadDeadline(time.Now()) })
	}
}

// rewrite leaves a request as it came.
func (x *exchange) rewrite(p *httputil.ProxyRequest) {
	host := p.In.Host
	target := *p.In.URL
	target.Scheme, target.Host = "http", "pod"
	p.Out.URL, p.Out.Host = &target, host
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v, ok := p.In.Header[name]; ok {
			p.Out.Header[name] = v
		}
	}
}

// answered has clients make other connections when the front leads past us.
func (x *exchange) answered(answer *http.Response) error {
	if x.front.leadsPast() {
		answer.Header.Set("Connection", "close")
	}
	return nil
}

// roundTripper sends a request to the pod that it got, and to another if nothing of
// it could be sent.
type roundTripper struct {
	*exchange
	transport *http.Transport
}

// RoundTrip implements [http.RoundTripper].
func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	direct := &keptOpen{ReadCloser: r.Body}
	if r.Body == nil {
		direct.ReadCloser = http.NoBody
	}
	for {
		out := r.WithContext(r.Context())
		out.URL = &url.URL{}
		*out.URL = *r.URL
		out.URL.Host = t.front.address(t.ip, t.by)
		t.fill(out, direct)
		answer, err := t.transport.RoundTrip(out)
		// A pod may answer to its probes and still not be reached.
		late := time.Since(t.began) > t.front.patience()
		if err == nil && t.body != nil {
			t.body.answer()
		}
		if err == nil || !t.unsent(err, direct) || r.Context().Err() != nil || late {
			return answer, err
		}
		t.front.unreachable(t.ip)
		t.ip = ""
		again := r.WithContext(r.Context())
		again.Body = direct
		if err := t.wait(again); err != nil {
			return nil, err
		}
	}
}

// fill gives a request its body: what was kept, whole if it can be, or what comes.
func (x *exchange) fill(out *http.Request, direct *keptOpen) {
	switch {
	case out.Body == nil || out.Body == http.NoBody:
		return
	case x.body == nil:
		out.Body = direct
		return
	}
	out.Body = x.body
	if whole := x.body.flow(); whole != nil {
		out.GetBody = func() (io.ReadCloser, error) { return x.body.send(whole), nil }
		out.Body, _ = out.GetBody() // It never fails.
		out.ContentLength = int64(len(whole))
	}
}

// unsent reports whether a failure is one of a request that no server can have seen.
func (x *exchange) unsent(err error, direct *keptOpen) bool {
	var dial *net.OpError
	if !errors.As(err, &dial) || dial.Op != "dial" {
		return false
	}
	if x.body != nil {
		return x.body.untouched()
	}
	return !direct.read.Load()
}

// keptOpen is a client's body that another server may get when one could not be
// reached.
type keptOpen struct {
	io.ReadCloser
	read atomic.Bool
}

// Read implements [io.Reader].
func (b *keptOpen) Read(p []byte) (int, error) {
	b.read.Store(true)
	return b.ReadCloser.Read(p)
}

// Close does nothing.
func (*keptOpen) Close() error { return nil }

// failed tells what went wrong with a request that had a pod.
func (f *front) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // The client has gone.
	}
	if waited(err) {
		f.refused(w, r, err)
		return
	}
	f.activator.meters.failed(f)
	refusal.Failed(w, r, fmt.Sprintf("a pod of %s: %v", f.key, err))
}

// waited reports whether err is one of a request that waited in vain.
func waited(err error) bool {
	return errors.Is(err, hold.ErrFull) || errors.Is(err, hold.ErrLate) || errors.Is(err, errMemory) || errors.Is(err, errLeft)
}

// refused turns a request away that no pod has got.
func (f *front) refused(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	text := err.Error()
	if errors.Is(err, hold.ErrLate) {
		text = f.why()
	}
	refuse(w, r, fmt.Sprintf("%s: %s", f.key, text))
}

// retryAfter is how long a client should wait that was turned away.
const retryAfter = 5 * time.Second

func refuse(w http.ResponseWriter, r *http.Request, message string) {
	refusal.Later(w, r, message, retryAfter)
}
