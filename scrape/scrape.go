// Package scrape asks programs in pods for the reports by which the operator knows what
// they do.
package scrape

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// within is how long a program may take to answer.
const within = time.Second

// Client asks.
type Client struct{ *http.Client }

// Dial connects to a program.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// New makes a client whose connections stay for so long between two questions. A nil dial
// connects as the system does.
func New(dial Dial, idle time.Duration) *Client {
	if dial == nil {
		dial = (&net.Dialer{Timeout: within}).DialContext
	}
	return &Client{&http.Client{
		// A program in a pod leads nowhere else, and whoever took its place must not send the
		// operator to others.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			// Nothing is told, and little believed: a certificate for the name by which clients
			// come is right for no pod's address.
			TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // See above.
			MaxIdleConnsPerHost: 1, IdleConnTimeout: idle, DialContext: dial,
		},
	}}
}

// URL is where a program answers at a port of a pod.
func URL(secured bool, ip string, port int32, path string) string {
	scheme := "http"
	if secured {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(ip, strconv.Itoa(int(port))) + path
}

// ErrUnreadable is what a report is that came and is too long, or is none.
var ErrUnreadable = errors.New("the report cannot be read")

// Read asks for a report and decodes what comes, of at most so many bytes of JSON. Of a
// report that still has the ETag it reads nothing; an empty one is none. It returns the
// ETag that the report has.
func (c *Client) Read(ctx context.Context, url, etag string, most int64, into any) (now string, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	if etag != "" {
		request.Header.Set("If-None-Match", etag)
	}
	response, err := c.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case etag != "" && response.StatusCode == http.StatusNotModified:
		return etag, nil
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%s answered %s", url, response.Status)
	}
	body := &io.LimitedReader{R: response.Body, N: most}
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return "", unreadable(ctx, url, err, body, most)
	}
	return response.Header.Get("ETag"), nil
}

// unreadable is the error of a report that could not be decoded, if all that may be read of
// it has come.
func unreadable(ctx context.Context, url string, err error, body *io.LimitedReader, most int64) error {
	switch {
	case ctx.Err() != nil:
		return err
	case body.N <= 0:
		return fmt.Errorf("%w: %s answers with more than %d bytes", ErrUnreadable, url, most)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnreadable, url, err)
}
