package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/prime-radiant/radiant/storage/transfer"
)

const (
	dialTimeout = 15 * time.Second
	// headerTimeout bounds the silence before an answer begins.
	headerTimeout = time.Minute
	// connections kept for the next request, per host.
	idlePerHost = 64
	idleTimeout = 90 * time.Second
	readBuffer  = 64 << 10
	// maxRedirects as browsers have it.
	maxRedirects = 10
)

// NewClient makes the client of the stores. Each stream has a connection of
// its own: HTTP/2 would put them all into one, whose window bounds them
// together. Redirects are followed to the web alone, and the next server gets
// no Referer, since the URL that led to it may carry a signature.
func NewClient(proxy func(*http.Request) (*url.URL, error)) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Client{
		CheckRedirect: checkRedirect,
		Transport: &http.Transport{
			Proxy:                 proxy,
			DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout:   dialTimeout,
			ResponseHeaderTimeout: headerTimeout,
			MaxIdleConnsPerHost:   idlePerHost,
			IdleConnTimeout:       idleTimeout,
			ReadBufferSize:        readBuffer,
			DisableCompression:    true,
			Protocols:             protocols,
		},
	}
}

func checkRedirect(next *http.Request, via []*http.Request) error {
	switch {
	case next.URL.Scheme != "http" && next.URL.Scheme != "https":
		return transfer.Permanent(fmt.Errorf("the server redirects to %s://, which is not followed", next.URL.Scheme))
	case len(via) >= maxRedirects:
		return transfer.Permanent(fmt.Errorf("the server redirects more than %d times", maxRedirects))
	}
	next.Header.Del("Referer")
	return nil
}

// Trust returns a client like c that takes certificates of the authorities in
// a PEM file too, or, with verify false, any certificate.
func Trust(c *http.Client, caFile string, verify bool) (*http.Client, error) {
	transport, ok := c.Transport.(*http.Transport)
	if !ok || caFile == "" && verify {
		return c, nil
	}
	transport = transport.Clone()
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	transport.TLSClientConfig.InsecureSkipVerify = !verify
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("reading certificates: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading certificates: %s has none", caFile)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	with := *c
	with.Transport = transport
	return &with, nil
}

// Failure is an error of a request that got no answer, without the URL that
// net/http puts into it.
func Failure(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	if errors.As(err, new(*tls.CertificateVerificationError)) {
		return transfer.Permanent(err)
	}
	return err
}

// Answered turns an answer that is no success into an error: reason is what
// the store says of it, as far as it does. The body is read, so that the
// connection serves again.
func Answered(r *http.Response, reason string) error {
	_, _ = io.CopyN(io.Discard, r.Body, 64<<10)
	err := fmt.Errorf("the server answers %d %s", r.StatusCode, http.StatusText(r.StatusCode))
	if reason != "" {
		err = fmt.Errorf("%w: %s", err, reason)
	}
	return Judge(r.StatusCode, err)
}

// Judge marks an error by the status of the answer that it is about.
func Judge(status int, err error) error {
	switch {
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return err
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return transfer.Denied(err)
	case status == http.StatusNotFound, status == http.StatusGone:
		return transfer.NotFound(err)
	}
	return transfer.Permanent(err)
}

// Range is the header for a range of an object; empty for the whole.
func Range(offset, length int64) string {
	switch {
	case length < 0 && offset == 0:
		return ""
	case length < 0:
		return fmt.Sprintf("bytes=%d-", offset)
	}
	return fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
}

// Skip brings the body of an answer to offset, where the server has sent the
// whole in place of a range.
func Skip(r *http.Response, offset int64) error {
	if r.StatusCode != http.StatusOK || offset == 0 {
		return nil
	}
	_, err := io.CopyN(io.Discard, r.Body, offset)
	return err
}
