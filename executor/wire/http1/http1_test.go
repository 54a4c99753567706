package http1

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/smuggling"
)

// serving starts a server and returns where it listens.
func serving(t *testing.T, h http.HandlerFunc) (*Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Handler: h, HeaderBytes: 64 << 10, HeaderTimeout: 5 * time.Second, IdleTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-ended; err != http.ErrServerClosed { //nolint:errorlint // Serve returns it bare.
			t.Errorf("serving ended with %v", err)
		}
	})
	return s, l.Addr().String()
}

// echo answers with what it read.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = fmt.Fprintf(w, "%s %s [%s]", r.Method, r.RequestURI, body)
}

func dialed(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn, bufio.NewReader(conn)
}

// told reads an answer.
func told(t *testing.T, in *bufio.Reader, method string) (*http.Response, string) {
	t.Helper()
	answer, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// ended checks that a connection has come to its end.
func ended(t *testing.T, in *bufio.Reader) {
	t.Helper()
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		t.Errorf("instead of its end, the connection holds %q, %v", rest, err)
	}
}

func TestSmuggling(t *testing.T) {
	var smuggled atomic.Bool
	_, address := serving(t, func(w http.ResponseWriter, r *http.Request) {
		smuggled.Store(smuggled.Load() || r.URL.Path == "/smuggled")
		echo(w, r)
	})
	smuggling.Refused(t, address, smuggling.Cases("x", "/a"))
	smuggling.Refused(t, address, smuggling.Bodies("x", "/a"))
	if smuggled.Load() {
		t.Error("a request was smuggled")
	}
}

// What honest clients send is taken, one request behind the other.
func TestRequests(t *testing.T) {
	_, address := serving(t, echo)
	conn, in := dialed(t, address)
	for _, c := range []struct{ text, want string }{
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / []"},
		{"POST /a?b HTTP/1.1\r\nhost:x\r\ncontent-length:\t3 \r\n\r\nabc", "POST /a?b [abc]"},
		{"\r\nPOST / HTTP/1.1\r\nHost: x:1\r\nContent-Length: 0\r\nX: \xc3\xa9\r\nEmpty:\r\n\r\n", "POST / []"},
		{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA ; x=\"y\"\r\n0123456789\r\n00\r\nT: 1\r\n\r\n", "POST / [abc0123456789]"},
		{"PUT http://y/z HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nq", "PUT http://y/z [q]"},
		{"GET /%C3%A9\xc3\xa9 HTTP/1.1\r\nHost:\r\n\r\n", "GET /%C3%A9\xc3\xa9 []"},
		{"GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /old []"},
		{"GET /long HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 60_000) + "\r\n\r\n", "GET /long []"},
		{"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("y", 1_000_000), "POST /large [" + strings.Repeat("y", 1_000_000) + "]"},
		{"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", ""},
		{"GET /last HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n", "GET /last []"},
	} {
		go func() { _, _ = io.WriteString(conn, c.text) }()
		answer, body := told(t, in, http.MethodGet)
		if answer.StatusCode != http.StatusOK || body != c.want {
			t.Errorf("%.80q: answer is %d %.80q", c.text, answer.StatusCode, body)
		}
	}
	ended(t, in)

	conn, in = dialed(t, address)
	_, _ = io.WriteString(conn, "GET /x HTTP/1.0\r\n\r\n")
	if answer, body := told(t, in, http.MethodGet); body != "GET /x []" || answer.Proto != "HTTP/1.0" || answer.Header.Get("Connection") != "" {
		t.Errorf("a client of HTTP/1.0 gets %v %q", answer, body)
	}
	ended(t, in)
}

func TestLimits(t *testing.T) {
	_, address := serving(t, echo)
	for name, text := range map[string]string{
		"a long field":     "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 70_000) + "\r\n\r\n",
		"a long target":    "GET /" + strings.Repeat("y", 70_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"a head for ever":  "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 200_000),
		"very many fields": "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("a: b\r\n", mostFields+1) + "\r\n",
	} {
		conn, in := dialed(t, address)
		go func() { _, _ = io.WriteString(conn, text) }()
		if answer, _ := told(t, in, http.MethodGet); answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: status is %d", name, answer.StatusCode)
		}
		ended(t, in)
	}
	conn, in := dialed(t, address)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat("1;"+strings.Repeat("e", 1000)+"\r\nx\r\n", 20))
	if answer, body := told(t, in, http.MethodPost); answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "non-data") {
		t.Errorf("much beside the chunks: answer is %d %s", answer.StatusCode, body)
	}
}

