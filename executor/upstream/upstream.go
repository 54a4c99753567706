// Package upstream calls the servers of nodes. It knows addresses,
// connections and deadlines, and nothing of what the messages mean.
package upstream

import (
	"context"
	"errors"
	"net"
	"net/url"
	"time"

	"github.com/prime-radiant/radiant/executor/protocol"
)

// Target is one method or path of one server; made once where possible.
type Target struct {
	// Host is host:port.
	Host string
	// Path is an escaped path, or a full gRPC method.
	Path string

	url url.URL
}

// NewTarget makes a target.
func NewTarget(host, path string) *Target {
	t := &Target{Host: host, Path: path, url: url.URL{Scheme: "http", Host: host, Path: path}}
	if decoded, err := url.PathUnescape(path); err == nil && decoded != path {
		t.url.Path, t.url.RawPath = decoded, path
	}
	return t
}

// Options are the limits of one transport.
type Options struct {
	// Timeout bounds one call. 0: no bound.
	Timeout time.Duration
	// MaxResponseBytes bounds one answer.
	MaxResponseBytes int64
}

// dialTimeout bounds the making of a connection.
const dialTimeout = 10 * time.Second

// fault gives an error of the network its code. ctx is that of the client's
// request, without the call's own deadline.
func fault(ctx context.Context, err error) *protocol.Error {
	e := &protocol.Error{Code: protocol.Unreachable, Err: err}
	var network net.Error
	switch {
	case errors.Is(err, protocol.ErrTooLarge):
		e.Code = protocol.BadAnswer
	case errors.Is(ctx.Err(), context.Canceled):
		e.Code = protocol.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		e.Code = protocol.Timeout
	}
	return e
}
