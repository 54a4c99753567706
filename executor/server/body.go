package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// read takes the body of a request.
func (s *rest) read(w http.ResponseWriter, r *http.Request, lease *message.Lease) (message.Message, error) {
	m := message.Message{Type: value(r.Header, contentType), Encoding: value(r.Header, contentEncoding)}
	var err error
	if r.ContentLength != 0 {
		from := pacedOf(r.Context())
		from.expect()
		defer from.gotBody()
		m.Body, err = lease.ReadAll(paced(w, r), r.ContentLength, s.options.MaxRequestBytes)
	}
	if err != nil {
		return m, s.unread(err)
	}
	if n := value(r.Header, jsonLength); n != "" {
		if err := m.SetJSONLength(n); err != nil {
			return m, protocol.Errorf(protocol.Invalid, "%s: %w", jsonLength, err)
		}
	}
	return m, nil
}

// unread is the error of a body that could not be read.
func (s *rest) unread(err error) error {
	var length *http.MaxBytesError
	switch {
	case errors.Is(err, message.ErrFull), errors.Is(err, message.ErrNever):
		return err
	case errors.Is(err, message.ErrTooLarge), errors.As(err, &length):
		return protocol.Errorf(protocol.TooLarge, "request body is larger than the limit of %d bytes (--max_request_bytes)", s.options.MaxRequestBytes)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return protocol.Errorf(protocol.TooSlow, "the request body comes too slowly")
	}
	return protocol.Errorf(protocol.Invalid, "reading request body: %w", err)
}

// bodyTimeout bounds how long a client may pause within a large body, which is
// held in memory meanwhile.
const bodyTimeout = 60 * time.Second

// paced is the body of a request, read under [bodyTimeout] if it may be large.
func paced(w http.ResponseWriter, r *http.Request) io.Reader {
	if r.ContentLength >= 0 && r.ContentLength < message.Small {
		return r.Body
	}
	return &pacedBody{body: r.Body, connection: http.NewResponseController(w), pause: bodyTimeout}
}

// pacedBody fails when nothing comes for a while.
type pacedBody struct {
	body       io.Reader
	connection interface{ SetReadDeadline(end time.Time) error }
	pause      time.Duration
}

func (b *pacedBody) Read(p []byte) (int, error) {
	// A connection without deadlines is one of tests.
	_ = b.connection.SetReadDeadline(time.Now().Add(b.pause))
	n, err := b.body.Read(p)
	if err != nil {
		// What is read next tells whether the client is still there.
		_ = b.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}

// refuse answers a request by the error of its body, and ends the connection.
func (s *rest) refuse(w http.ResponseWriter, r *http.Request, err error) (int, error) {
	w.Header()["Connection"] = s.fixed.close
	status := s.fail(w, r, err)
	s.readOn(w, r)
	return status, err
}

// readOnTime bounds how long a refused body is read on.
const readOnTime = 30 * time.Second

// readOn discards what still comes of a refused body, as much as would have
// been allowed at first. Who is still sending, a proxy above all, would else
// see the connection end before it sees the answer.
func (s *rest) readOn(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > s.options.MaxRequestBytes && r.Header["Expect"] != nil {
		return // Nothing was sent, and nothing will be.
	}
	control := http.NewResponseController(w)
	if control.Flush() == nil && control.SetReadDeadline(time.Now().Add(readOnTime)) == nil {
		_, _ = io.CopyN(io.Discard, r.Body, s.options.MaxRequestBytes)
	}
}
