package http1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"time"
)

// Request is what a server is asked.
type Request struct {
	// Method, Target and Host are as they go out.
	Method, Target, Host string
	// Header is sent but for the fields that the wire makes itself: Host,
	// Content-Length, Transfer-Encoding, Connection and Trailer.
	Header map[string][]string
	// Lines are sent as they are, besides the fields of Header: each has its line
	// end. They hold none of the fields that the wire makes itself.
	Lines []byte
	// Body may be empty. Sized says that its length is sent even then.
	Body  []byte
	Sized bool
}

// togetherSize is the size of a body up to which it is written before the answer
// is read. A server may answer before it has read a longer one.
const togetherSize = 32 << 10

// Send sends a request and waits for the head of its answer. A connection whose
// Send failed is closed. The end of ctx ends the exchange, down to the answer's
// [Answer.Close].
func (c *Conn) Send(ctx context.Context, r *Request) (*Answer, error) {
	a := &c.answer
	*a = Answer{c: c, ctx: ctx, fields: a.fields[:0]}
	a.bind(ctx)
	if err := c.ask(r); err != nil {
		return nil, a.fail(err)
	}
	if err := a.readHead(r.Method == http.MethodHead); err != nil {
		return nil, a.fail(err)
	}
	return a, nil
}

// ask writes a request.
func (c *Conn) ask(r *Request) error {
	b := c.out[:0]
	b = append(append(append(append(b, r.Method...), ' '), r.Target...), " HTTP/1.1\r\nHost: "...)
	b = append(append(append(b, r.Host...), "\r\n"...), r.Lines...)
	for name, values := range r.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Trailer":
		default:
			b = AppendField(b, name, values)
		}
	}
	if len(r.Body) > 0 || r.Sized {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(len(r.Body)), 10), "\r\n"...)
	}
	b = append(b, "\r\n"...)
	if len(b)+len(r.Body) <= outSize {
		b = append(b, r.Body...)
		c.out = b
		_, err := c.Raw.Write(b)
		return c.early(err)
	}
	c.out = b
	if len(r.Body) <= togetherSize {
		return c.early(c.gather(b, r.Body))
	}
	sent, body := make(chan error, 1), r.Body
	c.answer.sent = sent
	go func() { sent <- c.gather(b, body) }()
	return nil
}

// early passes over a write that failed if the server may have answered before
// it.
func (c *Conn) early(err error) error {
	if err == nil || c.answer.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		return err
	}
	c.answer.unsent = err
	return nil
}

func (c *Conn) gather(head, body []byte) error {
	pieces := net.Buffers{head, body}
	if gathered, ok := c.Raw.(interface {
		WriteBuffers(pieces *net.Buffers) (int64, error)
	}); ok {
		_, err := gathered.WriteBuffers(&pieces)
		return err
	}
	_, err := pieces.WriteTo(c.Raw)
	return err
}

// Answer is what a server answers. It is valid until it is closed.
type Answer struct {
	// Status is that of the answer, Length that of its body; negative: it is not
	// known before its end.
	Status int
	Length int64

	c   *Conn
	ctx context.Context
	// request is ctx, if that is a request's; else unbind, if not nil, ends the
	// watch over ctx, and reports false if ctx has ended.
	request *requestContext
	unbind  func() bool
	// sent gets the end of a write that goes on; nil: there is none. unsent is
	// why a write failed.
	sent   chan error
	unsent error

	head    []byte
	fields  []field
	chunks  *chunked
	left    int64
	toEnd   bool
	keeps   bool
	ended   bool
	problem error
}

// bind has the end of a context end the exchange.
func (a *Answer) bind(ctx context.Context) {
	if end, ok := ctx.Deadline(); ok {
		_ = a.c.Raw.SetDeadline(end)
		a.c.timed = true
	} else if a.c.timed {
		_ = a.c.Raw.SetDeadline(time.Time{})
		a.c.timed = false
	}
	if a.request = requestOf(ctx); a.request != nil {
		if !a.request.wait(a.c) {
			a.c.interrupt()
		}
	} else if ctx.Done() != nil {
		a.unbind = context.AfterFunc(ctx, a.c.interrupt)
	}
}

