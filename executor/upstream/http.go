package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/wire/http1"
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
	options Options
	// pools hold the connections to each server, by its [Target]'s key.
	pools sync.Map
	// proxied is for servers that the environment wants to be reached through a
	// proxy.
	proxied *http.Transport
}

const (
	// idlePerHost is the number of connections kept open to one server.
	idlePerHost = 1024
	// idleTimeout ends connections that nobody uses. It is less than the 5 s after which
	// uvicorn, which MLServer and BentoML listen by, and Node.js end one: a request that
	// comes at that moment is lost on the way, and could only be sent again by who asked.
	idleTimeout = 4 * time.Second
	// maxHeader bounds the head of an answer.
	maxHeader = 1 << 20
)

// NewHTTP makes a caller with a connection pool of its own.
func NewHTTP(o Options) *HTTP {
	return &HTTP{options: o, proxied: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		MaxIdleConnsPerHost: idlePerHost,
		IdleConnTimeout:     idleTimeout,
		// What a client asks for is handed on; the transport adds nothing and
		// unpacks nothing.
		DisableCompression:     true,
		TLSClientConfig:        o.TLS,
		MaxResponseHeaderBytes: maxHeader,
	}}
}

// Close ends the connections that no call uses.
func (h *HTTP) Close() {
	h.proxied.CloseIdleConnections()
	h.pools.Range(func(_, pool any) bool {
		if p := pool.(*http1.Pool); p != nil {
			p.Close()
		}
		return true
	})
}

// pool is where the connections to a server are; nil: it is behind a proxy.
func (h *HTTP) pool(to *Target) *http1.Pool {
	if found, ok := h.pools.Load(to.key); ok {
		return found.(*http1.Pool)
	}
	var made *http1.Pool
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &to.url}); proxy == nil && err == nil {
		made = &http1.Pool{Dial: h.dialer(to.Server), HeaderBytes: maxHeader, MaxIdle: idlePerHost, IdleTimeout: idleTimeout}
	}
	found, _ := h.pools.LoadOrStore(to.key, made)
	return found.(*http1.Pool)
}

