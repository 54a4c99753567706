package http2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/prime-radiant/radiant/executor/memory"
	"github.com/prime-radiant/radiant/executor/message"
)

// plain is a connection of a client that does as it likes.
type plain struct {
	t *testing.T
	net.Conn
	*http2.Framer
	header  bytes.Buffer
	encoder *hpack.Encoder
}

func connect(t *testing.T, address string) *plain {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return plainOn(t, conn)
}

func plainOn(t *testing.T, conn net.Conn) *plain {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	p := &plain{t: t, Conn: conn, Framer: http2.NewFramer(conn, conn)}
	p.encoder = hpack.NewEncoder(&p.header)
	p.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, _ = io.WriteString(conn, http2.ClientPreface)
	_ = p.WriteSettings()
	return p
}

// call sends the header of a call.
func (p *plain) call(id uint32, method string, fields ...string) error {
	p.header.Reset()
	fields = append([]string{":method", "POST", ":scheme", "http", ":path", method, ":authority", "x", "content-type", "application/grpc", "te", "trailers"}, fields...)
	for i := 0; i < len(fields); i += 2 {
		_ = p.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	block := p.header.Bytes()
	first := block[:min(len(block), 16<<10)]
	rest := block[len(first):]
	err := p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndHeaders: len(rest) == 0})
	for len(rest) > 0 && err == nil {
		next := rest[:min(len(rest), 16<<10)]
		rest = rest[len(next):]
		err = p.WriteContinuation(id, len(rest) == 0, next)
	}
	return err
}

func (p *plain) message(id uint32, body string) {
	head := prefixOf(len(body))
	_ = p.WriteData(id, true, append(head[:], body...))
}

// next reads frames up to one that is wanted.
func (p *plain) next(wanted func(http2.Frame) bool) http2.Frame {
	p.t.Helper()
	for {
		f, err := p.ReadFrame()
		if err != nil {
			p.t.Fatal(err)
		}
		if wanted(f) {
			return f
		}
	}
}

func (p *plain) status(id uint32) string {
	p.t.Helper()
	value := ""
	p.next(func(f http2.Frame) bool {
		if h, ok := f.(*http2.MetaHeadersFrame); ok && h.StreamID == id {
			for _, field := range h.Fields {
				if field.Name == "grpc-status" {
					value = field.Value
				}
			}
		}
		return value != ""
	})
	return value
}

// goneFor reads to the end of the connection. Why it ends may be lost, where more
// was sent than is read.
func (p *plain) goneFor(code http2.ErrCode) {
	p.t.Helper()
	for {
		f, err := p.ReadFrame()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			p.t.Fatal("the connection goes on")
		}
		if err != nil {
			return
		}
		if away, ok := f.(*http2.GoAwayFrame); ok && away.ErrCode != code {
			p.t.Errorf("it goes away for %v, want %v", away.ErrCode, code)
		}
	}
}

func (p *plain) resetFor(id uint32, code http2.ErrCode) {
	p.t.Helper()
	f := p.next(func(f http2.Frame) bool { r, ok := f.(*http2.RSTStreamFrame); return ok && r.StreamID == id })
	if got := f.(*http2.RSTStreamFrame).ErrCode; got != code {
		p.t.Errorf("stream %d is reset for %v, want %v", id, got, code)
	}
}

// Floods of what is cheap to send end their connection, and no other.
func TestFloods(t *testing.T) {
	address, _ := ours(t, nil)
	for name, flood := range map[string]func(p *plain, i uint32) error{
		"pings":    func(p *plain, _ uint32) error { return p.WritePing(false, [8]byte{}) },
		"settings": func(p *plain, _ uint32) error { return p.WriteSettings() },
		"priorities": func(p *plain, _ uint32) error {
			return p.WritePriority(1, http2.PriorityParam{StreamDep: 3})
		},
		"resets": func(p *plain, i uint32) error {
			return errors.Join(p.call(2*i+1, "/t.T/Hang"), p.WriteRSTStream(2*i+1, http2.ErrCodeCancel))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := connect(t, address)
			go func() {
				for i := uint32(0); i < 200_000 && flood(p, i) == nil; i++ {
				}
			}()
			p.goneFor(http2.ErrCodeEnhanceYourCalm)
			if _, _, _, err := called(client(t, address, nil))(t.Context(), "/t.T/Echo", nil, nil); err != nil {
				t.Errorf("another connection: %v", err)
			}
		})
	}
	t.Run("a header without end", func(t *testing.T) {
		p := connect(t, address)
		go func() {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x83}})
			for p.WriteContinuation(1, false, bytes.Repeat([]byte{0x83}, 1000)) == nil {
			}
		}()
		p.goneFor(http2.ErrCodeEnhanceYourCalm)
	})
}

