package gateway

import (
	"net/http"
	"net/url"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/activator/refusal"
	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// serveGRPC sends a call to the deployment that its metadata names.
func (g *Gateway) serveGRPC(w http.ResponseWriter, r *http.Request) {
	for {
		name, namespace := r.Header.Get("seldon"), r.Header.Get("namespace")
		found, err := g.deployments.Load().grpc(name, namespace)
		if err != nil {
			code := codes.NotFound
			if name == "" {
				code = codes.InvalidArgument
			}
			refusal.GRPC(w, status.New(code, err.Error()))
			return
		}
		b, err := found.choose(r.Header.Get(v1.HeaderPredictor), false, g.random)
		if err != nil {
			refusal.GRPC(w, status.New(codes.NotFound, err.Error()))
			return
		}
		if b != nil && !b.ready() && b.awaken(r.Context()) {
			continue
		}
		if b == nil || !b.ready() {
			refusal.GRPC(w, status.New(codes.Unavailable, notReady(found, b)))
			return
		}
		if b.acquire() {
			defer b.release()
			g.forwardGRPC(w, r, found, b)
			return
		}
	}
}

func (g *Gateway) forwardGRPC(w http.ResponseWriter, r *http.Request, to *Deployment, b *Backend) {
	target := &url.URL{Scheme: b.at.scheme(), Host: b.at.GRPC, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	proxy := g.proxy(target, b, b.rpc, func(w http.ResponseWriter, r *http.Request, err error) {
		if r.Context().Err() != nil {
			return // The client has gone.
		}
		refusal.GRPC(w, status.Newf(codes.Unavailable, "predictor %s of deployment %s/%s: %v", b.predictor, to.Namespace, to.Name, err))
	})
	g.copyToShadow(r, to, b, target)
	proxy.ServeHTTP(w, r)
}