// fail closes the connection, and says why in the words of the context if that has
// ended.
func (a *Answer) fail(err error) error {
	_ = a.c.Raw.Close()
	a.finish()
	if a.unsent != nil && !errors.Is(err, errMalformed) {
		err = a.unsent
	}
	if ended := a.ctx.Err(); ended != nil {
		return ended
	}
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		if end, ok := a.ctx.Deadline(); ok && !time.Now().Before(end) {
			return context.DeadlineExceeded
		}
	}
	return err
}

// finish waits for a write that goes on, of a connection that is closed or whose
// server has read all, and ends the watch.
func (a *Answer) finish() (whole bool) {
	whole = a.unsent == nil
	if a.sent != nil {
		whole = <-a.sent == nil && whole
		a.sent = nil
	}
	if a.unbind != nil {
		whole = a.unbind() && whole
		a.unbind = nil
	}
	if a.request != nil {
		whole = a.request.waited(a.c) && whole
		a.request = nil
	}
	return whole
}

// errMalformed is in errors of answers that are none.
var errMalformed = errors.New("malformed HTTP response")

// mostInformed bounds the answers that come before the answer.
const mostInformed = 5

// readHead reads the head of an answer, and passes over those that only inform.
func (a *Answer) readHead(isHead bool) error {
	for range mostInformed + 1 {
		if err := a.readLines(); err != nil {
			return err
		}
		if a.Status/100 != 1 || a.Status == http.StatusSwitchingProtocols {
			return a.frame(isHead)
		}
		a.c.in.r += len(a.head)
	}
	return fmt.Errorf("%w: too many 1xx", errMalformed)
}

// readLines reads the lines of one head.
func (a *Answer) readLines() error {
	in := &a.c.in
	a.fields, a.keeps = a.fields[:0], true
	for at := 0; ; {
		line, next, err := answerLine(in, at, a.c.pool.HeaderBytes)
		switch {
		case errors.Is(err, errLong):
			return fmt.Errorf("server response headers exceeded %d bytes", a.c.pool.HeaderBytes)
		case at == 0 && errors.Is(err, io.EOF) && in.buffered() == 0:
			return io.EOF
		case err != nil:
			return cut(err)
		}
		switch {
		case at == 0:
			if err := a.status(line); err != nil {
				return err
			}
		case len(line) == 0:
			a.head = in.b[in.r : in.r+next]
			return nil
		case line[0] == ' ' || line[0] == '\t':
			a.folded(at, line)
		default:
			if err := a.field(line, at); err != nil {
				return err
			}
		}
		at = next
	}
}

// answerLine is a line of an answer's head, whose end some servers write as LF
// alone.
func answerLine(in *buffer, at, most int) (line []byte, next int, err error) {
	line, next, err = in.line(at, most)
	if errors.Is(err, errBare) {
		came := in.b[in.r+at : in.w]
		end := bytes.IndexByte(came, '\n')
		return came[:end], at + end + 1, nil
	}
	return line, next, err
}

func (a *Answer) status(line []byte) error {
	version, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok || len(version) != len("HTTP/1.1") || string(version[:7]) != "HTTP/1." || !isDigit(version[7]) {
		return fmt.Errorf("%w %.40q", errMalformed, line)
	}
	digits, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte{' '})
	n, err := strconv.Atoi(string(digits))
	if len(digits) != 3 || err != nil || n < 0 {
		return fmt.Errorf("%w: malformed status code %.40q", errMalformed, digits)
	}
	a.Status = n
	a.keeps = version[7] != '0'
	return nil
}

func (a *Answer) field(line []byte, at int) error {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return fmt.Errorf("%w: malformed header line %.40q", errMalformed, line)
	}
	name := bytes.TrimRight(line[:colon], " \t")
	begin, end := colon+1, len(line)
	for begin < end && (line[begin] == ' ' || line[begin] == '\t') {
		begin++
	}
	for end > begin && (line[end-1] == ' ' || line[end-1] == '\t') {
		end--
	}
	a.fields = append(a.fields, field{at, at + len(name), at + begin, at + end})
	return nil
}

// folded joins a line to the field before it.
func (a *Answer) folded(at int, line []byte) {
	n := len(a.fields)
	if n == 0 {
		return
	}
	f := &a.fields[n-1]
	b := a.c.in.b[a.c.in.r:]
	for i := f.valueEnd; i < at; i++ {
		b[i] = ' '
	}
	f.valueEnd = at + len(bytes.TrimRight(line, " \t"))
}

