package http2

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http2"

	"github.com/prime-radiant/radiant/executor/message"
)

// Call is a client's call.
type Call struct {
	stream
	server *serverConn
	unary  Unary
	ctx    context.Context
	cancel context.CancelFunc
	kind   string
	coding string
	misfit *misfit
	// running is true when the call is with what answers it.
	running bool

	// Path is the full name of the method, Authority what the client called.
	Path, Authority string
	// Fields are the client's, without those that gRPC and HTTP/2 use themselves
	// ([Reserved]); Agent is the client's user agent.
	Fields []Field
	Agent  string
	// Message is the request; it and what is read under Lease are the call's.
	Message []byte
	Lease   *message.Lease
}

const grpcType = "application/grpc"

// grpcTyped reports whether a content type is gRPC's.
func grpcTyped(kind string) bool {
	kind = strings.ToLower(kind)
	return strings.HasPrefix(kind, grpcType) && (len(kind) == len(grpcType) || kind[len(grpcType)] == '+' || kind[len(grpcType)] == ';')
}

// request is what a header says of a call.
type request struct {
	method, scheme, path, authority, kind, agent, timeout, coding string
	length                                                        int64
	fields                                                        []Field
}

// read reads the header of a request, and reports whether it is one.
func (r *request) read(fields []Field) bool {
	r.length = -1
	r.fields = make([]Field, 0, len(fields))
	for _, f := range fields {
		if to := r.place(f.Name); to != nil {
			*to = f.Value
			continue
		}
		switch {
		case f.Name == "host":
			if r.authority == "" {
				r.authority = f.Value
			}
		case f.Name == "content-length":
			n, err := strconv.ParseInt(f.Value, 10, 64)
			if err != nil || n < 0 || r.length >= 0 && r.length != n {
				return false
			}
			r.length = n
		case f.IsPseudo():
			return false
		case !Reserved(f.Name):
			r.fields = append(r.fields, f)
		}
	}
	return r.method != "" && r.scheme != "" && r.path != ""
}

// place is where the value of a field goes; nil: it has no place of its own.
func (r *request) place(name string) *string {
	switch name {
	case ":method":
		return &r.method
	case ":scheme":
		return &r.scheme
	case ":path":
		return &r.path
	case ":authority":
		return &r.authority
	case "content-type":
		return &r.kind
	case "user-agent":
		return &r.agent
	case "grpc-timeout":
		return &r.timeout
	case "grpc-encoding":
		return &r.coding
	}
	return nil
}

// headers begins a call, or ends one whose client sends trailers.
func (c *serverConn) headers(b *block) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.kick()
	if err := c.heard(); err != nil {
		return err
	}
	id := b.stream
	if id%2 == 0 {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	if id <= c.latest {
		return c.trailers(b)
	}
	c.latest = id
	if c.final {
		c.parted(id) // The client was told that it is not answered.
		return nil
	}
	var r request
	switch {
	case b.wrong:
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeProtocol}
	case c.active >= c.server.options.MaxStreams:
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeRefusedStream}
	case !b.over && !r.read(b.fields), b.ended && r.length > 0:
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeProtocol}
	}
	call := &Call{server: c, Path: r.path, Authority: r.authority, Fields: r.fields, Agent: r.agent, kind: r.kind, coding: r.coding}
	call.stream = stream{id: id, conn: &c.conn, owner: call, window: c.initial, ended: b.ended, declared: r.length, in: incoming{allowed: firstWindow}}
	c.streams[id] = &call.stream
	c.active++
	return call.begin(b, &r)
}

// trailers ends a stream that has begun.
func (c *serverConn) trailers(b *block) error {
	s := c.streams[b.stream]
	switch {
	case s == nil && c.isEarly(b.stream):
		return nil
	case s == nil:
		return http2.ConnectionError(http2.ErrCodeStreamClosed)
	case s.ended:
		return http2.StreamError{StreamID: b.stream, Code: http2.ErrCodeStreamClosed}
	case !b.ended || b.wrong || !b.over && len(b.fields) > 0 && strings.HasPrefix(b.fields[0].Name, ":"):
		return http2.StreamError{StreamID: b.stream, Code: http2.ErrCodeProtocol}
	}
	s.ended = true
	return s.progress()
}

