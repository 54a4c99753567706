package http1

import (
	"errors"
	"net"
	"net/http"
	"net/textproto"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// response writes the answer of a request. It is the [http.ResponseWriter] of
// handlers, and what [http.ResponseController] asks of one.
type response struct {
	c      *conn
	header http.Header
	isHead bool
	// over is true once the request has been answered.
	over bool
	// begun is true once the head of the answer is made.
	begun bool
	// declared is the length that the handler gives; unknownLength: none.
	declared, written int64
	typed, encoded    bool
	dated             bool
	// closes is true if the connection ends behind this answer.
	closes bool
	// committed is true once the head is whole.
	committed, chunked bool
	// out is what has not been sent, small the body while its length may still be
	// found.
	out   *[]byte
	small []byte
	// bare is true for statuses whose answers have no body.
	bare bool
}

// smallBody is the size up to which the length of a body is found by waiting for
// its end, as with net/http.
const smallBody = 2048

// begins makes w the answer to a connection's request.
func (w *response) begins(c *conn, isHead bool) {
	c.begun.Store(false)
	w.c, w.isHead, w.declared, w.closes = c, isHead, unknownLength, !c.head.persistent()
}

// Header implements [http.ResponseWriter].
func (w *response) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

// WriteHeader implements [http.ResponseWriter].
func (w *response) WriteHeader(status int) {
	if w.begun || w.over {
		return
	}
	if status < 100 || status > 999 {
		panic("invalid status " + strconv.Itoa(status))
	}
	if status < http.StatusOK && status != http.StatusSwitchingProtocols {
		w.inform(status)
		return
	}
	w.begin(status)
}

// begin makes the head of the answer, but for what is known at its first bytes.
func (w *response) begin(status int) {
	w.out = w.c.server.out()
	w.begun = true
	w.c.begun.Store(true)
	w.bare = status < http.StatusOK || status == http.StatusNoContent || status == http.StatusNotModified
	b := appendStatus((*w.out)[:0], w.c.head.minor, status)
	for name, values := range w.header {
		switch name {
		case "Content-Type":
			w.typed = true
		case "Content-Encoding":
			w.encoded = len(values) > 0 && values[0] != ""
		case "Date":
			w.dated = true
		case "Connection":
			for _, v := range values {
				w.closes = w.closes || hasWord([]byte(v), "close")
			}
			continue
		case "Content-Length":
			if len(values) > 0 {
				if n, err := strconv.ParseUint(values[0], 10, 63); err == nil && !w.bare {
					w.declared = int64(n)
				}
			}
			continue
		case "Transfer-Encoding", "Trailer", "Keep-Alive", "Proxy-Connection":
			continue
		}
		if strings.HasPrefix(name, http.TrailerPrefix) {
			continue
		}
		b = AppendField(b, name, values)
	}
	*w.out = b
}

// inform sends an answer that comes before the answer.
func (w *response) inform(status int) {
	w.c.writing.Lock()
	defer w.c.writing.Unlock()
	if w.c.head.minor == 0 {
		return
	}
	if status == http.StatusContinue && (w.c.body == nil || !w.c.body.expect.Swap(false)) {
		return
	}
	b := appendStatus(nil, 1, status)
	for name, values := range w.header {
		if name != "Content-Length" && name != "Transfer-Encoding" {
			b = AppendField(b, name, values)
		}
	}
	_, err := w.c.raw.Write(append(b, "\r\n"...))
	w.c.wrote(err)
}

// commit ends the head. ended is true when all of the body is in small.
func (w *response) commit(first []byte, ended bool) {
	w.committed = true
	b := *w.out
	if !w.typed && !w.encoded && !w.bare && len(first) > 0 {
		b = AppendField(b, "Content-Type", []string{http.DetectContentType(first)})
	}
	if !w.dated {
		b = append(append(append(b, "Date: "...), w.c.server.dateNow()...), "\r\n"...)
	}
	if w.declared < 0 && ended && (!w.isHead || len(w.small) > 0) {
		w.declared = int64(len(w.small))
	}
	*w.out = w.ways(b)
}

// ways says where the body ends, and whether the connection goes on.
func (w *response) ways(b []byte) []byte {
	switch {
	case w.bare:
	case w.declared >= 0:
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), w.declared, 10), "\r\n"...)
	case w.c.head.minor == 1:
		if !w.isHead {
			w.chunked = true
			b = append(b, "Transfer-Encoding: chunked\r\n"...)
		}
	case !w.isHead:
		// The end of the connection is that of the body.
		w.closes = true
	}
	if body := w.c.body; body != nil && (body.expect.Load() || body.left.Load() > mostDiscarded) || w.c.server.ending.Load() {
		w.closes = true
	}
	switch {
	case w.closes && w.c.head.minor == 1:
		b = append(b, "Connection: close\r\n"...)
	case !w.closes && w.c.head.minor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return append(b, "\r\n"...)
}

