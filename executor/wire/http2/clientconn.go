package http2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

// clientConn is a connection to a server.
type clientConn struct {
	conn
	client *Client
	// usable is false once no call may begin any more, free while there is room
	// for one.
	usable, free atomic.Bool
	// next is the stream of the next call, most how many the server takes at once.
	next, most uint32
	// greeted is closed by the server's settings.
	greeted chan struct{}
	hello   bool
}

// greetTimeout bounds the wait for a server's settings.
const greetTimeout = 10 * time.Second

// largestID is that after which a connection takes no more calls.
const largestID = 1<<31 - 1

// dial makes a connection, which is good once the server has said its settings.
func dial(c *Client) (*clientConn, error) {
	to, err := c.options.Dial(context.Background())
	if err != nil {
		return nil, fmt.Errorf("Error while dialing: %w", err)
	}
	k := &clientConn{client: c, next: 1, most: 100, greeted: make(chan struct{})}
	k.init(to, limits{MaxMessage: c.options.MaxMessage, MaxHeader: c.options.MaxHeader, Budget: c.options.Budget}, k)
	k.usable.Store(true)
	k.free.Store(true)
	k.mu.Lock()
	_, _ = k.out.Write([]byte(http2.ClientPreface))
	_ = k.frames.WriteSettings(
		http2.Setting{ID: http2.SettingEnablePush, Val: 0},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: k.limits.MaxHeader})
	k.windowUpdate(0, connWindow-initialWindow)
	k.kick()
	k.mu.Unlock()
	ended := make(chan error, 1)
	go func() {
		ended <- k.read()
		k.mu.Lock()
		defer k.mu.Unlock()
		k.leave()
	}()
	timer := time.NewTimer(greetTimeout)
	defer timer.Stop()
	select {
	case <-k.greeted:
		return k, nil
	case err = <-ended:
	case <-timer.C:
		err = errors.New("it does not answer in HTTP/2")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.end(err)
	return nil, fmt.Errorf("connecting to %s: %w", c.options.Address, err)
}

// settled takes the server's settings.
func (c *clientConn) settled(f *http2.SettingsFrame) {
	if n, ok := f.Value(http2.SettingMaxConcurrentStreams); ok {
		c.most = n
	} else if !c.hello {
		c.most = 1<<32 - 1
	}
	if !c.hello {
		c.hello = true
		close(c.greeted)
	}
	c.quiet()
}

// goAway takes no more calls to this connection. Those after last were not
// processed, and may be made again.
func (c *clientConn) goAway(last uint32, code http2.ErrCode) {
	c.leave()
	for id, s := range c.streams {
		if id > last {
			s.owner.(*call).unprocessed = true
			s.end(fmt.Errorf("the server goes away: %v", code))
		}
	}
	c.quiet()
}

// leave takes the connection out of use.
func (c *clientConn) leave() {
	if c.usable.Swap(false) {
		c.free.Store(false)
		go c.client.forget(c)
	}
}

var errLeft = errors.New("the server went away")

// quiet looks whether there is room for another call, and ends a connection that
// is not used any more.
func (c *clientConn) quiet() {
	switch {
	case c.err != nil:
		c.leave()
	case !c.usable.Load():
		if len(c.streams) == 0 {
			c.end(errLeft)
		}
	case uint64(len(c.streams)) >= uint64(c.most):
		c.free.Store(false)
	case !c.free.Load():
		c.free.Store(true)
		if c.client.waiting.Load() > 0 {
			go func() {
				c.client.mu.Lock()
				defer c.client.mu.Unlock()
				c.client.tell()
			}()
		}
	}
}

func (c *clientConn) begun(id uint32) bool { return id < c.next && id%2 == 1 }
func (c *clientConn) last() uint32         { return 0 }
func (c *clientConn) parted(uint32)        {}
func (c *clientConn) acknowledged([8]byte) {}

// unknown takes data of calls that were left.
func (c *clientConn) unknown(id uint32) error {
	if !c.begun(id) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	return nil
}

// headers takes the header of an answer, or its trailers.
func (c *clientConn) headers(b *block) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.kick()
	s := c.streams[b.stream]
	if s == nil {
		return c.unknown(b.stream)
	}
	k := s.owner.(*call)
	switch {
	case b.wrong:
		return http2.StreamError{StreamID: b.stream, Code: http2.ErrCodeProtocol}
	case b.over:
		k.refused(statusf(internal, "the header of the answer is larger than %d bytes", c.limits.MaxHeader))
	case !k.began && !b.ended:
		k.opened(b.fields)
	case !b.ended:
		return http2.StreamError{StreamID: b.stream, Code: http2.ErrCodeProtocol}
	default:
		s.ended = true
		k.closed(b.fields)
	}
	return nil
}