// begin finds what answers a call.
func (c *Call) begin(b *block, r *request) error {
	c.ctx = context.Background()
	if r.timeout != "" {
		d, ok := parseTimeout(r.timeout)
		if !ok {
			c.refused(statusf(internal, "malformed grpc-timeout: %q", r.timeout))
			return nil
		}
		c.ctx, c.cancel = context.WithTimeout(c.ctx, d)
	} else {
		c.ctx, c.cancel = context.WithCancel(c.ctx)
	}
	switch {
	case b.over:
		c.refused(statusf(resourceExhausted, "the header of the call is larger than the limit of %d bytes (--max_header_bytes)", c.conn.limits.MaxHeader))
		return nil
	case r.method != http.MethodPost:
		return c.unfit(http.StatusMethodNotAllowed, "invalid gRPC request method "+strconv.Quote(r.method))
	case !grpcTyped(r.kind):
		return c.unfit(http.StatusUnsupportedMediaType, "invalid gRPC request content-type "+strconv.Quote(r.kind))
	}
	if c.unary = c.server.server.options.Unary(r.path); c.unary == nil {
		c.other(b.fields, r)
		return nil
	}
	c.lease = c.server.server.options.Pool.Lease()
	c.Lease = c.lease
	if c.ended {
		return c.progress()
	}
	return nil
}

// arrived has the call answered, now that its message is there.
func (c *Call) arrived() {
	c.Message = c.take()
	c.running = true
	c.server.server.crew.answer(c)
}

func (c *Call) run() {
	defer c.lease.Release()
	defer c.cancel()
	if c.in.compressed {
		if refused := c.unpack(); refused != nil {
			c.answer(&Answer{Status: *refused})
			return
		}
	}
	a := c.unary(c.ctx, c)
	c.answer(&a)
}

// unpack unpacks a compressed message, within its limit and the budget.
func (c *Call) unpack() *Status {
	m, refused := unpacked(c.Message, c.coding, c.lease, c.conn.limits.MaxMessage)
	c.Message = m
	return refused
}

func unpacked(packed []byte, coding string, lease *message.Lease, limit int64) ([]byte, *Status) {
	switch coding {
	case "gzip":
	case "", "identity":
		return nil, statusf(internal, "the message is compressed, and grpc-encoding does not say how")
	default:
		return nil, statusf(unimplemented, "grpc: Decompressor is not installed for grpc-encoding %q", coding)
	}
	in, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, statusf(internal, "grpc: failed to decompress the received message: %v", err)
	}
	m, err := lease.ReadAll(in, -1, limit)
	switch {
	case errors.Is(err, message.ErrTooLarge):
		return nil, statusf(resourceExhausted, "grpc: received message after decompression larger than max %d", limit)
	case errors.Is(err, message.ErrFull), errors.Is(err, message.ErrNever):
		return nil, statusf(resourceExhausted, "%v", err)
	case err != nil:
		return nil, statusf(internal, "grpc: failed to decompress the received message: %v", err)
	}
	return m, nil
}

// answer sends an answer. It returns when its message is with the kernel, or
// copied.
func (c *Call) answer(a *Answer) {
	k := c.conn
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.kick()
	if c.err == nil {
		c.send(a)
	}
	c.server.active--
	k.side.quiet()
}

func (c *Call) send(a *Answer) {
	k := c.conn
	ok := a.Status.Code == 0
	if ok || len(a.Header) > 0 {
		k.header(c.id, c.head(a.Header), false)
	}
	if ok && !k.small(&c.stream, a.Message, false) {
		if k.large(context.Background(), &c.stream, withPrefix(a.Message), false) != nil {
			return
		}
	}
	c.finish(a, !ok && len(a.Header) == 0)
}

// head is the header of an answer.
func (c *Call) head(fields []Field) []byte {
	k := c.conn
	block := append(k.table.begin(k.scratch[:0]), status200)
	switch {
	case c.kind == "application/grpc+proto":
		block = k.table.field(block, Field{Name: "content-type", Value: c.kind})
	case c.kind == "" || !grpcTyped(c.kind) || len(c.kind) > 64:
		block = k.table.field(block, Field{Name: "content-type", Value: grpcType})
	case c.kind == grpcType:
		block = k.table.field(block, Field{Name: "content-type", Value: grpcType})
	default:
		block = appendField(block, Field{Name: "content-type", Value: c.kind})
	}
	for _, f := range fields {
		block = appendField(block, f)
	}
	k.scratch = block
	return block
}

