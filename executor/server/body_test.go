package server

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// A client that pauses within a large body fails; the deadline does not outlast
// the body.
func TestPacedBody(t *testing.T) {
	client, server := net.Pipe()
	defer func() { _ = client.Close() }()
	body := &pacedBody{body: io.LimitReader(server, 4), connection: server, pause: 20 * time.Millisecond}
	go func() { _, _ = client.Write([]byte("1234")) }()
	if got, err := io.ReadAll(body); string(got) != "1234" || err != nil {
		t.Fatalf("body is %q, %v", got, err)
	}
	later := make(chan error, 1)
	go func() {
		_, err := server.Read(make([]byte, 1))
		later <- err
	}()
	select {
	case err := <-later:
		t.Errorf("behind the body: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	_ = client.Close()
	<-later

	client, server = net.Pipe()
	defer func() { _ = client.Close() }()
	body = &pacedBody{body: server, connection: server, pause: 20 * time.Millisecond}
	if _, err := io.ReadAll(body); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a client that sends nothing: %v", err)
	}
}
