package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

const (
	contentType     = "Content-Type"
	contentEncoding = "Content-Encoding"
	// jsonLength is the header of the open inference protocol's binary tensor
	// extension, in the spelling net/http gives it.
	jsonLength = "Inference-Header-Content-Length"
)

// HTTP calls servers over HTTP/1.1.
type HTTP struct {
	transport *http.Transport
	options   Options
	uses      uses
}

// idlePerHost is the number of connections kept open to one server. With
// net/http's own 2, most requests of a busy graph would open a connection.
const idlePerHost = 1024

// NewHTTP makes a caller with a connection pool of its own.
func NewHTTP(o Options) *HTTP {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &HTTP{options: o, transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         counting(dialer.DialContext),
		MaxIdleConnsPerHost: idlePerHost,
		IdleConnTimeout:     90 * time.Second,
		// What a client asks for is handed on; the transport adds nothing and
		// unpacks nothing.
		DisableCompression:     true,
		TLSClientConfig:        o.TLS,
		MaxResponseHeaderBytes: 1 << 20,
		WriteBufferSize:        16 << 10,
		ReadBufferSize:         16 << 10,
	}}
}

// Close ends the connections that no call uses.
func (h *HTTP) Close() { h.transport.CloseIdleConnections() }

// Send posts m. An answer other than 200 is a [*protocol.Refusal].
func (h *HTTP) Send(ctx context.Context, to *Target, m message.Message) (message.Message, error) {
	header := headerOf(ctx, m)
	request := func() *http.Request {
		r := &http.Request{
			Method: http.MethodPost, URL: &to.url, Host: to.Host, Header: header,
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			ContentLength: int64(len(m.Body)),
			Body:          http.NoBody, GetBody: noBody,
		}
		if len(m.Body) > 0 {
			r.GetBody = func() (io.ReadCloser, error) { return newBody(m), nil }
			r.Body = newBody(m)
		}
		return r
	}
	return h.exchange(ctx, request, m.Meta)
}

// Ask gets what a server tells about itself.
func (h *HTTP) Ask(ctx context.Context, to *Target, m message.Message) (message.Message, error) {
	return h.exchange(ctx, func() *http.Request {
		return &http.Request{
			Method: http.MethodGet, URL: &to.url, Host: to.Host, Header: headerOf(ctx, m),
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Body: nothing{},
		}
	}, m.Meta)
}