// Connections end on which nothing comes, or a head that does not end.
func TestTimeouts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Handler: http.HandlerFunc(echo), HeaderBytes: 1000, HeaderTimeout: 200 * time.Millisecond, IdleTimeout: 400 * time.Millisecond}
	go func() { _ = s.Serve(l) }()
	defer func() { _ = s.Close() }()
	for name, c := range map[string]struct {
		text  string
		after time.Duration
	}{
		"nothing":              {"", 200 * time.Millisecond},
		"a part of a line":     {"GET", 200 * time.Millisecond},
		"a part of a head":     {"GET / HTTP/1.1\r\nHost: x\r\n", 200 * time.Millisecond},
		"a request":            {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400 * time.Millisecond},
		"a request and a part": {"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / ", 200 * time.Millisecond},
	} {
		conn, in := dialed(t, l.Addr().String())
		begin := time.Now()
		_, _ = io.WriteString(conn, c.text)
		_, _ = io.ReadAll(in)
		if took := time.Since(begin); took < c.after-50*time.Millisecond || took > c.after+time.Second {
			t.Errorf("after %s, a connection ends in %s, want %s", name, took, c.after)
		}
	}
}

func TestAnswers(t *testing.T) {
	_, address := serving(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		case "/long":
			_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
		case "/declared":
			w.Header().Set("Content-Length", "100000")
			_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
		case "/flushed":
			_, _ = io.WriteString(w, "a")
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "b")
		case "/split":
			w.Header()["X-A"] = []string{"a\r\nX-B: c"}
			w.Header()["X D"] = []string{"d"}
		case "/hints":
			w.Header().Set("Link", "x")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
			_, _ = io.WriteString(w, "done")
		case "/closes":
			w.Header().Set("Connection", "close")
		}
	})
	conn, in := dialed(t, address)
	for _, c := range []struct {
		method, path string
		status       int
		length       int64
		body         int
	}{
		{http.MethodGet, "/empty", 204, 0, 0}, {http.MethodGet, "/long", 200, -1, 100_000}, {http.MethodHead, "/long", 200, -1, 0},
		{http.MethodGet, "/declared", 200, 100_000, 100_000}, {http.MethodHead, "/declared", 200, 100_000, 0}, {http.MethodGet, "/flushed", 200, -1, 2},
		{http.MethodGet, "/split", 200, 0, 0}, {http.MethodGet, "/hints", 200, 4, 4}, {http.MethodGet, "/nothing", 200, 0, 0},
	} {
		_, _ = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\n\r\n", c.method, c.path)
		answer, body := told(t, in, c.method)
		if c.path == "/hints" && answer.StatusCode == http.StatusEarlyHints {
			answer, body = told(t, in, c.method)
		}
		if answer.StatusCode != c.status || answer.ContentLength != c.length || len(body) != c.body || answer.Close || answer.Header.Get("Date") == "" {
			t.Errorf("%s %s: answer is %d with %d of %d bytes, %v", c.method, c.path, answer.StatusCode, len(body), answer.ContentLength, answer.Header)
		}
		if c.path == "/split" && (answer.Header.Get("X-B") != "" || answer.Header.Get("X D") != "") {
			t.Errorf("a field was made of a value: %v", answer.Header)
		}
	}
	_, _ = io.WriteString(conn, "GET /closes HTTP/1.1\r\nHost: x\r\n\r\n")
	if answer, _ := told(t, in, http.MethodGet); !answer.Close {
		t.Error("the client is not told of the end")
	}
	ended(t, in)
}

// A client that goes away while its request is answered ends the context of that.
func TestDisconnect(t *testing.T) {
	begun, gone := make(chan struct{}), make(chan time.Time, 1)
	_, address := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(begun)
		<-r.Context().Done()
		gone <- time.Now()
	})
	conn, _ := dialed(t, address)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
	<-begun
	at := time.Now()
	_ = conn.Close()
	if took := (<-gone).Sub(at); took > 50*time.Millisecond {
		t.Errorf("the context ended after %s", took)
	}
}

// What a client sends while it is watched belongs to its next requests.
func TestPipelineWhileWatched(t *testing.T) {
	_, address := serving(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(3 * watchDelay)
		echo(w, r)
	})
	conn, in := dialed(t, address)
	for i := range 5 {
		_, _ = fmt.Fprintf(conn, "POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", i)
		time.Sleep(2 * watchDelay)
	}
	for i := range 5 {
		if _, body := told(t, in, http.MethodPost); body != fmt.Sprintf("POST /%d [abc]", i) {
			t.Errorf("answer is %q", body)
		}
	}
}