// dialer makes connections to a server.
func (h *HTTP) dialer(s Server) func(ctx context.Context) (net.Conn, error) {
	dial := counting((&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext)
	if !s.TLS {
		return func(ctx context.Context) (net.Conn, error) { return dial(ctx, "tcp", s.Host) }
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if h.options.TLS != nil {
		config = h.options.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(s.Host)
	}
	return func(ctx context.Context) (net.Conn, error) {
		plain, err := dial(ctx, "tcp", s.Host)
		if err != nil {
			return nil, err
		}
		secured := tls.Client(plain, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = plain.Close()
			return nil, err
		}
		return secured, nil
	}
}

// question is a call as it goes out.
type question struct {
	to      *Target
	url     *url.URL
	message message.Message
	request http1.Request
}

// Send posts m. An answer other than 200 is a [*protocol.Refusal].
func (h *HTTP) Send(ctx context.Context, to *Target, m message.Message) (message.Message, error) {
	lines, header := linesOf(m), http.Header(nil)
	if lines == nil {
		header = headerOf(ctx, m)
	}
	return h.exchange(ctx, question{to, &to.url, m, http1.Request{
		Method: http.MethodPost, Target: to.target, Host: to.Host, Header: header, Lines: lines, Body: m.Body, Sized: true,
	}})
}

// Ask gets what a server tells about itself.
func (h *HTTP) Ask(ctx context.Context, to *Target, m message.Message) (message.Message, error) {
	return h.exchange(ctx, question{to, &to.url, message.Message{Meta: m.Meta}, http1.Request{
		Method: http.MethodGet, Target: to.target, Host: to.Host, Header: headerOf(ctx, m),
	}})
}

// reply is an answer whose body is still to be read. Of its fields, it has those
// that are needed here, and in header what may reach the client.
type reply struct {
	status                     int
	length                     int64
	kind, encoding, jsonLength string
	location, retryAfter       string
	header                     map[string][]string
	body                       io.ReadCloser
}

func (h *HTTP) exchange(ctx context.Context, q question) (message.Message, error) {
	call := ctx
	if h.options.Timeout > 0 {
		var cancel context.CancelFunc
		call, cancel = context.WithTimeout(ctx, h.options.Timeout)
		defer cancel()
	}
	answer, err := h.sent(call, &q)
	for followed := 0; err == nil && answer.status/100 == 3 && answer.location != ""; followed++ {
		if err = q.redirect(answer, followed); err == nil {
			answer, err = h.sent(call, &q)
		}
	}
	if err != nil {
		return message.Message{}, fault(ctx, q.described(err))
	}
	defer func() { _ = answer.body.Close() }()
	if answer.status < http.StatusOK {
		// The body of 101 is the connection, which may never end.
		return message.Message{}, protocol.Errorf(protocol.BadAnswer, "%w", q.described(fmt.Errorf("status %d ends no request", answer.status)))
	}
	meta := q.message.Meta
	body, err := meta.Lease.ReadAll(answer.body, answer.length, h.options.MaxResponseBytes)
	if errors.Is(err, message.ErrTooLarge) {
		err = fmt.Errorf("%w: the limit is %d bytes (--max_response_bytes)", err, h.options.MaxResponseBytes)
	}
	if err != nil {
		return message.Message{}, fault(ctx, q.described(fmt.Errorf("reading the answer: %w", err)))
	}
	m := message.Message{
		Body:     body,
		Type:     answer.kind,
		Encoding: answer.encoding,
		Answer:   true,
		Header:   answer.header,
		Meta:     meta,
	}
	if n := answer.jsonLength; n != "" {
		if err := m.SetJSONLength(n); err != nil {
			return message.Message{}, protocol.Errorf(protocol.BadAnswer, "answer has a wrong %s: %w", jsonLength, err)
		}
	}
	if answer.status != http.StatusOK {
		return message.Message{}, refused(answer.status, m).After(seconds(answer.retryAfter))
	}
	return m, nil
}

// sent sends a request, and once more if the server had closed the connection
// before anything of the request can have been taken.
func (h *HTTP) sent(ctx context.Context, q *question) (reply, error) {
	pool := h.pool(q.to)
	if pool == nil {
		return h.throughProxy(ctx, q)
	}
	conn, err := pool.Take(ctx)
	if err != nil {
		return reply{}, err
	}
	u := usedBy(conn)
	answer, err := conn.Send(ctx, &q.request)
	if err != nil && ctx.Err() == nil && u.untaken() {
		if h.options.Resent != nil {
			h.options.Resent()
		}
		if conn, err = pool.Fresh(ctx); err == nil {
			answer, err = conn.Send(ctx, &q.request)
		}
	}
	if err != nil {
		return reply{}, err
	}
	r := reply{
		status: answer.Status, length: answer.Length, body: answer,
		kind: answer.Value("content-type"), encoding: answer.Value("content-encoding"), jsonLength: answer.Value("inference-header-content-length"),
		header: answer.Header(h.options.passes),
	}
	if r.status != http.StatusOK {
		r.location, r.retryAfter = answer.Value("location"), answer.Value("retry-after")
	}
	return r, nil
}

// header is that of the request in the form of net/http.
func (q *question) header() map[string][]string {
	if q.request.Lines != nil {
		return q.message.Meta.Header.Fields()
	}
	return q.request.Header
}

// throughProxy sends a request by net/http, which knows proxies.
func (h *HTTP) throughProxy(ctx context.Context, q *question) (reply, error) {
	r := &http.Request{
		Method: q.request.Method, URL: q.url, Host: q.request.Host, Header: unrepeatable(q.header()),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(q.request.Body)), Body: newBody(q.message),
	}
	response, err := h.proxied.RoundTrip(r.WithContext(ctx)) //nolint:bodyclose // It is the reply's, which is closed.
	if err != nil {
		return reply{}, err
	}
	return reply{
		status: response.StatusCode, length: response.ContentLength, body: response.Body, header: response.Header,
		kind: first(response.Header, contentType), encoding: first(response.Header, contentEncoding), jsonLength: first(response.Header, jsonLength),
		location: first(response.Header, "Location"), retryAfter: first(response.Header, "Retry-After"),
	}, nil
}

// mostRedirects is the number that net/http's client follows.
const mostRedirects = 10

// redirect makes a call the one that an answer leads on to, and closes the
// answer. A component may send a request on within itself, as frameworks do for
// a slash at the end of a path. Another server would be sent what the client
// sent, its credentials included.
func (q *question) redirect(answer reply, followed int) error {
	_ = answer.body.Close()
	if followed == mostRedirects {
		return fmt.Errorf("stopped after %d redirects", mostRedirects)
	}
	to, err := q.url.Parse(answer.location)
	if err != nil {
		return fmt.Errorf("status %d leads nowhere: %w", answer.status, err)
	}
	if to.Scheme != q.url.Scheme || to.Host != q.url.Host {
		return fmt.Errorf("status %d leads to %s://%s: redirects are followed within a component only", answer.status, to.Scheme, to.Host)
	}
	q.url, q.request.Target = to, to.RequestURI()
	if answer.status != http.StatusTemporaryRedirect && answer.status != http.StatusPermanentRedirect && q.request.Method == http.MethodPost {
		q.message.Body = nil
		q.request.Method, q.request.Body, q.request.Sized = http.MethodGet, nil, false
		header := maps.Clone(q.header())
		for _, name := range []string{contentType, contentEncoding, jsonLength} {
			delete(header, name)
		}
		q.request.Header, q.request.Lines = header, nil
	}
	return nil
}

// described puts an error in the words that net/http's client uses.
func (q *question) described(err error) error {
	method := "Post"
	if q.request.Method == http.MethodGet {
		method = "Get"
	}
	return fmt.Errorf("%s %q: %w", method, q.url.String(), err)
}

// linesOf are the lines of a call's header, if those of the client's request fit the
// message; else nil.
func linesOf(m message.Message) []byte {
	lines, kind, ok := m.Meta.Header.Lines()
	if !ok || kind != m.Type || m.Encoding != "" || m.JSONLength > 0 || len(m.Meta.Timeouts) > 0 {
		return nil
	}
	return lines
}

// headerOf is the header of a call: that of the client's request, shared where
// it fits the message and copied where it does not.
func headerOf(ctx context.Context, m message.Message) http.Header {
	base := m.Meta.Header.Fields()
	length := ""
	if m.JSONLength > 0 {
		length = strconv.Itoa(m.JSONLength)
	} else if !m.Answer && first(base, jsonLength) == "0" {
		// There is no JSON at all: the body is one raw tensor.
		length = "0"
	}
	if len(m.Meta.Timeouts) == 0 && first(base, contentType) == m.Type && first(base, contentEncoding) == m.Encoding && first(base, jsonLength) == length {
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
	if end, ok := ctx.Deadline(); ok {
		left := strconv.FormatInt(max(time.Until(end).Milliseconds(), 1), 10)
		for _, name := range m.Meta.Timeouts {
			header[name] = []string{left}
		}
	}
	return header
}

// unrepeatable is a header without fields by which net/http lets itself be told
// that a request may be sent again, on one kept connection after the other. A
// client means its server by them, and servers read them in any spelling; net/http
// does not. Nor does net/http name itself in it.
func unrepeatable(header map[string][]string) http.Header {
	other := make(http.Header, len(header)+1)
	maps.Copy(other, header)
	if _, ok := other["User-Agent"]; !ok {
		other["User-Agent"] = nil
	}
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if v, ok := other[name]; ok {
			delete(other, name)
			other[strings.ToLower(name)] = v
		}
	}
	return other
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
	if len(m.Body) == 0 {
		return nothing{}
	}
	if len(m.Body) < message.Small {
		// net/http writes what it knows to be in memory together with the header.
		return io.NopCloser(bytes.NewReader(bytes.Clone(m.Body)))
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
