package http1

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestGoneBehindBodies has clients leave while bodies of all sizes are answered, in
// the pieces in which they come: whatever the connection's buffer is left like, the
// client's end is seen.
func TestGoneBehindBodies(t *testing.T) {
	seen := make(chan bool, 1)
	_, address := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
			seen <- true
		case <-time.After(10 * time.Second):
			seen <- false
		}
	})
	for _, size := range []int{0, 1, readSize - 60, readSize, readSize + 1, 2 * readSize, 20_000, 100_000} {
		conn, _ := dialed(t, address)
		head := "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: " + strconv.Itoa(size) + "\r\n\r\n"
		// The first piece fills the buffer to its end, if there is so much.
		whole := head + strings.Repeat("y", size)
		first := min(readSize, len(whole))
		_, _ = io.WriteString(conn, whole[:first])
		time.Sleep(5 * time.Millisecond)
		_, _ = io.WriteString(conn, whole[first:])
		time.Sleep(5 * time.Millisecond)
		_ = conn.Close()
		if !<-seen {
			t.Errorf("%d bytes: the client's end was not seen", size)
		}
	}
}