// What is too much of a call fails that call, and the connection goes on.
func TestLimitsOfACall(t *testing.T) {
	address, _ := ours(t, func(o *Options) { o.MaxStreams, o.MaxMessage = 2, 1000 })
	exhausted := "8"
	p := connect(t, address)
	_ = p.call(1, "/t.T/Echo", "long", strings.Repeat("l", 20_000))
	if s := p.status(1); s != exhausted {
		t.Errorf("a long header has status %s", s)
	}
	var many []string
	for range 1200 {
		many = append(many, "m", "")
	}
	_ = p.call(3, "/t.T/Echo", many...)
	if s := p.status(3); s != exhausted {
		t.Errorf("many fields have status %s", s)
	}
	_ = p.call(5, "/t.T/Echo")
	p.message(5, strings.Repeat("x", 1001))
	if s := p.status(5); s != exhausted {
		t.Errorf("a large message has status %s", s)
	}
	for _, id := range []uint32{7, 9, 11} {
		_ = p.call(id, "/t.T/Hang")
	}
	p.resetFor(11, http2.ErrCodeRefusedStream)
	_ = p.WriteRSTStream(7, http2.ErrCodeCancel)
	_ = p.call(13, "/t.T/Echo")
	p.message(13, "x")
	if s := p.status(13); s != "0" {
		t.Errorf("a call after them has status %s", s)
	}
	_ = p.call(15, "/t.T/Echo")
	head := prefixOf(3)
	_ = p.WriteData(15, true, head[:])
	if s := p.status(15); s != "13" {
		t.Errorf("a message that is cut off has status %s", s)
	}
}

// Who sends beyond its window is stopped.
func TestWindowIsKept(t *testing.T) {
	address, _ := ours(t, func(o *Options) { o.Budget = memory.NewBudget(40 << 20); _ = o.Budget.Take(39 << 20) })
	p := connect(t, address)
	_ = p.call(1, "/t.T/Size")
	head := prefixOf(10 << 20)
	_ = p.WriteData(1, false, head[:])
	for range 6 { // Its memory is waited for.
		_ = p.WriteData(1, false, make([]byte, 16<<10))
	}
	p.resetFor(1, http2.ErrCodeFlowControl)
}

// Padding takes of the windows as the message does, and is given back: a client
// that hides how long its messages are is served, by calls and by streams.
func TestPaddingIsGivenBack(t *testing.T) {
	address, _ := ours(t, nil)
	for _, method := range []string{"/t.T/Size", "/t.T/Stream"} {
		t.Run(method, func(t *testing.T) {
			p := connect(t, address)
			windows := map[uint32]int{0: initialWindow, 1: initialWindow}
			head := prefixOf(2000)
			body := append(head[:], make([]byte, 2000)...)
			_ = p.call(1, method, "content-length", fmt.Sprint(len(body)))
			for i := range body { // 516 kB for 2 kB.
				const size = 1 + 1 + 255
				for windows[0] < size || windows[1] < size {
					f := p.next(func(f http2.Frame) bool { return f.Header().Type != http2.FrameData })
					switch f := f.(type) {
					case *http2.WindowUpdateFrame:
						windows[f.StreamID] += int(f.Increment)
					case *http2.RSTStreamFrame, *http2.GoAwayFrame:
						t.Fatalf("byte %d is answered by %v", i, f)
					}
				}
				_ = p.WriteDataPadded(1, i == len(body)-1, body[i:i+1], make([]byte, 255))
				windows[0] -= size
				windows[1] -= size
			}
			if s := p.status(1); s != "0" {
				t.Errorf("the status is %s", s)
			}
		})
	}
}

