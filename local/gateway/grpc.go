package gateway

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// Status codes of gRPC that the gateway answers itself.
const (
	grpcInvalidArgument = 3
	grpcNotFound        = 5
	grpcUnavailable     = 14
)

// serveGRPC sends a call to the deployment that its metadata names.
func (g *Gateway) serveGRPC(w http.ResponseWriter, r *http.Request) {
	for {
		name, namespace := r.Header.Get("seldon"), r.Header.Get("namespace")
		found, err := g.deployments.Load().grpc(name, namespace)
		if err != nil {
			code := grpcNotFound
			if name == "" {
				code = grpcInvalidArgument
			}
			refuseGRPC(w, code, err.Error())
			return
		}
		b, err := found.choose(r.Header.Get(v1.HeaderPredictor), false, g.random)
		if err != nil {
			refuseGRPC(w, grpcNotFound, err.Error())
			return
		}
		if b != nil && !b.ready() && b.awaken(r.Context()) {
			continue
		}
		if b == nil || !b.ready() {
			refuseGRPC(w, grpcUnavailable, notReady(found, b))
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
		refuseGRPC(w, grpcUnavailable, fmt.Sprintf("predictor %s of deployment %s/%s: %v", b.predictor, to.Namespace, to.Name, err))
	})
	g.copyToShadow(r, to, b, target)
	proxy.ServeHTTP(w, r)
}

// refuseGRPC answers a call with a status alone.
func refuseGRPC(w http.ResponseWriter, code int, message string) {
	h := w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", strconv.Itoa(code))
	h.Set("Grpc-Message", percentEncode(message))
	w.WriteHeader(http.StatusOK)
}

// percentEncode spells a status message as gRPC over HTTP/2 wants it.
func percentEncode(message string) string {
	var b strings.Builder
	for i := range len(message) {
		if c := message[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
