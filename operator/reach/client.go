package reach

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
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
	// GRPC says that it is a call of gRPC's health check, which URL names, and no GET.
	GRPC bool
}

func (t Target) what() string {
	if t.GRPC {
		return "a health check over gRPC"
	}
	return "GET " + t.URL
}

func (t Target) request(ctx context.Context) (*http.Request, error) {
	method, body := http.MethodGet, ""
	if t.GRPC {
		method, body = http.MethodPost, emptyMessage
	}
	request, err := http.NewRequestWithContext(ctx, method, t.URL, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if t.GRPC {
		request.Header.Set("Content-Type", "application/grpc")
		request.Header.Set("TE", "trailers")
	}
	for name, value := range t.Headers {
		request.Header.Set(name, value)
	}
	request.Header.Set(scaling.HeaderReach, "true") // Who has no pods gets none for this.
	return request, nil
}

// patience is how long one request may take.
const patience = 2 * time.Second

// client sends requests to targets, each on a connection of its own.
type client struct{ rest *http.Client }

// addressKey is the key of a context's value: where to connect.
type addressKey struct{}

func newClient() client {
	var rest http.Protocols
	rest.SetHTTP1(true)
	return client{clientOf(&rest)}
}

// clientForCalls is for one call. Those of others would lead it by their connections, also
// to another address, since HTTP/2 shares them by the host that is asked for.
func clientForCalls() *http.Client {
	var rpc http.Protocols
	rpc.SetHTTP2(true)
	rpc.SetUnencryptedHTTP2(true)
	return clientOf(&rpc)
}

func clientOf(protocols *http.Protocols) *http.Client {
	dialer := &net.Dialer{}
	return &http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true,
			Protocols:         protocols,
			DialContext: func(ctx context.Context, network, otherwise string) (net.Conn, error) {
				if address, ok := ctx.Value(addressKey{}).(string); ok {
					return dialer.DialContext(ctx, network, address)
				}
				return dialer.DialContext(ctx, network, otherwise)
			},
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // Nothing is told, and no answer is believed but that there is one.
		},
	}
}

// ask sends one request. An address that cannot be connected to cannot be asked:
// clients may come by another network.
func (c client) ask(ctx context.Context, t Target) Finding {
	connected := false
	ctx = context.WithValue(ctx, addressKey{}, t.Address)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }})
	request, err := t.request(ctx)
	if err != nil {
		return Finding{Unasked, err.Error()}
	}
	sender := c.rest
	if t.GRPC {
		sender = clientForCalls()
		defer sender.CloseIdleConnections()
	}
	response, err := sender.Do(request)
	switch {
	case err != nil && !connected:
		return Finding{Unasked, fmt.Sprintf("%s cannot be connected to: %v", t.Address, err)}
	case err != nil:
		return Finding{Silent, fmt.Sprintf("%s at %s: %v", t.what(), t.Address, err)}
	}
	defer func() { _ = response.Body.Close() }()
	if t.GRPC {
		return judgeGRPC(t, response)
	}
	return judge(t, response) // The status says all.
}

// emptyMessage is a question for all services, as gRPC frames it.
const emptyMessage = "\x00\x00\x00\x00\x00"

// judgeGRPC judges an answer to a call. A gateway that leads nowhere answers with a status of
// HTTP or of gRPC, so that nothing counts but the answer of a server that serves.
func judgeGRPC(t Target, r *http.Response) Finding {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<10))
	status := cmp.Or(r.Trailer.Get("Grpc-Status"), r.Header.Get("Grpc-Status"))
	switch {
	case r.StatusCode != http.StatusOK:
		return Finding{Silent, fmt.Sprintf("%s at %s was answered %s", t.what(), t.Address, r.Status)}
	case err == nil && status == "0" && string(body) == scaling.HealthServing:
		return Finding{Answered, t.what() + " was answered"}
	}
	return Finding{Silent, fmt.Sprintf("%s at %s was answered with the status %q of gRPC", t.what(), t.Address, status)}
}

// judge says what an answer means. Who is sent elsewhere, or asked for a name
// and password, does not see what is behind that.
func judge(t Target, r *http.Response) Finding {
	what := t.what()
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