// finish sends the end of an answer, with a header of its own if it is all of
// it, and takes the stream off.
func (c *Call) finish(a *Answer, only bool) {
	k := c.conn
	var block []byte
	if only {
		block = c.head(nil)
	} else {
		block = k.table.begin(k.scratch[:0])
	}
	if a.Status.Code == 0 {
		block = k.table.field(block, Field{Name: "grpc-status", Value: "0"})
	} else {
		block = appendField(block, Field{Name: "grpc-status", Value: strconv.FormatUint(uint64(a.Status.Code), 10)})
		block = appendField(block, Field{Name: "grpc-message", Value: escaped(a.Status.Message)})
		if a.Status.Details != nil {
			block = appendField(block, Field{Name: "grpc-status-details-bin", Value: EncodeBinary(string(a.Status.Details))})
		}
		if a.Status.Code == unimplemented {
			block = k.table.field(block, Field{Name: "grpc-accept-encoding", Value: "gzip"})
		}
	}
	for _, f := range a.Trailer {
		block = appendField(block, f)
	}
	k.scratch = block
	k.header(c.id, block, true)
	c.part()
}

// part takes a stream off that was answered. A client that has not said all is
// told to stop.
func (c *Call) part() {
	if !c.ended {
		_ = c.conn.frames.WriteRSTStream(c.id, http2.ErrCodeNo)
		c.server.parted(c.id)
	}
	c.remove(errEnded)
}

// refused answers a call by a status, before it is with what answers it or
// instead.
func (c *Call) refused(s *Status) {
	if c.err != nil {
		return
	}
	c.finish(&Answer{Status: *s}, true)
	c.left()
}

// misfit is the answer to what is no call of gRPC, whatever else it is.
type misfit struct {
	status int
	text   string
}

// unfit answers a misfit when the client has said all, of which nothing is read.
func (c *Call) unfit(status int, text string) error {
	c.misfit = &misfit{status, text}
	c.in.done = true
	if c.ended {
		return c.progress()
	}
	return nil
}

func (c *Call) over() {
	if c.misfit != nil && !c.running {
		c.running = true
		go c.sendMisfit()
	}
}

func (c *Call) sendMisfit() {
	defer c.cancel()
	k := c.conn
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.kick()
	if c.err == nil {
		block := appendField(k.table.begin(k.scratch[:0]), Field{Name: ":status", Value: strconv.Itoa(c.misfit.status)})
		block = k.table.field(block, Field{Name: "content-type", Value: "text/plain; charset=utf-8"})
		k.scratch = block
		k.header(c.id, block, false)
		if k.large(context.Background(), &c.stream, pieces{[]byte(c.misfit.text)}, false) == nil {
			// The end goes by itself, so that no client knows of it before the stream is off.
			k.dataHead(c.id, 0, true)
			c.part()
		}
	}
	c.server.active--
	k.side.quiet()
}

func (c *Call) broken(error) { c.left() }

// left ends what a call holds that is not answered any more.
func (c *Call) left() {
	if c.cancel != nil {
		c.cancel()
	}
	if c.running {
		return
	}
	c.running = true
	if c.lease != nil {
		c.drop()
		c.lease.Release()
	}
	c.server.active--
	c.conn.side.quiet()
}

func (c *Call) slow() {
	if f := c.server.server.options.Slow; f != nil {
		f()
	}
}

func (c *serverConn) isEarly(id uint32) bool {
	for _, e := range c.early {
		if e == id {
			return true
		}
	}
	return false
}

func (c *serverConn) parted(id uint32) {
	c.early[c.next%len(c.early)] = id
	c.next++
}

func (c *serverConn) unknown(id uint32) error {
	switch {
	case id > c.latest || id%2 == 0:
		return http2.ConnectionError(http2.ErrCodeProtocol)
	case c.isEarly(id):
		return nil
	}
	return http2.StreamError{StreamID: id, Code: http2.ErrCodeStreamClosed}
}

func (c *serverConn) begun(id uint32) bool         { return id <= c.latest && id%2 == 1 }
func (c *serverConn) last() uint32                 { return c.latest }
func (c *serverConn) settled(*http2.SettingsFrame) {}
func (c *serverConn) goAway(uint32, http2.ErrCode) {}
