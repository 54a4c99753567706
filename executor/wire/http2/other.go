package http2

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/http2"
)

// body is what a client sends to a method that streams: bytes that wait to be
// read, no more than a window of them.
type body struct {
	stream *stream
	change sync.Cond
	bytes  []byte
	// read is how much was read since the client was last told.
	read  int64
	ended bool
	err   error
}

func newBody(s *stream) *body {
	b := &body{stream: s}
	b.change.L = &s.conn.mu
	return b
}

func (b *body) add(p []byte) {
	b.bytes = append(b.bytes, p...)
	b.change.Broadcast()
}

func (b *body) close() {
	b.ended = true
	b.change.Broadcast()
}

func (b *body) fail(err error) {
	if b.err == nil {
		b.err = err
	}
	b.change.Broadcast()
}

// Read reads what the client sent, and lets it send as much again.
func (b *body) Read(p []byte) (int, error) {
	c := b.stream.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(b.bytes) == 0 {
		switch {
		case b.ended:
			return 0, io.EOF
		case errors.Is(b.err, errEnded):
			return 0, io.ErrClosedPipe
		case b.err != nil:
			return 0, b.err
		}
		b.change.Wait()
	}
	n := copy(p, b.bytes)
	if b.bytes = b.bytes[n:]; len(b.bytes) == 0 {
		b.bytes = nil
	}
	if b.read += int64(n); b.read >= firstWindow/2 && !b.ended && b.stream.err == nil {
		c.windowUpdate(b.stream.id, b.read)
		b.stream.in.allowed += b.read
		b.read = 0
		c.kick()
	}
	return n, nil
}

// Close lets nothing more be read.
func (b *body) Close() error {
	b.stream.conn.mu.Lock()
	defer b.stream.conn.mu.Unlock()
	b.bytes = nil
	b.fail(io.ErrClosedPipe)
	return nil
}

// other hands a call to the handler of methods that are not unary.
func (c *Call) other(fields []Field, r *request) {
	c.body = newBody(&c.stream)
	if c.ended {
		c.body.close()
	}
	c.in.done, c.running = true, true
	h := make(http.Header, len(fields))
	for _, f := range fields {
		if !strings.HasPrefix(f.Name, ":") {
			h.Add(textproto.CanonicalMIMEHeaderKey(f.Name), f.Value)
		}
	}
	// The call's time is for who reads the header.
	c.cancel()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	q := (&http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: r.path}, RequestURI: r.path, Host: r.authority, Header: h,
		Proto: "HTTP/2.0", ProtoMajor: 2, Body: c.body, ContentLength: -1, RemoteAddr: c.conn.net.RemoteAddr().String(),
	}).WithContext(c.ctx)
	go func() {
		w := &writer{call: c, header: http.Header{}}
		defer c.cancel()
		defer w.over()
		c.server.server.options.Other.ServeHTTP(w, q)
	}()
}

// writer is what a handler answers by.
type writer struct {
	call   *Call
	header http.Header
	// code is the status; 0: it was not said.
	code int
	sent bool
	// declared are the names of trailers.
	declared []string
}

// Header is the header of the answer, and then its trailers.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader says the status. The header goes with the first bytes, or with the
// trailers if there are none.
func (w *writer) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
}

// head sends the header, which is all of the answer if it ends here.
func (w *writer) head(ended bool) {
	if w.sent {
		return
	}
	w.sent = true
	k := w.call.conn
	if w.call.err != nil {
		return
	}
	block := k.table.begin(k.scratch[:0])
	if w.code == 0 || w.code == http.StatusOK {
		block = append(block, status200)
	} else {
		block = appendField(block, Field{Name: ":status", Value: strconv.Itoa(w.code)})
	}
	for _, list := range w.header["Trailer"] {
		for t := range strings.SplitSeq(list, ",") {
			w.declared = append(w.declared, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(t)))
		}
	}
	for name, values := range w.header {
		if name != "Trailer" && !strings.HasPrefix(name, http.TrailerPrefix) && !slices.Contains(w.declared, name) {
			block = appendValues(block, name, values)
		}
	}
	if ended {
		block = w.trailers(block)
	}
	k.scratch = block
	k.header(w.call.id, block, ended)
}

// trailers appends those that were declared before the header, and those whose
// names say it.
func (w *writer) trailers(block []byte) []byte {
	for _, name := range w.declared {
		block = appendValues(block, name, w.header[name])
	}
	for name, values := range w.header {
		if name, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			block = appendValues(block, name, values)
		}
	}
	return block
}

func appendValues(block []byte, name string, values []string) []byte {
	for _, v := range values {
		block = appendField(block, Field{Name: strings.ToLower(name), Value: v})
	}
	return block
}

// Write sends bytes of the answer. It returns when they were copied, or are with
// the kernel.
func (w *writer) Write(p []byte) (int, error) {
	k := w.call.conn
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.kick()
	w.head(false)
	if w.call.err != nil {
		return 0, w.call.err
	}
	rest := pieces{p}
	if k.frameOf(&w.call.stream, nil, rest, false) {
		return len(p), nil
	}
	if err := k.large(w.call.ctx, &w.call.stream, rest, false); err != nil {
		return 0, err
	}
	return len(p), w.call.ctx.Err()
}

// Flush is for who asks whether an answer can be sent in parts: all of it is
// sent at once.
func (w *writer) Flush() {
	k := w.call.conn
	k.mu.Lock()
	defer k.mu.Unlock()
	w.head(false)
	k.kick()
}

// over ends the answer, or breaks it off where the handler has panicked.
func (w *writer) over() {
	v := recover()
	if v == nil {
		w.end()
		return
	}
	if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		told := w.call.server.server.options.Panicked
		if told == nil {
			panic(v)
		}
		told(v)
	}
	k := w.call.conn
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.kick()
	if w.call.err == nil {
		k.reset(w.call.id, http2.ErrCodeInternal)
	}
	w.call.server.active--
	k.side.quiet()
}

// end sends the trailers.
func (w *writer) end() {
	c := w.call
	k := c.conn
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.kick()
	if c.err == nil {
		if w.sent {
			block := w.trailers(k.table.begin(k.scratch[:0]))
			k.scratch = block
			k.header(c.id, block, true)
		} else {
			w.head(true)
		}
		c.part()
	}
	c.server.active--
	k.side.quiet()
}

var (
	_ http.Flusher  = (*writer)(nil)
	_ io.ReadCloser = (*body)(nil)
)
