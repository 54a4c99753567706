package http1

import (
	"bytes"
	"net/http"
)

// A request is refused where two readers could disagree about where it ends or
// what it says:
//
//   - a line that does not end in CR LF, or holds a CR or another control
//     character besides;
//   - a field whose name is no token, as with white space before its colon, and one
//     that goes on in the next line;
//   - Content-Length twice, as a list, with a sign, or beside Transfer-Encoding;
//   - Transfer-Encoding twice, in HTTP/1.0, or other than "chunked";
//   - no Host in HTTP/1.1, or two.

// refusal is what a client is told of a request that cannot be read; its
// connection ends.
type refusal struct {
	status int
	reason string
}

func (r *refusal) Error() string { return r.reason }

func bad(reason string) *refusal { return &refusal{http.StatusBadRequest, reason} }

// mostFields bounds the fields of a head.
const mostFields = 1000

// mostLength bounds the digits of a Content-Length: all such numbers fit.
const mostLength = 18

// field is where a field of a head is: offsets from the head's first byte.
type field struct {
	name, nameEnd, value, valueEnd int
}

// head is the head of a request. Its offsets count from the request's first byte
// in the connection's buffer.
type head struct {
	methodEnd          int
	target, targetEnd  int
	size               int
	fields             []field
	minor              int
	length             int64
	hosts, lengths     int
	host               field
	encodings          int
	chunked            bool
	badTrailer         bool
	expect, unexpected bool
	// closes and keeps are what the client says of the connection.
	closes, keeps bool
}

func (h *head) reset() {
	*h = head{fields: h.fields[:0]}
}

// line takes the first line of a head.
func (h *head) line(line []byte) *refusal {
	first := bytes.IndexByte(line, ' ')
	if first <= 0 || !isToken(line[:first]) {
		return bad("malformed request line")
	}
	second := bytes.IndexByte(line[first+1:], ' ')
	if second <= 0 {
		return bad("malformed request line")
	}
	h.methodEnd, h.target, h.targetEnd = first, first+1, first+1+second
	for _, c := range line[h.target:h.targetEnd] {
		if c <= ' ' || c == 0x7f {
			return bad("malformed request target")
		}
	}
	switch version := line[h.targetEnd+1:]; {
	case string(version) == "HTTP/1.1":
		h.minor = 1
	case string(version) == "HTTP/1.0":
		h.minor = 0
	case len(version) == len("HTTP/x.y") && bytes.HasPrefix(version, []byte("HTTP/")) && isDigit(version[5]) && version[6] == '.' && isDigit(version[7]):
		return &refusal{http.StatusHTTPVersionNotSupported, "unsupported protocol version"}
	default:
		return bad("malformed HTTP version")
	}
	return nil
}

// field takes another line of a head, which begins at an offset.
func (h *head) field(line []byte, at int) *refusal {
	f, refused := parseField(line)
	if refused != nil {
		return refused
	}
	if len(h.fields) == mostFields {
		return &refusal{http.StatusRequestHeaderFieldsTooLarge, "too many header fields"}
	}
	name, value := line[:f.nameEnd], line[f.value:f.valueEnd]
	f = field{at, at + f.nameEnd, at + f.value, at + f.valueEnd}
	h.fields = append(h.fields, f)
	return h.note(name, value, f)
}

// note takes what a field says of the request itself.
func (h *head) note(name, value []byte, f field) *refusal {
	switch known(name) {
	case "host":
		h.hosts++
		h.host = f
	case "expect":
		if hasWord(value, "100-continue") {
			h.expect = true
		} else {
			h.unexpected = h.unexpected || len(value) > 0
		}
	case "trailer":
		h.badTrailer = h.badTrailer || hasWord(value, "transfer-encoding") || hasWord(value, "content-length") || hasWord(value, "trailer")
	case "connection":
		h.closes = h.closes || hasWord(value, "close")
		h.keeps = h.keeps || hasWord(value, "keep-alive")
	case "content-length":
		h.lengths++
		return h.setLength(value)
	case "transfer-encoding":
		h.encodings++
		h.chunked = is(value, "chunked")
	}
	return nil
}

// known is the name of a field that says something of the request itself, or "".
func known(name []byte) string {
	for _, k := range [...]string{"host", "expect", "trailer", "connection", "content-length", "transfer-encoding"} {
		if is(name, k) {
			return k
		}
	}
	return ""
}

func (h *head) setLength(value []byte) *refusal {
	if len(value) == 0 || len(value) > mostLength {
		return bad("malformed Content-Length")
	}
	h.length = 0
	for _, c := range value {
		if !isDigit(c) {
			return bad("malformed Content-Length")
		}
		h.length = 10*h.length + int64(c-'0')
	}
	return nil
}

// end looks at a head as a whole.
func (h *head) end() *refusal {
	switch {
	case h.hosts > 1:
		return bad("too many Host headers")
	case h.hosts == 0 && h.minor == 1:
		return bad("missing required Host header")
	case h.lengths > 1:
		return bad("too many Content-Length headers")
	case h.encodings > 0 && h.lengths > 0:
		return bad("Content-Length with Transfer-Encoding")
	case h.encodings > 1:
		return bad("too many Transfer-Encoding headers")
	case h.encodings == 1 && h.minor == 0:
		return bad("Transfer-Encoding in HTTP/1.0")
	case h.encodings == 1 && !h.chunked:
		return &refusal{http.StatusNotImplemented, "unsupported transfer encoding"}
	case h.chunked && h.badTrailer:
		return bad("malformed Trailer")
	}
	if h.chunked {
		h.length = unknownLength
	}
	return nil
}

// unknownLength stands for a body in chunks.
const unknownLength = -1

// persistent reports whether the client may send another request on the
// connection.
func (h *head) persistent() bool {
	if h.minor == 0 {
		return h.keeps && !h.closes
	}
	return !h.closes
}

// parseField takes a line apart; its offsets count from the line's first byte.
func parseField(line []byte) (field, *refusal) {
	if line[0] == ' ' || line[0] == '\t' {
		return field{}, bad("header field goes on in another line")
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || !isToken(line[:colon]) {
		return field{}, bad("malformed header field name")
	}
	begin, end := colon+1, len(line)
	for begin < end && (line[begin] == ' ' || line[begin] == '\t') {
		begin++
	}
	for end > begin && (line[end-1] == ' ' || line[end-1] == '\t') {
		end--
	}
	for _, c := range line[begin:end] {
		if c < ' ' && c != '\t' || c == 0x7f {
			return field{}, bad("malformed header field value")
		}
	}
	return field{0, colon, begin, end}, nil
}

// is compares a name or a word with one in lower case.
func is(text []byte, lower string) bool {
	if len(text) != len(lower) {
		return false
	}
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// hasWord reports whether a list that is separated by commas holds a word.
func hasWord(list []byte, lower string) bool {
	for item := range bytes.SplitSeq(list, []byte{','}) {
		if is(bytes.Trim(item, " \t"), lower) {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// tokens are the characters that names and methods are made of.
var tokens = func() (all [256]bool) {
	for c := range all {
		all[c] = '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' ||
			bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), byte(c)) >= 0
	}
	return all
}()

func isToken(text []byte) bool {
	for _, c := range text {
		if !tokens[c] {
			return false
		}
	}
	return len(text) > 0
}
