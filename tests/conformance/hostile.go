package conformance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/smuggling"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// hostile checks what careless and malicious peers send: each is answered or
// refused, and who comes next is served.
func hostile(t *testing.T, start Start) {
	t.Run("requests by hand", func(t *testing.T) { byHand(t, start) })
	t.Run("smuggling", func(t *testing.T) { smuggled(t, start) })
	t.Run("bodies", func(t *testing.T) { hostileBodies(t, start) })
	t.Run("bodies that do not come", func(t *testing.T) { unsentBodies(t, start) })
	t.Run("messages", func(t *testing.T) { hostileMessages(t, start) })
	t.Run("streams", func(t *testing.T) { hostileStreams(t, start) })
	t.Run("component that closes connections", func(t *testing.T) { closingComponent(t, start) })
}

// said sends text on a connection of its own and returns all that comes until
// the other side ends it.
func said(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("after %.80q: %v", text, err)
	}
	return string(answer)
}

// byHand sends requests that HTTP libraries do not make. Each ends its
// connection, so that all of the answer is known.
func byHand(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1))
	const (
		post = "POST /api/v1.0/predictions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		body = `{"data":{"ndarray":[[7]]}}`
		last = "Connection: close\r\n"
	)
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	chunks := fmt.Sprintf("%x\r\n%s\r\n0\r\n", len(body), body)
	for name, c := range map[string]struct {
		text string
		// begins is how the answer begins, holds is in it so many times.
		begins, holds string
		times         int
	}{
		"chunks and a trailer":        {post + last + "Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n" + chunks + "X-T: 1\r\n\r\n", "HTTP/1.1 200", "[[71]]", 1},
		"chunks that are none":        {post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400", "invalid byte in chunk length", 1},
		"another transfer encoding":   {post + "Transfer-Encoding: xchunked\r\n\r\n", "HTTP/1.1 501", "", 0},
		"two lengths":                 {post + length + "Content-Length: 5\r\n\r\n" + body, "HTTP/1.1 400", "", 0},
		"a negative length":           {post + "Content-Length: -1\r\n\r\n", "HTTP/1.1 400", "", 0},
		"HTTP/1.0":                    {strings.Replace(post, "1.1", "1.0", 1) + length + "\r\n" + body, "HTTP/1.0 200", "[[71]]", 1},
		"three at once":               {strings.Repeat(post+length+"\r\n"+body, 2) + post + last + length + "\r\n" + body, "HTTP/1.1 200", "[[71]]", 3},
		"expecting to be asked":       {post + last + "Expect: 100-continue\r\n" + length + "\r\n" + body, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200", "[[71]]", 1},
		"expecting something else":    {post + "Expect: miracle\r\n" + length + "\r\n" + body, "HTTP/1.1 417", "", 0},
		"an escaped path":             {strings.Replace(post, "/api", "/%61pi", 1) + last + length + "\r\n" + body, "HTTP/1.1 200", "[[71]]", 1},
		"an address for a path":       {strings.Replace(post, "/api", "http://y/api", 1) + last + length + "\r\n" + body, "HTTP/1.1 200", "[[71]]", 1},
		"two ids":                     {post + last + "Seldon-Puid: one\r\nSeldon-Puid: two\r\n" + length + "\r\n" + body, "HTTP/1.1 200", "Seldon-Puid: one\r\n", 1},
		"HEAD of a GET route":         {"HEAD /api/v1.0/metadata HTTP/1.1\r\nHost: x\r\n" + last + "\r\n", "HTTP/1.1 405", "", 0},
		"OPTIONS of everything":       {"OPTIONS * HTTP/1.1\r\nHost: x\r\n" + last + "\r\n", "HTTP/1.1 200", "", 0},
		"a line break in a path":      {"GET /api/v1.0/metadata/a%0d%0aX-Mine:1 HTTP/1.1\r\nHost: x\r\nCe-Specversion: 1.0\r\n" + last + "\r\n", "HTTP/1.1 404", "Ce-Path: /api/v1.0/metadata/a%0d%0aX-Mine:1\r\n", 1},
		"a zero byte in a path":       {"GET /api/v1.0/metadata/a%00 HTTP/1.1\r\nHost: x\r\nCe-Specversion: 1.0\r\n" + last + "\r\n", "HTTP/1.1 404", "\x00", 0},
		"a line break that is led on": {"GET //a%0d%0aX-Mine:1 HTTP/1.1\r\nHost: x\r\n" + last + "\r\n", "HTTP/1.1 301", "Location: /a%0D%0AX-Mine:1\r\n", 1},
		"a byte that is no text":      {post + "X: a\x01\r\n" + length + "\r\n" + body, "HTTP/1.1 400", "", 0},
		"TLS":                         {"\x16\x03\x01\x00\x05hello\r\n\r\n", "HTTP/1.1 400", "", 0},
	} {
		answer := said(t, e.REST, c.text)
		if !strings.HasPrefix(answer, c.begins) || c.holds != "" && strings.Count(answer, c.holds) != c.times {
			t.Errorf("%s: answer is %q, want %s with %q %d times", name, answer, c.begins, c.holds, c.times)
		}
	}
	for _, call := range cs["a"].Calls() {
		if call.Header["X-T"] != nil || call.Header["Expect"] != nil || string(call.Body) != body {
			t.Errorf("the component got %v %q", call.Header, call.Body)
		}
	}
}

// smuggled sends what two readers could understand differently, with one port for
// each transport and with one for both.
func smuggled(t *testing.T, start Start) {
	for _, arguments := range [][]string{nil, {"--one_port"}} {
		e, cs := launch(t, start, "seldon", model("a", 1), arguments...)
		for _, cases := range [][]smuggling.Case{
			smuggling.Cases("x", "/api/v1.0/predictions"), smuggling.Bodies("x", "/api/v1.0/predictions"),
		} {
			smuggling.Refused(t, e.REST, cases)
		}
		if n := len(cs["a"].Calls()); n != 0 {
			t.Errorf("the component got %d calls", n)
		}
	}
}

// hostileBodies sends JSON that costs much to read, where it is read.
func hostileBodies(t *testing.T, start Start) {
	const deep = 1_000_000
	nested := strings.Repeat("[", deep) + "1" + strings.Repeat("]", deep)
	long := strings.Repeat("9", deep)
	const limit = 4 * deep
	bomb := zipped(t, strings.Repeat(" ", 2*limit))
	paths := map[string]struct{ path, body string }{
		"seldon":     {"/api/v1.0/predictions", `{"data":{"ndarray":%s}}`},
		"tensorflow": {"/v1/models/:predict", `{"instances":%s}`},
		"v2":         {"/v2/models/infer", `{"inputs":[{"name":"` + stub.Input + `","datatype":"FP32","shape":[1],"data":%s}]}`},
	}
	for outside, to := range paths {
		inside := map[string]string{"seldon": "tensorflow", "tensorflow": "v2", "v2": "tensorflow"}[outside]
		e, cs := launch(t, start, outside, speaking(inside, model("a", 1)), "--max_request_bytes", itoa(limit))
		url := "http://" + e.REST + to.path
		for name, text := range map[string]string{"nested too deeply": nested, "FP": "[" + long + "]"} {
			_, _, err := post(soon(t), url, "application/json", fmt.Appendf(nil, to.body, text))
			failed(t, wire{}, err, failure{http.StatusBadRequest, codes.OK, name})
			if s := new(status); errors.As(err, &s) && len(s.body) > 10_000 {
				t.Errorf("%s: the answer has %d bytes", outside, len(s.body))
			}
		}
		r := request(t, http.MethodPost, url, string(bomb))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Content-Encoding", "gzip")
		_, _, err := do(r)
		failed(t, wire{}, err, failure{http.StatusRequestEntityTooLarge, codes.OK, "--max_request_bytes"})
		if slices.ContainsFunc(cs["a"].Calls(), func(c stub.Call) bool { return c.Method == http.MethodPost }) {
			t.Errorf("%s: the component was asked", outside)
		}
	}
}

// unsentBodies announces large bodies and leaves it at that.
func unsentBodies(t *testing.T, start Start) {
	e, _ := launch(t, start, "seldon", model("a", 1))
	for _, text := range []string{"POST /api/v1.0/pre", "POST /api/v1.0/predictions HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n{", "POST /api/v1.0/predictions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"} {
		for range 100 {
			conn, err := net.Dial("tcp", e.REST)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := io.WriteString(conn, text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, _, err := post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[7]}}`)); err != nil {
		t.Error(err)
	}
}

// bytesCodec sends bytes as they are.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (bytesCodec) Unmarshal(mem.BufferSlice, any) error { return nil }

// hostileMessages sends bytes that are no message to every method.
func hostileMessages(t *testing.T, start Start) {
	deep := []byte{}
	for range 20_000 {
		deep = protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), deep)
	}
	messages := map[string][]byte{
		"empty": {}, "garbage": bytes.Repeat([]byte{0xff}, 11), "cut": {0x0a, 0x7f, 1}, "groups": bytes.Repeat([]byte{0x0b}, 100_000), "deep": deep,
	}
	for protocol, services := range map[string][]*grpc.ServiceDesc{
		"seldon":     {&seldon.Seldon_ServiceDesc},
		"tensorflow": {&tensorflow.PredictionService_ServiceDesc, &tensorflow.ModelService_ServiceDesc},
		"v2":         {&inference.GRPCInferenceService_ServiceDesc},
	} {
		inside := map[string]string{"seldon": "v2", "tensorflow": "seldon", "v2": "tensorflow"}[protocol]
		for _, g := range []Node{router("r", 0, model("a", 1), model("b", 2)), speaking(inside, model("a", 1))} {
			e, _ := launch(t, start, protocol, g)
			methods := []string{"/no.such.Service/Method", "/none"}
			for _, s := range services {
				for _, m := range s.Methods {
					methods = append(methods, "/"+s.ServiceName+"/"+m.MethodName)
				}
			}
			conn, err := dial(e)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			for _, method := range methods {
				for name, message := range messages {
					err := conn.Invoke(soon(t), method, message, nil, grpc.ForceCodecV2(bytesCodec{}))
					if code := grpcstatus.Code(err); code == codes.Unavailable || code == codes.DeadlineExceeded {
						t.Errorf("%s, %s: %v", method, name, err)
					}
				}
			}
			for _, w := range wires()[3:] {
				if w.protocol == protocol {
					if _, err := w.predict(soon(t), e, 7); err != nil {
						t.Errorf("afterwards: %v", err)
					}
				}
			}
		}
	}
}

// hostileStreams holds many streams open and breaks off many others.
func hostileStreams(t *testing.T, start Start) {
	e, _ := launch(t, start, "seldon", model("a", 1))
	conn, err := dial(e)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for range 500 {
		s, err := reflection.NewServerReflectionClient(conn).ServerReflectionInfo(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_ListServices{}}); err != nil {
			t.Fatal(err)
		}
	}
	breakOff(t, e.GRPC, 20_000)
	if x, err := seldonRPC(soon(t), e, 7); err != nil || x != 71 {
		t.Errorf("afterwards: %v, %v", x, err)
	}
}

// breakOff begins calls and resets them at once, or until the other side has
// had enough.
func breakOff(t *testing.T, address string, calls uint32) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	_, _ = io.WriteString(conn, http2.ClientPreface)
	frames := http2.NewFramer(conn, nil)
	_ = frames.WriteSettings()
	var header bytes.Buffer
	encoder := hpack.NewEncoder(&header)
	for i := range calls {
		header.Reset()
		for _, f := range [][2]string{
			{":method", "POST"}, {":scheme", "http"}, {":path", seldon.Seldon_Predict_FullMethodName}, {":authority", "x"},
			{"content-type", "application/grpc"}, {"te", "trailers"},
		} {
			_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		if frames.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: header.Bytes(), EndHeaders: true}) != nil ||
			frames.WriteRSTStream(2*i+1, http2.ErrCodeCancel) != nil {
			return
		}
	}
}

// closingComponent checks a component that answers and closes each connection after two requests, without a word.
func closingComponent(t *testing.T, start Start) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerTwice(conn)
		}
	}()
	endpoint := &graph.Endpoint{ServiceHost: "127.0.0.1", Type: graph.REST, HTTPPort: port(t, l.Addr().String())}
	e := start(t, launchOf(t, "seldon", graph.Node{Name: "a", Type: graph.Model, Endpoint: endpoint}))
	for i := range 200 {
		if _, _, err := post(soon(t), predictions(e), "application/json", []byte(`{}`)); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
}

func answerTwice(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	for range 2 {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
	}
}
