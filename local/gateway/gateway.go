// Package gateway is what an ingress is in a cluster: one address of this machine
// for all deployments, REST by path and gRPC by metadata on the same port. It
// splits traffic by weight, copies it to shadows, and changes what it serves
// without losing a request.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/executor/wire/http1"
)

// Gateway sends each request to a predictor of the deployment that it names.
type Gateway struct {
	// random(n) is a number from 0 to n-1.
	random      func(n int) int
	deployments atomic.Pointer[deployments]
	mirror      *mirror
	buffers     bufferPool
	// pages are the gateway's own.
	pages http.Handler
	// rest speaks HTTP/1.1 with clients, and hands those that speak HTTP/2, as
	// those of gRPC do, to rpc.
	rest    *http1.Server
	rpc     *http.Server
	handed  *http1.Handover
	serving sync.WaitGroup
	trust   Trust
}

// New returns a gateway that serves nothing yet. random(n) is a number from 0 to
// n-1.
func New(random func(n int) int) *Gateway {
	g := &Gateway{random: random, mirror: newMirror(), buffers: newBufferPool()}
	g.deployments.Store(newDeployments(nil))
	g.pages = g.router()
	g.handed = http1.NewHandover(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	g.rest = &http1.Server{
		Handler: g, HTTP2: g.handed.Give,
		HeaderBytes: http.DefaultMaxHeaderBytes, HeaderTimeout: headerTimeout, IdleTimeout: clientTimeout,
	}
	g.rpc = &http.Server{
		Handler: g, Protocols: new(http.Protocols),
		ReadHeaderTimeout: headerTimeout, IdleTimeout: clientTimeout,
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 1000},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	g.rpc.Protocols.SetUnencryptedHTTP2(true)
	return g
}

const (
	// headerTimeout bounds the time that a head takes to come.
	headerTimeout = 30 * time.Second
	// clientTimeout ends clients' connections that nobody uses.
	clientTimeout = 2 * time.Minute
)

// Serve accepts requests from the listeners until Stop is called.
func (g *Gateway) Serve(listeners []net.Listener) {
	g.serving.Go(func() { _ = g.rpc.Serve(g.handed) }) // It ends by stop.
	for _, l := range listeners {
		g.serving.Go(func() { _ = g.rest.Serve(l) })
	}
}

// Stop lets running requests finish, at most until ctx is done.
func (g *Gateway) Stop(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() {
		if g.rest.Shutdown(ctx) != nil {
			_ = g.rest.Close()
		}
	})
	both.Go(func() {
		if g.rpc.Shutdown(ctx) != nil {
			_ = g.rpc.Close()
		}
	})
	both.Wait()
	g.serving.Wait()
	g.mirror.stop()
}

// Set changes what is served, from the next request on.
func (g *Gateway) Set(list []*Deployment) { g.deployments.Store(newDeployments(list)) }

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.trust.admits(w, r) {
		return
	}
	if isGRPC(r) {
		g.serveGRPC(w, r)
		return
	}
	for {
		found, left := g.deployments.Load().rest(r.URL.EscapedPath())
		if found == nil {
			g.pages.ServeHTTP(w, r)
			return
		}
		if isRoot(r, found) {
			http.Redirect(w, r, found.path(), http.StatusSeeOther) //nolint:gosec // The path is made of names of a deployment that is served.
			return
		}
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		b, err := found.choose(r.Header.Get(v1.HeaderPredictor), reads && found.isAbout(left), g.random)
		if err != nil {
			writeJSON(w, http.StatusNotFound, found.failure(http.StatusNotFound, err.Error()))
			return
		}
		if b != nil && !b.ready() && b.awaken(r.Context()) {
			continue
		}
		if b == nil || !b.ready() {
			writeJSON(w, http.StatusServiceUnavailable, found.failure(http.StatusServiceUnavailable, notReady(found, b)))
			return
		}
		if b.acquire() {
			defer b.release()
			g.forward(w, r, found, b, left)
			return
		}
	}
}

func notReady(r *Deployment, b *Backend) string {
	text := fmt.Sprintf("deployment %s/%s is not ready yet", r.Namespace, r.Name)
	if b != nil {
		text = fmt.Sprintf("predictor %s of deployment %s/%s is not ready", b.predictor, r.Namespace, r.Name)
	}
	if r.Why != nil {
		if why := r.Why(); why != "" {
			text += ": " + why
		}
	}
	return text
}

