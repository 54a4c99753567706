package http1

import (
	"context"
	"io"
	"net/http"
)

// Exchange is a request of the usual form and its answer: a POST by HTTP/1.1, to a
// path in which nothing has a meaning beyond itself, with a body whose length is
// known and that the client does not wait to be asked for. It is its connection's,
// and another request's when it has been answered: nothing of it may be kept. Of
// the request, all but the body is valid until the body is read.
type Exchange struct {
	c      *conn
	ctx    requestContext
	body   body
	answer response
	// taken is true once the head is no longer needed.
	taken bool
}

// usual reports whether the request whose head has been read has the form of an
// [Exchange].
func (c *conn) usual() bool {
	h := &c.head
	if h.minor != 1 || h.length <= 0 || h.expect || h.closes || h.hosts != 1 {
		return false
	}
	text := c.in.b[c.in.r : c.in.r+h.size]
	return string(text[:h.methodEnd]) == http.MethodPost && isPlain(text[h.target:h.targetEnd]) && validHost(text[h.host.value:h.host.valueEnd])
}

// handleDirect has the server's Direct answer a request. answered is false if it
// does not; else again reports whether the connection can take another.
func (c *conn) handleDirect() (answered, again bool) {
	x := c.direct
	if x == nil {
		x = &Exchange{c: c}
		x.ctx.base = c.base
		c.direct = x
	}
	x.ctx.begin()
	x.body.begins(c)
	x.answer, x.taken = response{}, false
	x.answer.begins(c, false)
	c.present, c.body = &x.ctx, &x.body
	whole, answered := x.call()
	x.ctx.end()
	if x.ctx.shared.Load() {
		c.direct = nil
	}
	if !answered {
		return false, false
	}
	x.take()
	c.posted = true
	return true, c.answered(&x.answer, whole)
}

// take takes the head out of the connection's buffer.
func (x *Exchange) take() {
	if !x.taken {
		x.taken = true
		x.c.in.r += x.c.head.size
	}
}

// call calls the server's Direct and ends the answer. whole is false if the client
// cannot tell where it ends.
func (x *Exchange) call() (whole, answered bool) {
	defer func() {
		if v := recover(); v != nil {
			whole, answered = false, true
			x.answer.panicked(v)
		}
	}()
	if !x.c.server.Direct(x) {
		return false, false
	}
	return x.answer.over || x.answer.end(), true
}

// Context ends when the request has been answered, or its client has gone.
func (x *Exchange) Context() context.Context { return &x.ctx }

// Path is the path that is asked.
func (x *Exchange) Path() []byte {
	h := &x.c.head
	return x.c.in.b[x.c.in.r:][h.target:h.targetEnd]
}

// Fields is the number of the request's fields, all of them.
func (x *Exchange) Fields() int { return len(x.c.head.fields) }

// Field is one of them, as it came.
func (x *Exchange) Field(i int) (name, value []byte) {
	f, text := x.c.head.fields[i], x.c.in.b[x.c.in.r:]
	return text[f.name:f.nameEnd], text[f.value:f.valueEnd]
}

// Length is that of the body; it is above 0.
func (x *Exchange) Length() int64 { return x.c.head.length }

// Body is the body. From here on, the request is to be answered.
func (x *Exchange) Body() io.ReadCloser {
	x.take()
	return &x.body
}

// Writer is how any answer is written, in the place of [Exchange.Answer].
func (x *Exchange) Writer() http.ResponseWriter { return &x.answer }

// Answer answers by status 200. Lines are those of the head, with their line ends,
// that say nothing of the length and of the connection.
func (x *Exchange) Answer(lines, body []byte) {
	w, c := &x.answer, x.c
	w.out = c.server.out()
	w.begun, w.committed = true, true
	c.begun.Store(true)
	w.declared, w.written = int64(len(body)), int64(len(body))
	b := append(append((*w.out)[:0], "HTTP/1.1 200 OK\r\nDate: "...), c.server.dateNow()...)
	*w.out = w.ways(append(append(b, "\r\n"...), lines...))
	_ = w.send(body) // The connection knows of what has failed.
	w.end()
}

// AppendName writes the name of a field in the form that net/http gives it.
func AppendName(b, name []byte) []byte {
	upper := true
	for _, c := range name {
		switch {
		case upper && 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case !upper && 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		b = append(b, c)
		upper = c == '-'
	}
	return b
}