// A header in several frames has a minute, however little its frames hold, and no
// bound of it stays behind when it is whole.
func TestTimeOfADividedHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{MaxMessage: 1000, MaxHeader: 1000, MaxStreams: 10, Pool: &message.Pool{}, Unary: func(string) Unary {
			return func(context.Context, *Call) Answer { return Answer{} }
		}})
		var open []net.Conn
		defer func() {
			for _, c := range open {
				_ = c.Close()
			}
			_ = s.Drain(t.Context())
			time.Sleep(lookInterval) // What looks after calls ends then.
		}()
		// A pipe holds nothing: who writes waits for the reader. What is written
		// next waits for what came before.
		writes := func(write func()) (written chan struct{}) {
			written = make(chan struct{})
			go func() { write(); close(written) }()
			return written
		}
		begin := func() *plain {
			theirs, mine := net.Pipe()
			open = append(open, mine)
			go s.serve(theirs)
			p := &plain{t: t, Conn: mine, Framer: http2.NewFramer(mine, mine)}
			p.encoder = hpack.NewEncoder(&p.header)
			p.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
			written := writes(func() { _, _ = io.WriteString(mine, http2.ClientPreface); _ = p.WriteSettings() })
			p.next(func(f http2.Frame) bool { s, ok := f.(*http2.SettingsFrame); return ok && s.IsAck() })
			<-written
			return p
		}
		slow := begin()
		began := time.Now()
		go func() {
			_ = slow.WriteHeaders(http2.HeadersFrameParam{StreamID: 1})
			for i := 0; i < 100 && slow.WriteContinuation(1, false, nil) == nil; i++ {
				time.Sleep(10 * time.Second)
			}
			_ = slow.Close()
		}()
		for {
			if _, err := slow.ReadFrame(); err != nil {
				break
			}
		}
		if took := time.Since(began); took != headerTimeout {
			t.Errorf("a header that never ends has %v, want %v", took, headerTimeout)
		}
		whole := begin()
		written := writes(func() {
			_ = whole.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true})
			_ = whole.WriteContinuation(1, true, []byte{0x83, 0x86, 0x84}) // POST http /
		})
		whole.next(func(f http2.Frame) bool { h, ok := f.(*http2.MetaHeadersFrame); return ok && h.StreamID == 1 })
		<-written
		time.Sleep(2 * headerTimeout)
		go func() { _ = whole.WritePing(false, [8]byte{1}) }()
		whole.next(func(f http2.Frame) bool { ping, ok := f.(*http2.PingFrame); return ok && ping.IsAck() })
	})
}

// A client that sends on and reads nothing of what it is answered loses its
// connection before that takes much memory.
func TestUnreadAnswers(t *testing.T) {
	address, s := ours(t, func(o *Options) { o.MaxStreams = 4000 })
	p := connect(t, address)
	long := strings.Repeat("l", 15_000)
	most := 0
	for id := uint32(1); id < 4000; id += 2 { // 30 MB of answers.
		if p.call(id, "/t.T/Echo", "long", long) != nil {
			break
		}
		p.message(id, "")
		for _, c := range s.all() {
			c.mu.Lock()
			most = max(most, c.out.size)
			c.mu.Unlock()
		}
	}
	if most > mostUnread+1<<20 {
		t.Errorf("%d bytes waited to be written", most)
	}
	p.goneFor(http2.ErrCodeEnhanceYourCalm)
}

// A message waits for memory, and comes when there is some; one that finds none
// is refused.
func TestBudget(t *testing.T) {
	budget := memory.NewBudget(40 << 20)
	address, _ := ours(t, func(o *Options) { o.Budget = budget })
	call := called(client(t, address, nil))
	if err := budget.Take(35 << 20); err != nil {
		t.Fatal(err)
	}
	_, _, _, err := call(t.Context(), "/t.T/Size", make([]byte, 10<<20), nil)
	if !strings.Contains(err.Error(), "max_inflight_bytes") {
		t.Errorf("without memory: %v", err)
	}
	time.AfterFunc(memory.Wait/4, func() { budget.Give(35 << 20) })
	for range 3 {
		if got, _, _, err := call(t.Context(), "/t.T/Size", make([]byte, 10<<20), nil); err != nil || string(got) != "10485760" {
			t.Errorf("with memory: %s, %v", got, err)
		}
	}
	eventually(t, "the budget is given back", func() bool { used, _, _ := budget.State(); return used == 0 })
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after 5 s: %s", what)
		}
	}
}

