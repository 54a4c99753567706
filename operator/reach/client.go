package reach

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/prime-radiant/radiant/scaling"
)

// Target is a request that tells whether a way leads to a deployment.
type Target struct {
	// URL names what is asked for; its host may be one that no name server knows.
	URL string
	// Address is where it is sent: host:port.
	Address string
	Headers map[string]string
	// Loose says that any answer counts that a gateway does not give by itself.
	Loose bool
}

// patience is how long one request may take.
const patience = 2 * time.Second

// client sends requests to targets, each on a connection of its own.
type client struct{ http *http.Client }

// addressKey is the key of a context's value: where to connect.
type addressKey struct{}

func newClient() client {
	dialer := &net.Dialer{}
	return client{&http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, network, otherwise string) (net.Conn, error) {
				if address, ok := ctx.Value(addressKey{}).(string); ok {
					return dialer.DialContext(ctx, network, address)
				}
				return dialer.DialContext(ctx, network, otherwise)
			},
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // Nothing is told, and no answer is believed but that there is one.
		},
	}}
}

// ask sends one request. An address that cannot be connected to cannot be asked:
// clients may come by another network.
func (c client) ask(ctx context.Context, t Target) Finding {
	what := "GET " + t.URL
	connected := false
	ctx = context.WithValue(ctx, addressKey{}, t.Address)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL, http.NoBody)
	if err != nil {
		return Finding{Unasked, err.Error()}
	}
	for name, value := range t.Headers {
		request.Header.Set(name, value)
	}
	request.Header.Set(scaling.HeaderReach, "true") // Who has no pods gets none for this.
	response, err := c.http.Do(request)
	switch {
	case err != nil && !connected:
		return Finding{Unasked, fmt.Sprintf("%s cannot be connected to: %v", t.Address, err)}
	case err != nil:
		return Finding{Silent, fmt.Sprintf("%s at %s: %v", what, t.Address, err)}
	}
	_ = response.Body.Close() // The status says all.
	return judge(t, what, response)
}

// judge says what an answer means. Who is sent elsewhere, or asked for a name
// and password, does not see what is behind that.
func judge(t Target, what string, r *http.Response) Finding {
	said := fmt.Sprintf("%s at %s was answered %s", what, t.Address, r.Status)
	switch code := r.StatusCode; {
	case code == http.StatusOK:
		return Finding{Answered, what + " was answered"}
	case code == http.StatusUnauthorized || code == http.StatusForbidden || code >= 300 && code < 400:
		return Finding{Unasked, said}
	case t.Loose && code != http.StatusNotFound && code < 500:
		return Finding{Answered, what + " was answered"}
	}
	return Finding{Silent, said}
}
