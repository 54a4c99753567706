// Package upstream calls the servers of nodes. It knows addresses,
// connections and deadlines, and nothing of what the messages mean.
package upstream

import (
	"crypto/tls"
	"net/url"
	"time"

	"github.com/prime-radiant/radiant/executor/memory"
)

// Target is one method or path of one server; made once where possible.
type Target struct {
	Server
	// Path is an escaped path, or a full gRPC method.
	Path string

	url url.URL
	// target is what stands in the first line of a request over HTTP.
	target string
	// key is the server as a key of a map, made once.
	key any
}

// Server is where a node's server listens for one transport.
type Server struct {
	// Host is host:port; empty: there is no such listener.
	Host string
	// TLS is true where the server insists on it.
	TLS bool
}

// Target makes a target on the server.
func (s Server) Target(path string) *Target {
	t := &Target{Server: s, Path: path, key: s, url: url.URL{Scheme: "http", Host: s.Host, Path: path}}
	if s.TLS {
		t.url.Scheme = "https"
	}
	if decoded, err := url.PathUnescape(path); err == nil && decoded != path {
		t.url.Path, t.url.RawPath = decoded, path
	}
	t.target = t.url.RequestURI()
	return t
}

// Options are the limits of one transport.
type Options struct {
	// Timeout bounds one call. 0: no bound.
	Timeout time.Duration
	// MaxResponseBytes bounds one answer.
	MaxResponseBytes int64
	// TLS is how servers with TLS are connected to; nil: by the system's
	// authorities.
	TLS *tls.Config
	// Budget is what large messages over gRPC wait for; nil: they do not.
	Budget *memory.Budget
	// Passes reports whether a header of an answer over REST may be wanted, so
	// that others need not be kept; nil: all are.
	Passes func(name []byte) bool
	// Resent is told of a request that is sent a second time since nothing of it
	// can have been taken; nil: nobody counts.
	Resent func()
}

// passes reports whether a header of an answer is kept.
func (o *Options) passes(name []byte) bool { return o.Passes == nil || o.Passes(name) }

// dialTimeout bounds the making of a connection.
const dialTimeout = 10 * time.Second
