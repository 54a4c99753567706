// Package http2 is gRPC over HTTP/2 for unary calls, as a server and as a client.
// golang.org/x/net reads and writes frames and headers; streams, flow control,
// limits and the rules of gRPC are here. It knows bytes, limits and deadlines,
// and nothing of what messages mean.
//
// One goroutine reads a connection. What is sent, of whatever stream, is put
// behind each other, and written by one goroutine that runs when something
// waits: so the frames of calls that came together leave together.
package http2

import (
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"

	"github.com/prime-radiant/radiant/executor/memory"
	"github.com/prime-radiant/radiant/executor/message"
)

// limits are those of one side of a connection.
type limits struct {
	// MaxMessage is the largest message that is taken, in bytes; MaxHeader the
	// largest header, as SETTINGS_MAX_HEADER_LIST_SIZE counts.
	MaxMessage int64
	MaxHeader  uint32
	// Budget is what messages take memory of before they come; nil: nothing
	// bounds it.
	Budget *memory.Budget
}

// conn is what both sides of a connection have in common.
type conn struct {
	limits limits
	net    net.Conn
	in     input
	frames *http2.Framer
	block  *block
	side   side
	// begins is true where messages begin something, as those of clients do.
	begins bool
	flood  flood

	mu sync.Mutex
	// room is told of what was written, of windows that grew and of the end;
	// waiting is how many listen.
	room     sync.Cond
	waiting  int
	out      output
	flushing bool
	// closed is true when nothing is written any more.
	closed bool
	// written is how much has left, of the bytes that came to out; offered is how
	// much the kernel was asked to take.
	written, offered int64
	// busy is true while something waits to be written or is.
	busy atomic.Bool
	// hurried is true when the other side has a last while to end the connection.
	hurried bool
	// err is why the connection ends; nil: it stands.
	err     error
	streams map[uint32]*stream
	table   table
	// scratch is where a header is written before it goes to out.
	scratch []byte
	// window is what may be sent on all streams together, initial what on a new
	// one; maxFrame is the largest frame that the other side takes.
	window, initial int64
	maxFrame        int
	// received is what came since it was last given back.
	received int64
}

// side is what differs between a server and a client.
type side interface {
	// headers is told of a whole header.
	headers(b *block) error
	// unknown is told of data for a stream that is no more, or never was.
	unknown(id uint32) error
	// settled is told that the other side's settings were taken, goAway that it
	// takes no streams after last. Both are called under the connection's lock.
	settled(f *http2.SettingsFrame)
	goAway(last uint32, code http2.ErrCode)
	// acknowledged is told of the answer to a ping.
	acknowledged(data [8]byte)
	// begun reports whether a stream has begun, last is the last that the other
	// side has begun. Both are called under the connection's lock.
	begun(id uint32) bool
	last() uint32
	// parted is told of a stream that was reset from here, under the lock.
	parted(id uint32)
	// quiet is called under the connection's lock when a stream has ended.
	quiet()
}

// stream is a call, as its connection sees it. All of it is under the
// connection's lock.
type stream struct {
	id    uint32
	conn  *conn
	owner owner
	// window is what may be sent on it.
	window int64
	// err is why nothing more is to be sent or received; nil: the stream stands.
	err error
	// ended is true when the other side has said all.
	ended bool
	in    incoming
	lease *message.Lease
	// declared is the content-length, -1 if there is none.
	declared int64
	// body takes what comes instead of in, if it is not nil.
	body *body
	// out is how much was sent of the message, sending true while it is.
	out     int64
	sending bool
	pace    gauge
}

// owner is told of what becomes of a stream, under the connection's lock.
type owner interface {
	// arrived is told when the message is whole, refused when it cannot be
	// taken, broken when the stream or its connection has ended before its time.
	arrived()
	// over is told when the other side has ended the stream by data.
	over()
	refused(status *Status)
	broken(err error)
}

// initialWindow is what may be sent before the other side says otherwise, and
// frameSize the largest frame.
const (
	initialWindow = 65535
	frameSize     = 16 << 10
)

