package http1

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// exchange is all of one request and its answer. It is made anew for each: what a
// handler's goroutine keeps of it is never another's.
type exchange struct {
	ctx     requestContext
	request http.Request
	url     url.URL
	body    body
	answer  response
}

// handle has the handler answer the request whose head has been read, and
// reports whether the connection can take another.
func (c *conn) handle() bool {
	if c.server.Direct != nil && c.usual() {
		if answered, again := c.handleDirect(); answered {
			return again
		}
	}
	x := new(exchange)
	x.ctx.base = c.base
	defer x.ctx.end()
	c.present = &x.ctx
	if err := c.request(x); err != nil {
		c.refuse(err)
		return false
	}
	r, w := &x.request, &x.answer
	c.posted = r.Method == http.MethodPost
	if c.head.length == 0 {
		c.arm()
	}
	w.begins(c, r.Method == http.MethodHead)
	return c.answered(w, c.call(w, r))
}

// answered is what follows an answer. It reports whether the connection can take
// another request. whole is false if the client cannot tell where the answer ends.
func (c *conn) answered(w *response, whole bool) bool {
	if c.body != nil {
		c.body.end()
	}
	there := c.disarm()
	if c.failed.Load() || !whole {
		return false
	}
	rest := c.body == nil || c.body.whole()
	if !rest && !w.closes && !c.body.expect.Load() {
		c.setDeadline(discardTime)
		c.discarding = true
		rest = c.body.discard(mostDiscarded)
		c.discarding = false
		// Behind a body that has been read now, the client is watched.
		there = c.disarm() && there
	}
	if !rest || there && w.closes && (c.head.persistent() || c.in.buffered() > 0) {
		// The client may be sending more.
		c.linger()
		return false
	}
	return there && !w.closes
}

// call calls the handler and ends its answer. It reports false if the client cannot
// tell where the answer ends.
func (c *conn) call(w *response, r *http.Request) (whole bool) {
	defer func() {
		if v := recover(); v != nil {
			whole = false
			w.panicked(v)
		}
	}()
	if r.RequestURI == "*" && r.Method == http.MethodOptions {
		w.Header()["Content-Length"] = []string{"0"}
	} else {
		c.server.Handler.ServeHTTP(w, r)
	}
	return w.end()
}

// request is the request as net/http has it.
func (c *conn) request(x *exchange) error {
	h := &c.head
	// All names and values are parts of one string.
	text := string(c.in.b[c.in.r : c.in.r+h.size])
	c.in.r += h.size
	x.request = *new(http.Request).WithContext(&x.ctx)
	r := &x.request
	r.Method, r.RequestURI = text[:h.methodEnd], text[h.target:h.targetEnd]
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, h.minor
	if h.minor == 0 {
		r.Proto = "HTTP/1.0"
	}
	r.URL = &x.url
	if isPlain(r.RequestURI) {
		r.URL.Path = r.RequestURI
	} else if parsed, err := target(r.Method, r.RequestURI); err == nil {
		r.URL = parsed
	} else {
		return bad("malformed request target")
	}
	r.Header = c.fields(text)
	if h.hosts > 0 {
		r.Host = text[h.host.value:h.host.valueEnd]
	}
	if !validHost(r.Host) {
		return bad("malformed Host header")
	}
	if r.URL.Host != "" {
		r.Host = r.URL.Host
	}
	r.RemoteAddr, r.TLS, r.Close = c.remote, c.tls, !h.persistent()
	if h.chunked {
		r.TransferEncoding = []string{"chunked"}
	}
	r.ContentLength, r.Body, c.body = h.length, http.NoBody, nil
	if h.length != 0 {
		c.body = &x.body
		c.body.begins(c)
		r.Body = c.body
	}
	return nil
}

// fields are those of a head, in the form that net/http gives them.
func (c *conn) fields(text string) http.Header {
	h := &c.head
	header := make(http.Header, len(h.fields))
	values := make([]string, len(h.fields))
	for _, f := range h.fields {
		name, value := textproto.CanonicalMIMEHeaderKey(text[f.name:f.nameEnd]), text[f.value:f.valueEnd]
		if old, ok := header[name]; ok {
			header[name] = append(old, value)
			continue
		}
		values[0] = value
		header[name] = values[:1:1]
		values = values[1:]
	}
	delete(header, "Host")
	if h.chunked {
		delete(header, "Transfer-Encoding")
		delete(header, "Trailer")
	}
	if pragma := header["Pragma"]; len(pragma) > 0 && pragma[0] == "no-cache" && header["Cache-Control"] == nil {
		header["Cache-Control"] = []string{"no-cache"}
	}
	return header
}

// isPlain reports whether a target is a path in which nothing has a meaning beyond
// itself.
func isPlain[T string | []byte](text T) bool {
	for i := range len(text) {
		c := text[i]
		if ('a' > c || c > 'z') && ('A' > c || c > 'Z') && ('-' > c || c > ':') && c != '_' {
			return false
		}
	}
	return len(text) > 0 && text[0] == '/'
}

// target is where a request goes: a path, a whole address, or, for CONNECT, a host
// with a port.
func target(method, text string) (*url.URL, error) {
	if method != http.MethodConnect || strings.HasPrefix(text, "/") {
		return url.ParseRequestURI(text)
	}
	u, err := url.ParseRequestURI("http://" + text)
	if err != nil {
		return nil, err
	}
	u.Scheme = ""
	return u, nil
}

// validHost reports whether a host holds only what one may.
func validHost[T string | []byte](host T) bool {
	for i := range len(host) {
		if !hostBytes[host[i]] {
			return false
		}
	}
	return true
}

// hostBytes are the characters of a host and its port, with the brackets of an
// address and what names may hold in escaped form.
var hostBytes = func() (all [256]bool) {
	for c := range all {
		all[c] = '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' ||
			strings.IndexByte("!$%&'()*+,-.:;=[]_~", byte(c)) >= 0
	}
	return all
}()