// An answer reaches its client although the body has not been read.
func TestUnreadBody(t *testing.T) {
	_, address := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1000))
	})
	for _, size := range []int{10, 100_000, 1_000_000, 20_000_000} {
		for range 20 {
			answer, err := http.Post("http://"+address, "text/plain", bytes.NewReader(make([]byte, size)))
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			body, err := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			if err != nil || len(body) != 1000 {
				t.Fatalf("%d bytes: answer has %d, %v", size, len(body), err)
			}
		}
	}
	// Who waits to be asked for a body is not asked, and may not go on.
	conn, in := dialed(t, address)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
	if answer, _ := told(t, in, http.MethodPost); answer.StatusCode != http.StatusOK || !answer.Close {
		t.Errorf("answer is %v", answer)
	}
	ended(t, in)
}

// What is left of a body that nobody wants is waited for as long as that takes, and
// no longer.
func TestUnwantedBodyThatDoesNotCome(t *testing.T) {
	_, address := serving(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	for name, text := range map[string]string{
		"a length": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc",
		"chunks":   "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, in := dialed(t, address)
			_, _ = io.WriteString(conn, text)
			told(t, in, http.MethodPost)
			begin := time.Now()
			ended(t, in)
			if took := time.Since(begin); took > discardTime+2*time.Second {
				t.Errorf("the connection ends after %s", took)
			}
		})
	}
}

// A line end behind the body of a POST is passed over, in pieces too.
func TestLineEndBehindPost(t *testing.T) {
	_, address := serving(t, echo)
	conn, in := dialed(t, address)
	for _, piece := range []string{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nq\r", "\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n"} {
		_, _ = io.WriteString(conn, piece)
		time.Sleep(20 * time.Millisecond)
	}
	for _, want := range []string{"POST / [q]", "GET /next []"} {
		if _, body := told(t, in, http.MethodGet); body != want {
			t.Errorf("answer is %q, want %q", body, want)
		}
	}
}

// A client that says nothing where TLS is spoken does not hold the end up.
func TestShutdownDuringHandshake(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Handler: http.HandlerFunc(echo), HeaderBytes: 1000, HeaderTimeout: time.Minute, IdleTimeout: time.Minute}
	go func() { _ = s.Serve(tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12})) }()
	dialed(t, l.Addr().String())
	time.Sleep(20 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), lastHandshake+2*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// A handler's goroutine that reads on when the request has been answered gets
// nothing of the next.
func TestReadAfterAnswer(t *testing.T) {
	read := make(chan string, 1)
	_, address := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/next" {
			echo(w, r)
			return
		}
		go func() {
			b, _ := io.ReadAll(r.Body)
			read <- string(b)
		}()
		time.Sleep(20 * time.Millisecond)
	})
	conn, in := dialed(t, address)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc")
	told(t, in, http.MethodPost)
	if got := <-read; got != "abc" {
		t.Errorf("the goroutine got %q", got)
	}
	_, _ = io.WriteString(conn, "defPOST /next HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nq")
	if _, body := told(t, in, http.MethodPost); body != "POST /next [q]" {
		t.Errorf("the next answer is %q", body)
	}
}

// A server that ends answers what has begun, and what comes just then.
func TestShutdown(t *testing.T) {
	release := make(chan struct{})
	begun := make(chan struct{}, 1)
	s, address := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			begun <- struct{}{}
			<-release
		}
		echo(w, r)
	})
	slow, slowIn := dialed(t, address)
	_, _ = io.WriteString(slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	<-begun
	idle, idleIn := dialed(t, address)
	_, _ = io.WriteString(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	told(t, idleIn, http.MethodGet)
	silent, silentIn := dialed(t, address)
	_ = silent
	time.Sleep(20 * time.Millisecond)
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	for !s.ending.Load() {
		time.Sleep(time.Millisecond)
	}
	_, _ = io.WriteString(idle, "GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
	if answer, body := told(t, idleIn, http.MethodGet); body != "GET /late []" || !answer.Close {
		t.Errorf("a request that was under way gets %v %q", answer, body)
	}
	ended(t, idleIn)
	ended(t, silentIn)
	select {
	case err := <-down:
		t.Errorf("it ended before its requests did: %v", err)
	default:
	}
	close(release)
	if answer, body := told(t, slowIn, http.MethodGet); body != "GET /slow []" || !answer.Close {
		t.Errorf("a request in flight gets %v %q", answer, body)
	}
	_ = slow.Close()
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// A panic ends the connection, and no other.
func TestPanic(t *testing.T) {
	_, address := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			_, _ = io.WriteString(w, "abc")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	conn, in := dialed(t, address)
	_, _ = io.WriteString(conn, "GET /panic HTTP/1.1\r\nHost: x\r\n\r\n")
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if body, err := io.ReadAll(answer.Body); string(body) != "abc" || err != io.ErrUnexpectedEOF { //nolint:errorlint // It comes bare.
		t.Errorf("body is %q, %v", body, err)
	}
	conn, in = dialed(t, address)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	told(t, in, http.MethodGet)
}
