package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// bufferedBody is the size up to which net/http works out the length itself.
const bufferedBody = 2048

// write sends an answer, or what an error says, and returns the status and the
// error.
func (s *rest) write(w http.ResponseWriter, r *http.Request, m message.Message, err error) (int, error) {
	if err != nil {
		return s.fail(w, r, err), err
	}
	s.send(w, r, http.StatusOK, m)
	return http.StatusOK, nil
}

// fail sends an error: a node's refusal as it is, anything else in the words
// of the protocol.
func (s *rest) fail(w http.ResponseWriter, r *http.Request, err error) (status int) {
	var refusal *protocol.Refusal
	if errors.As(err, &refusal) {
		m := refusal.Message
		if after := protocol.RetryAfter(err); after > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(after.Seconds())))
		}
		if s.options.V1 {
			m = refusalV1(m)
		}
		s.send(w, r, refusal.Status, m)
		return refusal.Status
	}
	code := protocol.CodeOf(err)
	status = code.HTTP()
	if code.Later() {
		w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	}
	m := message.Message{Body: s.options.Protocol.Failure(status, protocol.Text(err)), Type: jsonType}
	if s.options.V1 {
		status, m = failureV1(err)
	}
	s.send(w, r, status, m)
	return status
}

// undeclared reports whether a message is JSON under a type that a browser
// renders, and holds what a browser could take for markup.
func undeclared(m message.Message) bool {
	return m.Encoding == "" && m.JSONLength == 0 && !isJSON(m.Type) && rendered(m.Type) && risky(m.Body) && looksJSON(m.Body)
}

func (s *rest) send(w http.ResponseWriter, r *http.Request, status int, m message.Message) {
	h := w.Header()
	if s.draining.Load() {
		h["Connection"] = s.fixed.close
	}
	for name, values := range m.Header {
		if h[name] == nil && s.options.AnswerHeaders.Pass(name) {
			h[name] = values
		}
	}
	m = unasked(m)
	if undeclared(m) {
		m.Type = jsonType
	}
	h[contentType] = s.typeOf(m)
	if m.Encoding != "" {
		h[contentEncoding] = []string{m.Encoding}
	}
	if m.JSONLength > 0 || isRaw(m) {
		h[jsonLength] = []string{strconv.Itoa(m.JSONLength)}
	}
	body, length := m.Body, len(m.Body)
	harmful := m.Encoding == "" && m.JSONLength == 0 && isJSON(m.Type) && risky(body)
	if harmful {
		length = escapedLength(body)
	}
	if length > bufferedBody {
		h["Content-Length"] = []string{strconv.Itoa(length)}
	}
	if status != http.StatusOK {
		w.WriteHeader(status)
	}
	switch {
	case length == 0 || r.Method == http.MethodHead:
	case harmful:
		writeEscaped(w, body)
	default:
		_, _ = w.Write(body)
	}
}

// typeOf is the header's value for the type of a message.
func (s *rest) typeOf(m message.Message) []string {
	switch m.Type {
	case jsonType:
		return s.fixed.json
	case "":
		// No type is better than a guessed one.
		return nil
	}
	return []string{m.Type}
}

// escapedLength is the length of a body as [escaped] writes it.
func escapedLength(body []byte) int {
	n := len(body)
	for _, c := range []byte("<>&") {
		n += 5 * bytes.Count(body, []byte{c})
	}
	return n + 3*(bytes.Count(body, []byte(lineSeparator))+bytes.Count(body, []byte(paragraphSeparator)))
}

// escapedPiece is how much of a body is written as escapes at once, so that a
// large one does not take its size again.
const escapedPiece = 32 << 10

func writeEscaped(w io.Writer, body []byte) {
	for len(body) > 0 {
		n := min(escapedPiece, len(body))
		// A separator is not divided.
		for n < len(body) && body[n]&0xc0 == 0x80 {
			n++
		}
		if _, err := w.Write(escaped(body[:n])); err != nil {
			return
		}
		body = body[n:]
	}
}

// unasked unpacks an answer that the node compressed although the client has not
// asked for it. What cannot be unpacked goes out as it is.
func unasked(m message.Message) message.Message {
	if m.Encoding != "gzip" || m.Meta == nil || m.Meta.Gzip || m.Meta.Lease == nil {
		return m
	}
	if plain, err := protocol.Plain(m); err == nil {
		return plain
	}
	return m
}

// rendered reports whether a browser may show a message of a type as a page.
func rendered(kind string) bool {
	kind, _, _ = strings.Cut(strings.ToLower(kind), ";")
	kind = strings.TrimSpace(kind)
	return kind == "" || strings.HasSuffix(kind, "html") || strings.HasSuffix(kind, "xml")
}

// looksJSON reports whether a body is an object or a list of JSON.
func looksJSON(body []byte) bool {
	text := bytes.TrimLeft(body, " \t\r\n")
	return len(text) > 0 && (text[0] == '{' || text[0] == '[') && json.Valid(text)
}

func isJSON(kind string) bool {
	if kind == jsonType {
		return true
	}
	kind, _, _ = strings.Cut(kind, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == jsonType || strings.HasSuffix(kind, "+json")
}

// escaped writes the characters that have a meaning in HTML as \u escapes, as
// Seldon Core does, so that an answer which a browser mistakes for a page does
// no harm. In JSON they can stand in strings only, where the escape means the
// same. Bodies without them, nearly all, are returned as they are.
func escaped(body []byte) []byte {
	if !risky(body) {
		return body
	}
	out := make([]byte, 0, len(body)+len(body)/8)
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '<' || c == '>' || c == '&':
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c == lineSeparator[0] && i+2 < len(body) && body[i+1] == lineSeparator[1] && body[i+2]&^1 == lineSeparator[2]:
			out = append(out, '\\', 'u', '2', '0', '2', hex[body[i+2]&15])
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

const (
	hex = "0123456789abcdef"
	// lineSeparator is U+2028; U+2029 has one bit more in its last byte.
	lineSeparator      = "\u2028"
	paragraphSeparator = "\u2029"
)

func risky(body []byte) bool {
	return bytes.IndexByte(body, '<') >= 0 || bytes.IndexByte(body, '>') >= 0 || bytes.IndexByte(body, '&') >= 0 ||
		bytes.Contains(body, []byte(lineSeparator[:2]))
}

// isRaw reports whether an answer is a tensor's bytes without any JSON, of which
// its node says that its JSON has no length.
func isRaw(m message.Message) bool {
	said := m.Header[jsonLength]
	return m.JSONLength == 0 && len(said) == 1 && said[0] == "0" && !isJSON(m.Type)
}