func (c *conn) init(to net.Conn, l limits, s side) {
	c.limits, c.net, c.side = l, to, s
	c.in.conn = to
	c.frames = http2.NewFramer(&c.out, &c.in)
	c.frames.SetMaxReadFrameSize(frameSize)
	c.block = newBlock(l.MaxHeader)
	c.room.L = &c.mu
	c.streams = map[uint32]*stream{}
	c.table = newTable()
	c.window, c.initial, c.maxFrame = initialWindow, initialWindow, frameSize
}

// kick has written what waits. It is called under the lock.
func (c *conn) kick() {
	if !c.flushing && !c.closed && (c.out.size > 0 || c.err != nil) {
		c.flushing = true
		c.busy.Store(true)
		go c.flush()
	}
}

// flush writes what waits, to the last byte. Others that are about to send go
// first, so that one write takes all of it.
func (c *conn) flush() {
	runtime.Gosched()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.out.size > 0 {
		b := c.out.take()
		c.offered = b.end
		c.mu.Unlock()
		err := b.write(c.net)
		c.mu.Lock()
		c.out.give(b)
		c.written = b.end
		if err != nil {
			c.end(err)
			break
		}
		c.wake()
	}
	c.flushing = false
	c.busy.Store(false)
	if c.err != nil {
		c.closed = true
		c.out = output{total: c.out.total}
		_ = c.net.Close()
	}
	c.wake()
}

func (c *conn) wake() {
	if c.waiting > 0 {
		c.room.Broadcast()
	}
}

// wait waits for room. It is called under the lock.
func (c *conn) wait() {
	c.waiting++
	c.room.Wait()
	c.waiting--
}

// lastWrite bounds how long the last frames of a connection may take.
const lastWrite = time.Second

// end ends the connection when what waits is written. It is called under the
// lock.
func (c *conn) end(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	_ = c.net.SetWriteDeadline(time.Now().Add(lastWrite))
	for _, s := range c.streams {
		s.end(err)
	}
	c.room.Broadcast()
	c.kick()
}

// errEnded is the end of a stream that has done its work.
var errEnded = errors.New("the stream has ended")

// end ends a stream before its time.
func (s *stream) end(err error) {
	if s.err != nil {
		return
	}
	s.remove(err)
	s.owner.broken(err)
}

// remove takes a stream off its connection. What has come of a message that is
// not whole is dropped.
func (s *stream) remove(err error) {
	c := s.conn
	s.err = err
	delete(c.streams, s.id)
	if s.body != nil {
		s.body.fail(err)
	}
	c.wake()
	c.side.quiet()
}

// reset ends a stream by the code of an error.
func (c *conn) reset(id uint32, code http2.ErrCode) {
	_ = c.frames.WriteRSTStream(id, code)
	c.side.parted(id)
	if s := c.streams[id]; s != nil {
		s.end(http2.StreamError{StreamID: id, Code: code})
	}
}

func (c *conn) windowUpdate(id uint32, n int64) {
	if n > 0 && c.err == nil {
		_ = c.frames.WriteWindowUpdate(id, uint32(n)) //nolint:gosec // windows are below 2^31
	}
}

// read reads frames until the connection ends, and returns why it did.
func (c *conn) read() error {
	for {
		err := c.frame()
		if err == nil {
			continue
		}
		var of http2.StreamError
		var fatal http2.ConnectionError
		c.mu.Lock()
		switch {
		case errors.As(err, &of):
			c.reset(of.StreamID, of.Code)
			c.kick()
			c.mu.Unlock()
			continue
		case errors.Is(err, http2.ErrFrameTooLarge):
			fatal = http2.ConnectionError(http2.ErrCodeFrameSize)
			fallthrough
		case errors.As(err, &fatal):
			if c.err == nil {
				_ = c.frames.WriteGoAway(c.side.last(), http2.ErrCode(fatal), nil)
			}
		}
		c.end(err)
		err = c.err
		c.mu.Unlock()
		return err
	}
}