// A client that leaves cancels its call at once, whichever way it leaves.
func TestLeaving(t *testing.T) {
	gone := make(chan error, 1)
	began := make(chan struct{}, 1)
	address, _ := ours(t, func(o *Options) {
		o.Unary = func(string) Unary {
			return func(ctx context.Context, _ *Call) Answer {
				began <- struct{}{}
				<-ctx.Done()
				gone <- ctx.Err()
				return Answer{}
			}
		}
	})
	for name, leave := range map[string]func(p *plain) error{
		"reset": func(p *plain) error { return p.WriteRSTStream(1, http2.ErrCodeCancel) },
		"close": func(p *plain) error { return p.Close() },
	} {
		p := connect(t, address)
		_ = p.call(1, "/t.T/Hang")
		p.message(1, "x")
		<-began
		start := time.Now()
		_ = leave(p)
		select {
		case <-gone:
			if took := time.Since(start); took > 50*time.Millisecond {
				t.Errorf("%s: the call ended after %v", name, took)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s: the call goes on", name)
		}
	}
}

// A server that drains loses no call: those under way are answered, and so are
// those that a client begins before it has heard of it.
func TestDrain(t *testing.T) {
	release := make(chan struct{})
	address, s := ours(t, func(o *Options) {
		o.Unary = func(string) Unary {
			return func(_ context.Context, c *Call) Answer {
				<-release
				return Answer{Message: [][]byte{c.Message}}
			}
		}
	})
	p := connect(t, address)
	_ = p.call(1, "/t.T/Echo")
	p.message(1, "x")
	p.next(func(f http2.Frame) bool { s, ok := f.(*http2.SettingsFrame); return ok && s.IsAck() })
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(t.Context()) }()
	away := p.next(func(f http2.Frame) bool { _, ok := f.(*http2.GoAwayFrame); return ok }).(*http2.GoAwayFrame)
	if away.ErrCode != http2.ErrCodeNo || away.LastStreamID < 3 {
		t.Errorf("at first it says %v", away)
	}
	_ = p.call(3, "/t.T/Echo")
	p.message(3, "y")
	ping := p.next(func(f http2.Frame) bool { _, ok := f.(*http2.PingFrame); return ok }).(*http2.PingFrame)
	_ = p.WritePing(true, ping.Data)
	away = p.next(func(f http2.Frame) bool { _, ok := f.(*http2.GoAwayFrame); return ok }).(*http2.GoAwayFrame)
	if away.LastStreamID != 3 {
		t.Errorf("then it says %v", away)
	}
	close(release)
	statuses := map[uint32]string{}
	p.next(func(f http2.Frame) bool {
		if h, ok := f.(*http2.MetaHeadersFrame); ok && h.StreamEnded() {
			statuses[h.StreamID] = h.Fields[0].Value
		}
		return len(statuses) == 2
	})
	if statuses[1] != "0" || statuses[3] != "0" {
		t.Errorf("statuses are %v", statuses)
	}
	_ = p.Close()
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		_ = conn.Close()
		t.Error("it still listens")
	}
}

// What is not gRPC is told so, in HTTP.
func TestMisfits(t *testing.T) {
	address, _ := ours(t, nil)
	p := connect(t, address)
	_ = p.call(1, "/t.T/Echo", "content-type", "text/html")
	_ = p.WriteData(1, true, []byte("x"))
	f := p.next(func(f http2.Frame) bool { _, ok := f.(*http2.MetaHeadersFrame); return ok }).(*http2.MetaHeadersFrame)
	if f.PseudoValue("status") != "415" {
		t.Errorf("the answer is %v", f.Fields)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.ReadAll(conn); errors.Is(err, context.DeadlineExceeded) {
		t.Error("a client of HTTP/1.1 is kept waiting")
	}
}

// A stream is closed from the moment at which its client can know: what comes on
// it then ends the connection (RFC 9113, 5.1), as it does behind a usual answer.
func TestMisfitsAreClosed(t *testing.T) {
	_, s := ours(t, nil)
	for range 100 {
		here, there := net.Pipe() // It hands on at once, without a kernel's buffer.
		go s.serve(there)
		p := plainOn(t, here)
		_ = p.call(1, "/t.T/Echo", "content-type", "text/html")
		_ = p.WriteData(1, true, nil)
		p.next(func(f http2.Frame) bool { d, ok := f.(*http2.DataFrame); return ok && d.StreamEnded() })
		_ = p.call(1, "/t.T/Echo")
		p.next(func(f http2.Frame) bool {
			if r, ok := f.(*http2.RSTStreamFrame); ok {
				t.Fatalf("the stream is reset for %v", r.ErrCode)
			}
			_, ok := f.(*http2.GoAwayFrame)
			return ok
		})
		_ = here.Close()
	}
}
