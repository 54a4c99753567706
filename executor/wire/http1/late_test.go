package http1

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestLateLookAtAContext looks at the context of a request when that has been answered,
// as what outlives it may. The next request on the connection has a context of its own.
func TestLateLookAtAContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	kept, first := make(chan context.Context, 1), true
	s := &Server{HeaderBytes: 64 << 10, HeaderTimeout: 5 * time.Second, IdleTimeout: 5 * time.Second, Direct: func(x *Exchange) bool {
		_, _ = io.Copy(io.Discard, x.Body())
		if !first {
			timed, cancel := context.WithTimeout(x.Context(), time.Minute)
			defer cancel()
			if err := timed.Err(); err != nil {
				t.Errorf("the request has ended before it began: %v", err)
			}
		}
		// Nobody has looked at that of the first request.
		first = false
		kept <- context.WithValue(x.Context(), kept, 1)
		x.Answer(nil, []byte("x"))
		return true
	}}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	conn, in := dialed(t, l.Addr().String())
	for range 3 {
		_, _ = io.WriteString(conn, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\ny")
		if answer, body := told(t, in, http.MethodPost); answer.StatusCode != http.StatusOK || body != "x" {
			t.Errorf("answer is %v %q", answer, body)
		}
		time.Sleep(10 * time.Millisecond)
		<-(<-kept).Done()
	}
	_ = s.Close()
	<-ended
}