// frame reads one frame and does what it says.
func (c *conn) frame() error {
	head, err := c.frames.ReadFrameHeader()
	if err != nil {
		return err
	}
	if head.Type == http2.FrameData {
		return c.data(head)
	}
	f, err := c.frames.ReadFrameForHeader(head)
	if err != nil {
		if head.Type == http2.FrameHeaders && errors.As(err, new(http2.StreamError)) {
			// What is not read is missing in the table of fields.
			return http2.ConnectionError(http2.ErrCodeProtocol)
		}
		return err
	}
	switch f := f.(type) {
	case *http2.HeadersFrame:
		if f.HasPriority() && f.Priority.StreamDep == f.StreamID {
			return http2.ConnectionError(http2.ErrCodeProtocol)
		}
		c.block.begin(f.StreamID, f.StreamEnded())
		return c.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
	case *http2.ContinuationFrame:
		return c.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
	case *http2.PushPromiseFrame:
		return http2.ConnectionError(http2.ErrCodeProtocol)
	case *http2.PriorityFrame:
		if f.StreamDep == f.StreamID {
			return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol}
		}
		return c.flood.cheap(flooding)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.kick()
	if err := c.heard(); err != nil {
		return err
	}
	return c.control(f)
}

// mostUnread is how much may wait to be written of what the other side's frames
// are answered by: messages leave off long before.
const mostUnread = 4 << 20

// heard fails where the other side sends on and reads nothing.
func (c *conn) heard() error {
	if c.begins && c.out.size > mostUnread {
		return http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
	}
	return nil
}

// control does what a frame says that is none of a message, under the lock.
func (c *conn) control(f http2.Frame) error {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		return c.settings(f)
	case *http2.PingFrame:
		if f.IsAck() {
			c.side.acknowledged(f.Data)
			return nil
		}
		if err := c.flood.cheap(flooding); err != nil {
			return err
		}
		return c.frames.WritePing(true, f.Data)
	case *http2.WindowUpdateFrame:
		return c.grown(f.StreamID, int64(f.Increment))
	case *http2.RSTStreamFrame:
		if s := c.streams[f.StreamID]; s != nil {
			s.end(http2.StreamError{StreamID: f.StreamID, Code: f.ErrCode})
		} else if err := c.idle(f.StreamID); err != nil {
			return err
		}
		if !c.begins {
			return nil
		}
		return c.flood.cheap(resetting)
	case *http2.GoAwayFrame:
		c.side.goAway(f.LastStreamID, f.ErrCode)
	}
	return nil
}

// idle fails if a stream has not begun.
func (c *conn) idle(id uint32) error {
	if !c.side.begun(id) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	return nil
}

// headerTimeout bounds how long a header may take that comes in several frames,
// and how long a connection to begin.
const headerTimeout = 60 * time.Second

// patience bounds the wait for what comes next; 0: it may take its time. The
// last bound is not taken back.
func (c *conn) patience(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.hurried:
	case d == 0:
		_ = c.net.SetReadDeadline(time.Time{})
	default:
		_ = c.net.SetReadDeadline(time.Now().Add(d))
	}
}

func (c *conn) fragment(p []byte, last bool) error {
	b := c.block
	if err := b.fragment(p, last); err != nil {
		return err
	}
	if !last {
		// From the first frame to the last.
		if !b.divided {
			b.divided = true
			c.patience(headerTimeout)
		}
		return c.flood.cheap(flooding)
	}
	if b.divided {
		c.patience(0)
	}
	return c.side.headers(b)
}

// largestWindow is that of HTTP/2.
const largestWindow = 1<<31 - 1

// grown takes what the other side allows to be sent more.
func (c *conn) grown(id uint32, n int64) error {
	if id == 0 {
		if c.window += n; c.window > largestWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		c.wake()
		return nil
	}
	s := c.streams[id]
	if s == nil {
		return c.idle(id)
	}
	if s.window += n; s.window > largestWindow {
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeFlowControl}
	}
	c.wake()
	return nil
}

func (c *conn) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	if err := c.flood.cheap(flooding); err != nil {
		return err
	}
	err := f.ForeachSetting(func(s http2.Setting) error {
		if err := s.Valid(); err != nil {
			return err
		}
		switch s.ID {
		case http2.SettingHeaderTableSize:
			c.table.resize(s.Val)
		case http2.SettingInitialWindowSize:
			by := int64(s.Val) - c.initial
			c.initial = int64(s.Val)
			for _, stream := range c.streams {
				if stream.window += by; stream.window > largestWindow {
					return http2.ConnectionError(http2.ErrCodeFlowControl)
				}
			}
		case http2.SettingMaxFrameSize:
			c.maxFrame = int(s.Val)
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.side.settled(f)
	c.wake()
	return c.frames.WriteSettingsAck()
}