// Write implements [http.ResponseWriter].
func (w *response) Write(p []byte) (int, error) {
	if w.over {
		return 0, net.ErrClosed
	}
	if !w.begun {
		w.begin(http.StatusOK)
	}
	switch {
	case w.bare:
		return 0, http.ErrBodyNotAllowed
	case len(p) == 0:
		return 0, nil
	case w.declared >= 0 && w.written+int64(len(p)) > w.declared:
		return 0, http.ErrContentLength
	case w.c.failed.Load():
		return 0, net.ErrClosed
	}
	w.written += int64(len(p))
	if !w.committed {
		if w.declared < 0 && len(w.small)+len(p) <= smallBody {
			w.small = append(w.small, p...)
			return len(p), nil
		}
		first := p
		if len(w.small) > 0 {
			first = w.small
		}
		w.commit(first, false)
		if err := w.send(w.small); err != nil {
			return 0, err
		}
	}
	if err := w.send(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// send gives a part of the body to the connection, in a chunk where it needs one.
func (w *response) send(p []byte) error {
	if len(p) == 0 || w.isHead {
		return nil
	}
	if w.chunked {
		*w.out = append(strconv.AppendInt(*w.out, int64(len(p)), 16), "\r\n"...)
	}
	if len(*w.out)+len(p) <= outSize-2 {
		*w.out = append(*w.out, p...)
	} else if err := w.flush(p); err != nil {
		return err
	}
	if w.chunked {
		*w.out = append(*w.out, "\r\n"...)
	}
	return nil
}

// flush writes what has been gathered, and p behind it.
func (w *response) flush(p []byte) error {
	w.c.writing.Lock()
	defer w.c.writing.Unlock()
	var err error
	switch {
	case len(p) == 0 && len(*w.out) > 0:
		_, err = w.c.raw.Write(*w.out)
	case len(p) > 0:
		pieces := net.Buffers{*w.out, p}
		if gathered, ok := w.c.raw.(interface {
			WriteBuffers(pieces *net.Buffers) (int64, error)
		}); ok {
			_, err = gathered.WriteBuffers(&pieces)
		} else {
			_, err = pieces.WriteTo(w.c.raw)
		}
	}
	*w.out = (*w.out)[:0]
	w.c.wrote(err)
	return err
}

// FlushError sends what has been written so far.
func (w *response) FlushError() error {
	if w.over {
		return net.ErrClosed
	}
	if !w.begun {
		w.begin(http.StatusOK)
	}
	if !w.committed {
		w.commit(w.small, false)
		if err := w.send(w.small); err != nil {
			return err
		}
	}
	return w.flush(nil)
}

// Flush implements [http.Flusher].
func (w *response) Flush() { _ = w.FlushError() }

// end ends the answer. It reports false if the client cannot tell where it ends.
func (w *response) end() bool {
	if !w.begun {
		w.begin(http.StatusOK)
	}
	if !w.committed {
		w.commit(w.small, true)
		if w.send(w.small) != nil {
			return false
		}
	}
	if w.chunked {
		*w.out = append(*w.out, "0\r\n\r\n"...)
	}
	err := w.flush(nil)
	w.giveBack()
	return err == nil && (w.isHead || w.bare || w.declared < 0 || w.written == w.declared)
}

// panicked ends the answer of who has panicked with a value, while it panics.
func (w *response) panicked(value any) {
	if err, ok := value.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		w.c.server.debug("panic", "client", w.c.remote, "value", value, "stack", string(debug.Stack()))
	}
	w.abandon()
}

// abandon sends what there is of an answer that has no end.
func (w *response) abandon() {
	if w.committed {
		_ = w.flush(nil)
	}
	w.giveBack()
}

func (w *response) giveBack() {
	w.over = true
	if w.out != nil {
		if cap(*w.out) <= 2*outSize {
			w.c.server.outs.Put(w.out)
		}
		w.out = nil
	}
}

// SetReadDeadline bounds reads of the request's body, as
// [http.ResponseController] does.
func (w *response) SetReadDeadline(end time.Time) error {
	if w.over {
		return net.ErrClosed
	}
	w.c.deadline = time.Time{}
	return w.c.raw.SetReadDeadline(end)
}

// SetWriteDeadline bounds writes of the answer, as [http.ResponseController] does.
func (w *response) SetWriteDeadline(end time.Time) error { return w.c.raw.SetWriteDeadline(end) }

// EnableFullDuplex is how it always is: a body may be read while the answer is
// written.
func (w *response) EnableFullDuplex() error { return nil }

func appendStatus(b []byte, minor, status int) []byte {
	b = append(strconv.AppendInt(append(b, "HTTP/1."...), int64(minor), 10), ' ')
	b = append(strconv.AppendInt(b, int64(status), 10), ' ')
	text := http.StatusText(status)
	if text == "" {
		text = "status code " + strconv.Itoa(status)
	}
	return append(append(b, text...), "\r\n"...)
}

// AppendField writes a field, with spaces for bytes that would end its line. A
// name that is none is left out.
func AppendField(b []byte, name string, values []string) []byte {
	for i := range len(name) {
		if !tokens[name[i]] {
			return b
		}
	}
	if name == "" {
		return b
	}
	for _, v := range values {
		b = append(append(b, name...), ": "...)
		v = textproto.TrimString(v)
		for i := range len(v) {
			c := v[i]
			if c == '\r' || c == '\n' || c == 0 {
				c = ' '
			}
			b = append(b, c)
		}
		b = append(b, "\r\n"...)
	}
	return b
}