// isRoot reports whether somebody who looks at pages asks for a deployment
// without the slash behind its name, from where no relative address leads on.
func isRoot(r *http.Request, to *Deployment) bool {
	return r.Method == http.MethodGet && r.URL.Path+"/" == to.path() && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// forward sends a REST request to the backend's path.
func (g *Gateway) forward(w http.ResponseWriter, r *http.Request, to *Deployment, b *Backend, path string) {
	target := &url.URL{Scheme: b.at.scheme(), Host: b.at.HTTP, RawQuery: r.URL.RawQuery}
	target.Path, target.RawPath = unescape(path)
	proxy := g.proxy(target, b, b.rest, func(w http.ResponseWriter, r *http.Request, err error) {
		if r.Context().Err() != nil {
			return // The client has gone.
		}
		code := http.StatusBadGateway
		var refused *net.OpError
		switch {
		case errors.Is(err, http1.ErrBody):
			code = http.StatusBadRequest
		case errors.As(err, &refused) && refused.Op == "dial":
			code = http.StatusServiceUnavailable
		}
		writeJSON(w, code, to.failure(code, fmt.Sprintf("predictor %s of deployment %s/%s: %v", b.predictor, to.Namespace, to.Name, err)))
	})
	g.copyToShadow(r, to, b, target)
	proxy.ServeHTTP(w, r)
}

// proxy hands a request on to target, and streams in both directions. The answer
// tells which predictor gave it.
func (g *Gateway) proxy(target *url.URL, b *Backend, transport http.RoundTripper, failed func(http.ResponseWriter, *http.Request, error)) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			host := p.In.Host
			p.Out.URL = target
			p.Out.Host = host
			for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if v, ok := p.In.Header[name]; ok {
					p.Out.Header[name] = v
				}
			}
		},
		ModifyResponse: func(answer *http.Response) error {
			// Which pages may read answers is for the gateway to say.
			for name := range answer.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					delete(answer.Header, name)
				}
			}
			answer.Header.Set(v1.HeaderPredictor, b.predictor)
			return nil
		},
		Transport:     transport,
		FlushInterval: -1,
		BufferPool:    g.buffers,
		ErrorHandler:  failed,
		ErrorLog:      log.New(io.Discard, "", 0),
	}
}

func unescape(escaped string) (path, raw string) {
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return escaped, ""
	}
	return path, escaped
}

// router routes what is for no deployment.
func (g *Gateway) router() *mux.Router {
	r := mux.NewRouter().SkipClean(true)
	r.Path("/").HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { g.index(w, g.deployments.Load()) })
	r.Path("/metrics").HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.metrics(w, r, g.deployments.Load()) })
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusNotFound, map[string]any{
			"error": fmt.Sprintf("no deployment is served at %s", r.URL.Path), "served": paths(g.deployments.Load()),
		})
	})
	return r
}

// index lists what is served.
func (g *Gateway) index(w http.ResponseWriter, all *deployments) {
	type predictor struct {
		Name   string `json:"name"`
		Weight int    `json:"weight"`
		Ready  bool   `json:"ready"`
		Shadow bool   `json:"shadow,omitempty"`
	}
	type deployment struct {
		Name       string      `json:"name"`
		Namespace  string      `json:"namespace"`
		Protocol   string      `json:"protocol"`
		Path       string      `json:"path"`
		Predictors []predictor `json:"predictors"`
	}
	list := []deployment{}
	for _, r := range all.sorted() {
		d := deployment{Name: r.Name, Namespace: r.Namespace, Protocol: r.Protocol, Path: r.path()}
		for _, s := range r.Shares {
			weight := s.Weight
			if len(r.Shares) == 1 {
				weight = 100
			}
			d.Predictors = append(d.Predictors, predictor{Name: s.Backend.predictor, Weight: weight, Ready: s.Backend.ready()})
		}
		if r.Shadow != nil {
			d.Predictors = append(d.Predictors, predictor{Name: r.Shadow.predictor, Weight: r.Percent, Ready: r.Shadow.ready(), Shadow: true})
		}
		list = append(list, d)
	}
	writeJSON(w, http.StatusOK, map[string]any{"deployments": list})
}

func paths(r *deployments) []string {
	list := []string{}
	for _, one := range r.sorted() {
		list = append(list, one.path())
	}
	return list
}

// failure is the body of an answer that no predictor gave. Clients of the
// seldon protocol look for its status.
func (r *Deployment) failure(code int, message string) map[string]any {
	body := map[string]any{"error": message}
	if r.Protocol == string(v1.ProtocolSeldon) {
		body["status"] = map[string]any{"code": code, "info": message, "reason": http.StatusText(code), "status": "FAILURE"}
	}
	return body
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	text = append(text, '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(code)
	_, _ = w.Write(text) // The client may have gone.
}

func isGRPC(r *http.Request) bool {
	return r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}

// bufferPool keeps the buffers that bodies are copied through.
type bufferPool struct{ pool *sync.Pool }

const copyBuffer = 32 << 10

func newBufferPool() bufferPool {
	return bufferPool{&sync.Pool{New: func() any { b := make([]byte, copyBuffer); return &b }}}
}

// Get implements httputil.BufferPool.
func (p bufferPool) Get() []byte { return *p.pool.Get().(*[]byte) }

// Put implements httputil.BufferPool.
func (p bufferPool) Put(b []byte) { p.pool.Put(&b) }
