package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
)

// secured makes a connection one of TLS, on which HTTP/2 is spoken.
func secured(ctx context.Context, conn net.Conn, host string, options *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if options == nil {
		options = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	options = options.Clone()
	options.NextProtos = []string{"h2"}
	if options.ServerName == "" {
		name, _, err := net.SplitHostPort(host)
		if err != nil {
			name = host
		}
		options.ServerName = name
	}
	c := tls.Client(conn, options)
	err := c.HandshakeContext(ctx)
	if err == nil && c.ConnectionState().NegotiatedProtocol != "h2" {
		err = errors.New("the server does not speak HTTP/2")
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}