// frame finds where the body ends.
func (a *Answer) frame(isHead bool) error {
	in := &a.c.in
	length, lengths, chunks := int64(unknownLength), 0, false
	for _, f := range a.fields {
		name, value := a.head[f.name:f.nameEnd], a.head[f.value:f.valueEnd]
		switch {
		case is(name, "content-length"):
			n, err := strconv.ParseUint(string(value), 10, 63)
			if err != nil || lengths > 0 && int64(n) != length {
				return fmt.Errorf("bad Content-Length %.40q", value)
			}
			length = int64(n)
			lengths++
		case is(name, "transfer-encoding"):
			if !is(value, "chunked") {
				return fmt.Errorf("unsupported transfer encoding: %.40q", value)
			}
			chunks = true
		case is(name, "connection"):
			a.keeps = !hasWord(value, "close") && (a.keeps || hasWord(value, "keep-alive"))
		}
	}
	in.r += len(a.head)
	switch {
	case isHead || a.Status/100 == 1 || a.Status == http.StatusNoContent || a.Status == http.StatusNotModified:
		a.Length, a.ended = 0, true
		a.keeps = a.keeps && a.Status/100 != 1
	case chunks:
		a.Length, a.chunks = unknownLength, new(chunked)
		a.keeps = a.keeps && lengths == 0
	case length >= 0:
		a.Length, a.left, a.ended = length, length, length == 0
	default:
		a.Length, a.toEnd, a.keeps = unknownLength, true, false
	}
	return nil
}

// Read implements [io.Reader].
func (a *Answer) Read(p []byte) (n int, err error) {
	switch in := &a.c.in; {
	case a.problem != nil:
		return 0, a.problem
	case a.ended:
		return 0, io.EOF
	case a.chunks != nil:
		n, err = a.chunks.read(in, p)
	case a.toEnd:
		n, err = in.read(p)
	default:
		n, err = in.read(p[:min(int64(len(p)), a.left)])
		if a.left -= int64(n); a.left == 0 {
			err = io.EOF
		} else {
			err = cut(err)
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		a.ended = true
	case err != nil:
		a.problem = a.fail(err)
		err = a.problem
	}
	return n, err
}

// Header is a copy of those of the answer's fields that are wanted, as net/http has
// them; nil: there are none. It is to be made before the body is read.
func (a *Answer) Header(wanted func(name []byte) bool) map[string][]string {
	var header map[string][]string
	for _, f := range a.fields {
		if !wanted(a.head[f.name:f.nameEnd]) {
			continue
		}
		if header == nil {
			header = make(map[string][]string, len(a.fields))
		}
		name := textproto.CanonicalMIMEHeaderKey(string(a.head[f.name:f.nameEnd]))
		header[name] = append(header[name], string(a.head[f.value:f.valueEnd]))
	}
	return header
}

// Value is a copy of a field's first value, of a name in lower case. It is to be
// asked for before the body is read.
func (a *Answer) Value(lower string) string {
	for _, f := range a.fields {
		if is(a.head[f.name:f.nameEnd], lower) {
			return text(a.head[f.value:f.valueEnd])
		}
	}
	return ""
}

// text is a copy of a value, but for those that nearly all messages have.
func text(value []byte) string {
	if string(value) == jsonType {
		return jsonType
	}
	return string(value)
}

const jsonType = "application/json"

// Close gives the connection back, or ends it where the answer was not read to
// its end. It is called once, and may be called after an error.
func (a *Answer) Close() error {
	if a.problem != nil {
		return nil
	}
	a.problem = net.ErrClosed
	reusable := a.ended && a.keeps && a.c.in.buffered() == 0
	if reusable && a.sent != nil {
		// The server has answered, and may never read the rest.
		select {
		case a.unsent = <-a.sent:
			a.sent = nil
		case <-time.After(lateWrite):
			reusable = false
		}
	}
	if !reusable {
		_ = a.c.Raw.Close()
	}
	switch whole := a.finish(); {
	case whole && reusable:
		a.c.pool.keep(a.c)
	case reusable:
		_ = a.c.Raw.Close()
	}
	return nil
}

// lateWrite is how long a request may still be written when its answer has been
// read.
const lateWrite = 50 * time.Millisecond
