package memory

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/graph"
)

// plainCall is a call of gRPC made by hand, so that its client can dawdle.
type plainCall struct {
	net.Conn
	frames *http2.Framer
}

// beginCall sends the header of a call and what comes first of its message.
func beginCall(t *testing.T, e *executor, first []byte, ended bool, fields ...[2]string) plainCall {
	t.Helper()
	conn, err := net.Dial("tcp", e.grpc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, _ = io.WriteString(conn, http2.ClientPreface)
	c := plainCall{conn, http2.NewFramer(conn, conn)}
	var header bytes.Buffer
	encoder := hpack.NewEncoder(&header)
	for _, f := range append([][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", seldon.Seldon_Predict_FullMethodName}, {":authority", "x"},
		{"content-type", "application/grpc"}, {"te", "trailers"},
	}, fields...) {
		_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	_ = c.frames.WriteSettings()
	_ = c.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: header.Bytes(), EndHeaders: true})
	for len(first) > 16<<10 {
		_ = c.frames.WriteData(1, false, first[:16<<10])
		first = first[16<<10:]
	}
	_ = c.frames.WriteData(1, ended, first)
	return c
}

// told is the grpc-status that a call ends with, or the code of its reset.
func (c plainCall) told() string {
	c.frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		f, err := c.frames.ReadFrame()
		if err != nil {
			return err.Error()
		}
		if reset, ok := f.(*http2.RSTStreamFrame); ok {
			return reset.ErrCode.String()
		}
		header, ok := f.(*http2.MetaHeadersFrame)
		if !ok {
			continue
		}
		for _, field := range header.Fields {
			if field.Name == "grpc-status" {
				return field.Value
			}
		}
	}
}

// prefixed is the beginning of a message of so many bytes.
func prefixed(size int, body []byte) []byte {
	return append([]byte{0, byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}, body...)
}

// TestSlowClientsRPC is [TestSlowClients] over gRPC, where a client can hold back
// one call and be quick with others: some announce much and send a byte a second,
// others do not take an answer. None keeps what it holds, and one that sends
// steadily is served.
func TestSlowClientsRPC(t *testing.T) {
	t.Parallel()
	port := rpcComponent(t, binary("", 5*mega))
	e := begin(t, "seldon", graph.Node{Name: "a", Type: graph.Model, Endpoint: &graph.Endpoint{ServiceHost: "127.0.0.1", GRPCPort: port}})
	const each = 10
	start := time.Now()
	told := make(chan string, each)
	for range each {
		sends := beginCall(t, e, prefixed(5*mega, []byte("x")), false)
		go func() { told <- sends.told() }()
		go func() {
			for time.Since(start) < within && sends.frames.WriteData(1, false, []byte("x")) == nil {
				time.Sleep(time.Second)
			}
		}()
		large := binary("large", 10)
		reads := beginCall(t, e, prefixed(len(large), large), true)
		go func() { _, _ = io.Copy(io.Discard, reads) }() // and allows no more than 64 kB
	}
	steady := make(chan string, 1)
	go func() {
		body := binary("x", mega)
		c := beginCall(t, e, prefixed(len(body), nil), false)
		for rest := body; len(rest) > 0; {
			n := min(len(rest), 8<<10)
			if c.frames.WriteData(1, n == len(rest), rest[:n]) != nil {
				break
			}
			rest = rest[n:]
			time.Sleep(100 * time.Millisecond)
		}
		steady <- c.told()
	}()
	for e.shown(t, "radiant_executor_message_bytes") == "0" && time.Since(start) < within {
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("messages take %s bytes at first", e.shown(t, "radiant_executor_message_bytes"))
	for range each {
		select {
		case code := <-told:
			if code != strconv.Itoa(int(codes.DeadlineExceeded)) {
				t.Errorf("a client that sends a byte a second is told %s", code)
			}
		case <-time.After(within):
			t.Fatalf("after %s, a client that sends a byte a second is still heard", within)
		}
	}
	if code := <-steady; code != "0" {
		t.Errorf("a client that sends slowly and steadily is told %s", code)
	}
	for e.shown(t, "radiant_executor_message_bytes") != "0" && time.Since(start) < within {
		time.Sleep(time.Second)
	}
	if held := e.shown(t, "radiant_executor_message_bytes"); held != "0" {
		t.Errorf("after %s, messages take %s bytes", within, held)
	}
	if cut := e.shown(t, "radiant_executor_slow_clients_total"); cut != strconv.Itoa(2*each) {
		t.Errorf("%s clients were cut off, want %d", cut, 2*each)
	}
}

// TestBombsRPC sends many small messages that are large when they are unpacked,
// together more than the container has. Those that find no memory are refused.
func TestBombsRPC(t *testing.T) {
	port := rpcComponent(t, nil)
	e := begin(t, "seldon", graph.Node{Name: "a", Type: graph.Model, Endpoint: &graph.Endpoint{ServiceHost: "127.0.0.1", GRPCPort: port}})
	const clients = 48
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(binary("x", 60*mega))
	_ = z.Close()
	// The client reads no window updates, so a bomb fits the first window.
	const window = 65535
	if prefix := 5; prefix+bomb.Len() > window {
		t.Fatalf("a bomb has %d bytes", bomb.Len())
	}
	first := prefixed(bomb.Len(), bomb.Bytes())
	first[0] = 1
	results := make(chan string, clients)
	for range clients {
		go func() { results <- beginCall(t, e, first, true, [2]string{"grpc-encoding", "gzip"}).told() }()
	}
	count := map[string]int{}
	for range clients {
		count[<-results]++
	}
	e.survived(t)
	t.Logf("%d bombs of 60 MB: %v", clients, count)
	if count["0"] == 0 || count["0"]+count[strconv.Itoa(int(codes.ResourceExhausted))] != clients {
		t.Errorf("bombs were told %v", count)
	}
}