// call is a call that was made.
type call struct {
	stream
	done chan struct{}
	// place is where the call begins among all that was sent.
	place int64
	// began is true when the header has come, trailed when the trailers have.
	began, trailed bool
	// unprocessed is true for a call that the server has certainly not processed.
	unprocessed bool

	// end is when the time of the call is over; zero: it has all time.
	end             time.Time
	header, trailer []Field
	message         []byte
	coding          string
	status          Status
}

func newCall(c *clientConn, r *Request, end time.Time) *call {
	k := &call{done: make(chan struct{}), end: end}
	k.stream = stream{conn: &c.conn, owner: k, lease: r.Lease, declared: -1, in: incoming{allowed: firstWindow}}
	return k
}

// begin sends a call, as far as it can be sent at once. It is false if the
// connection takes no more.
func (k *call) begin(ctx context.Context, r *Request) bool {
	c := k.conn
	side := c.side.(*clientConn)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		side.leave()
		return false
	case !side.usable.Load():
		return false
	case uint64(len(c.streams)) >= uint64(side.most):
		side.free.Store(false)
		return false
	}
	k.id = side.next
	if side.next += 2; side.next > largestID-2 {
		side.leave()
	}
	k.window = c.initial
	k.place = c.out.total
	c.streams[k.id] = &k.stream
	if uint64(len(c.streams)) >= uint64(side.most) {
		side.free.Store(false)
	}
	c.header(k.id, k.head(r), false)
	if c.small(&k.stream, r.Message, true) {
		c.kick()
		return true
	}
	if !k.end.IsZero() {
		// Who waits for room has to be woken in time.
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, k.end)
		defer cancel()
	}
	rest := withPrefix(r.Message)
	size := int64(rest.size())
	err := c.large(ctx, &k.stream, rest, true)
	switch {
	case err == nil && ctx.Err() != nil:
		k.leave(ofContext(ctx))
	case errors.Is(err, errEnded) && k.out < size && c.err == nil:
		// The server has answered without all of it.
		_ = c.frames.WriteRSTStream(k.id, http2.ErrCodeCancel)
	}
	c.kick()
	return true
}

// head is the header of a request.
func (k *call) head(r *Request) []byte {
	c, o := k.conn, &k.conn.side.(*clientConn).client.options
	scheme := byte(schemeHTTP)
	if o.Secure {
		scheme = schemeTLS
	}
	block := append(c.table.begin(c.scratch[:0]), methodPost, scheme)
	block = c.table.field(block, Field{Name: ":path", Value: r.Path})
	block = c.table.field(block, Field{Name: ":authority", Value: o.Address})
	block = c.table.field(block, Field{Name: "content-type", Value: grpcType})
	block = c.table.field(block, Field{Name: "user-agent", Value: o.Agent})
	block = c.table.field(block, Field{Name: "te", Value: "trailers"})
	block = c.table.field(block, Field{Name: "grpc-accept-encoding", Value: "gzip"})
	if !k.end.IsZero() {
		var text [16]byte
		block = appendField(block, Field{Name: "grpc-timeout", Value: string(appendTimeout(text[:0], max(time.Until(k.end), 1)))})
	}
	for _, f := range r.Fields {
		block = appendField(block, f)
	}
	c.scratch = block
	return block
}

// wait waits for the end of a call.
func (k *call) wait(ctx context.Context) {
	var late <-chan time.Time
	if !k.end.IsZero() {
		timer := time.NewTimer(time.Until(k.end))
		defer timer.Stop()
		late = timer.C
	}
	var status *Status
	select {
	case <-k.done:
		if k.status.Code == canceled && !k.end.IsZero() && !time.Now().Before(k.end) {
			// The server was faster to see that the time is over.
			k.status = *statusf(deadlineExceeded, "%v", context.DeadlineExceeded)
		}
		k.unpack()
		return
	case <-late:
		status = statusf(deadlineExceeded, "%v", context.DeadlineExceeded)
	case <-ctx.Done():
		status = ofContext(ctx)
	}
	c := k.conn
	c.mu.Lock()
	k.leave(status)
	c.kick()
	c.mu.Unlock()
	<-k.done
	if k.status.Code == canceled {
		// The server saw it, too, and a moment earlier.
		k.status = *status
	}
}

// leave resets a call that nobody waits for any more.
func (k *call) leave(status *Status) {
	if k.err != nil {
		return
	}
	_ = k.conn.frames.WriteRSTStream(k.id, http2.ErrCodeCancel)
	k.finish(status)
}

// finish ends a call.
func (k *call) finish(status *Status) {
	if k.err != nil {
		return
	}
	k.status = *status
	if k.status.Code == 0 && k.in.done {
		k.message = k.take()
	} else {
		k.drop()
	}
	k.remove(errEnded)
	close(k.done)
}

func (k *call) arrived() {
	if k.trailed {
		k.finish(&k.status)
	}
}

func (k *call) over() {
	if !k.trailed {
		k.refused(statusf(internal, "server closed the stream without sending trailers"))
	}
}