func (h *HTTP) exchange(ctx context.Context, request func() *http.Request, meta *message.Meta) (message.Message, error) {
	call := ctx
	if h.options.Timeout > 0 {
		var cancel context.CancelFunc
		call, cancel = context.WithTimeout(ctx, h.options.Timeout)
		defer cancel()
	}
	r, response, err := h.sent(call, request)
	for followed := 0; err == nil && response.StatusCode/100 == 3 && first(response.Header, "Location") != ""; followed++ {
		if request, err = redirected(r, response, request, followed); err == nil {
			r, response, err = h.sent(call, request)
		}
	}
	if err != nil {
		return message.Message{}, fault(ctx, described(r, err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode < http.StatusOK {
		// The body of 101 is the connection, which may never end.
		return message.Message{}, protocol.Errorf(protocol.BadAnswer, "%w", described(r, fmt.Errorf("status %d ends no request", response.StatusCode)))
	}
	body, err := meta.Lease.ReadAll(response.Body, response.ContentLength, h.options.MaxResponseBytes)
	if errors.Is(err, message.ErrTooLarge) {
		err = fmt.Errorf("%w: the limit is %d bytes (--max_response_bytes)", err, h.options.MaxResponseBytes)
	}
	if err != nil {
		return message.Message{}, fault(ctx, described(r, fmt.Errorf("reading the answer: %w", err)))
	}
	m := message.Message{
		Body:     body,
		Type:     first(response.Header, contentType),
		Encoding: first(response.Header, contentEncoding),
		Answer:   true,
		Header:   response.Header,
		Meta:     meta,
	}
	if n := first(response.Header, jsonLength); n != "" {
		if err := m.SetJSONLength(n); err != nil {
			return message.Message{}, protocol.Errorf(protocol.BadAnswer, "answer has a wrong %s: %w", jsonLength, err)
		}
	}
	if response.StatusCode != http.StatusOK {
		return message.Message{}, refused(response.StatusCode, m).After(seconds(first(response.Header, "Retry-After")))
	}
	return m, nil
}

// sent sends a request, and once more if the server had closed the connection
// before anything of the request can have been taken.
func (h *HTTP) sent(ctx context.Context, request func() *http.Request) (*http.Request, *http.Response, error) {
	u := h.uses.take()
	defer h.uses.give(u)
	ctx = httptrace.WithClientTrace(ctx, &u.trace)
	r := request().WithContext(ctx)
	response, err := h.transport.RoundTrip(r)
	if err != nil && ctx.Err() == nil && u.untaken() {
		if h.options.Resent != nil {
			h.options.Resent()
		}
		r = request().WithContext(ctx)
		response, err = h.transport.RoundTrip(r)
	}
	return r, response, err
}

// mostRedirects is the number that net/http's client follows.
const mostRedirects = 10

// redirected is the request that an answer leads on to, which closes the
// answer. A component may send a request on within itself, as frameworks do for
// a slash at the end of a path. Another server would be sent what the client
// sent, its credentials included.
func redirected(r *http.Request, answer *http.Response, request func() *http.Request, followed int) (func() *http.Request, error) {
	_ = answer.Body.Close()
	if followed == mostRedirects {
		return nil, fmt.Errorf("stopped after %d redirects", mostRedirects)
	}
	to, err := r.URL.Parse(first(answer.Header, "Location"))
	if err != nil {
		return nil, fmt.Errorf("status %d leads nowhere: %w", answer.StatusCode, err)
	}
	if to.Scheme != r.URL.Scheme || to.Host != r.URL.Host {
		return nil, fmt.Errorf("status %d leads to %s://%s: redirects are followed within a component only", answer.StatusCode, to.Scheme, to.Host)
	}
	return func() *http.Request {
		next := request()
		next.URL = to
		if answer.StatusCode != http.StatusTemporaryRedirect && answer.StatusCode != http.StatusPermanentRedirect && next.Method == http.MethodPost {
			_ = next.Body.Close()
			next.Method, next.Body, next.GetBody, next.ContentLength = http.MethodGet, nothing{}, nil, 0
			next.Header = maps.Clone(next.Header)
			for _, name := range []string{contentType, contentEncoding, jsonLength} {
				delete(next.Header, name)
			}
		}
		return next
	}, nil
}

// described puts an error in the words that net/http's client uses.
func described(r *http.Request, err error) error {
	method := "Post"
	if r.Method == http.MethodGet {
		method = "Get"
	}
	return fmt.Errorf("%s %q: %w", method, r.URL.String(), err)
}

// headerOf is the header of a call: that of the client's request, shared where
// it fits the message and copied where it does not.
func headerOf(ctx context.Context, m message.Message) http.Header {
	base := m.Meta.Header
	length := ""
	if m.JSONLength > 0 {
		length = strconv.Itoa(m.JSONLength)
	} else if !m.Answer && first(base, jsonLength) == "0" {
		// There is no JSON at all: the body is one raw tensor.
		length = "0"
	}
	if len(m.Meta.Timeouts) == 0 && !repeatable(base) && first(base, contentType) == m.Type && first(base, contentEncoding) == m.Encoding && first(base, jsonLength) == length {
		return base
	}
	header := make(http.Header, len(base)+1)
	maps.Copy(header, base)
	for _, f := range [...]struct{ name, value string }{{contentType, m.Type}, {contentEncoding, m.Encoding}, {jsonLength, length}} {
		if f.value == "" {
			delete(header, f.name)
		} else {
			header[f.name] = []string{f.value}
		}
	}
	for _, name := range repeatKeys {
		if v, ok := header[name]; ok {
			delete(header, name)
			header[strings.ToLower(name)] = v
		}
	}
	if end, ok := ctx.Deadline(); ok {
		left := strconv.FormatInt(max(time.Until(end).Milliseconds(), 1), 10)
		for _, name := range m.Meta.Timeouts {
			header[name] = []string{left}
		}
	}
	return header
}

// repeatKeys are headers by which net/http lets itself be told that a request
// may be sent again, on one kept connection after the other. A client means its
// server by them, and servers read them in any spelling; net/http does not.
var repeatKeys = [...]string{"Idempotency-Key", "X-Idempotency-Key"}

func repeatable(header map[string][]string) bool {
	for _, name := range repeatKeys {
		if _, ok := header[name]; ok {
			return true
		}
	}
	return false
}

// seconds reads a Retry-After, which may also be a date: then it is not heeded.
func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

func first(header map[string][]string, name string) string {
	if v := header[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// body is a large request body. It keeps its request's buffers until the transport
// is done with it, which may be after the call has returned.
type body struct {
	bytes.Reader
	lease  *message.Lease
	closed atomic.Bool
}

func newBody(m message.Message) io.ReadCloser {
	if len(m.Body) < message.Small {
		return io.NopCloser(bytes.NewReader(m.Body))
	}
	b := &body{lease: m.Meta.Lease}
	b.Reset(m.Body)
	b.lease.Retain()
	return b
}

// Close may be called more than once.
func (b *body) Close() error {
	if !b.closed.Swap(true) {
		b.lease.Release()
	}
	return nil
}

// nothing is the body of a question. net/http sends a GET again by itself
// unless it has a body that cannot be had twice.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }

func (nothing) Close() error { return nil }

func noBody() (io.ReadCloser, error) { return http.NoBody, nil }