func (k *call) refused(status *Status) {
	if k.err == nil && !k.ended {
		_ = k.conn.frames.WriteRSTStream(k.id, http2.ErrCodeCancel)
	}
	k.finish(status)
}

// broken ends a call whose stream or connection has ended.
func (k *call) broken(err error) {
	var reset http2.StreamError
	status := statusf(unavailable, "error reading from server: %v", err)
	if errors.As(err, &reset) {
		status = statusf(codeOf(reset.Code), "stream terminated by RST_STREAM with error code: %s", reset.Code)
		k.unprocessed = reset.Code == http2.ErrCodeRefusedStream
	} else if k.place >= k.conn.offered {
		// Not a byte of it has left.
		k.unprocessed = true
	}
	k.status = *status
	k.drop()
	close(k.done)
}

// codeOf is the code of gRPC for a stream that was reset.
func codeOf(code http2.ErrCode) uint32 {
	switch code {
	case http2.ErrCodeRefusedStream:
		return unavailable
	case http2.ErrCodeCancel:
		return canceled
	case http2.ErrCodeEnhanceYourCalm, http2.ErrCodeFlowControl:
		return resourceExhausted
	case http2.ErrCodeInadequateSecurity:
		return permissionDenied
	}
	return internal
}

// opened takes the header of an answer.
func (k *call) opened(fields []Field) {
	k.began = true
	var status, kind string
	for _, f := range fields {
		switch f.Name {
		case ":status":
			status = f.Value
		case "content-type":
			kind = f.Value
		case "grpc-encoding":
			k.coding = f.Value
		default:
			if !Reserved(f.Name) {
				k.header = append(k.header, f)
			}
		}
	}
	if status != "200" || !grpcTyped(kind) {
		if strings.HasPrefix(status, "1") {
			k.began, k.header, k.coding = false, nil, ""
			return
		}
		k.refused(ofHTTP(status, kind))
	}
}

// ofHTTP is the status of an answer that is none of gRPC's.
func ofHTTP(status, kind string) *Status {
	code, err := strconv.Atoi(status)
	if err != nil {
		return statusf(internal, "malformed http-status: %q", status)
	}
	if code == http.StatusOK {
		return statusf(unknown, "unexpected HTTP status code received from server: 200 (OK); transport: received unexpected content-type %q", kind)
	}
	of := map[int]uint32{400: internal, 401: unauthenticated, 403: permissionDenied, 404: unimplemented, 429: unavailable, 502: unavailable, 503: unavailable, 504: unavailable}
	to, ok := of[code]
	if !ok {
		to = unknown
	}
	return statusf(to, "unexpected HTTP status code received from server: %d (%s); transport: received unexpected content-type %q", code, http.StatusText(code), kind)
}

// ending is what a server says at the end of an answer.
type ending struct {
	http, kind string
	status     Status
	said       bool
	fields     []Field
}

func endingOf(fields []Field) (e ending, err error) {
	for _, f := range fields {
		switch f.Name {
		case ":status":
			e.http = f.Value
		case "content-type":
			e.kind = f.Value
		case "grpc-status":
			n, err := strconv.ParseUint(f.Value, 10, 31)
			if err != nil {
				return e, err
			}
			e.said, e.status.Code = true, uint32(n)
		case "grpc-message":
			e.status.Message = unescaped(f.Value)
		case "grpc-status-details-bin":
			if details, err := DecodeBinary(f.Value); err == nil {
				e.status.Details = []byte(details)
			}
		default:
			if !Reserved(f.Name) {
				e.fields = append(e.fields, f)
			}
		}
	}
	return e, nil
}

// closed takes the end of an answer: trailers, or all of it in one header.
func (k *call) closed(fields []Field) {
	if k.err != nil {
		return
	}
	k.trailed = true
	e, err := endingOf(fields)
	k.trailer = e.fields
	switch {
	case err != nil:
		k.finish(statusf(unknown, "transport: malformed grpc-status: %v", err))
	case !k.began && !e.said && (e.http != "200" || !grpcTyped(e.kind)):
		k.finish(ofHTTP(e.http, e.kind))
	case !e.said:
		k.finish(statusf(unknown, "the server has not said its status"))
	case e.status.Code != 0, k.in.done:
		k.finish(&e.status)
	case k.in.begun() && k.in.got == k.in.length:
		k.status = e.status // Its memory is waited for.
	default:
		k.finish(statusf(internal, "the server ended the call with OK and without an answer"))
	}
}

// unpack unpacks a compressed answer, within its limit and the budget.
func (k *call) unpack() {
	if k.status.Code != 0 || !k.in.compressed {
		return
	}
	m, refused := unpacked(k.message, k.coding, k.lease, k.conn.limits.MaxMessage)
	if k.message = m; refused != nil {
		k.status = *refused
	}
}
