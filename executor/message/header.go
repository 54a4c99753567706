package message

import (
	"bytes"
	"sync"
)

// Header is the header of a request, as every node is sent it over REST:
// hop-by-hop fields are gone, names are canonical, and no value holds a line end. It
// is either a map or the lines as they go out, of which the map is made when
// somebody looks into it. It is read by several goroutines; a nil one is empty.
type Header struct {
	lines []byte
	// kind is the value of Content-Type, if the header is made of lines.
	kind string

	mu     sync.Mutex
	fields map[string][]string
}

// NewHeader makes a header of fields, which are the header's own from then on.
func NewHeader(fields map[string][]string) *Header { return &Header{fields: fields} }

// Fields are those of the header. They are not to be changed.
func (h *Header) Fields() map[string][]string {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fields == nil && h.lines != nil {
		h.fields = parsed(h.lines)
	}
	return h.fields
}

// First is the first value of a field, by its canonical name; empty: there is none.
// It takes nothing apart, so that a field that most requests have not costs little.
func (h *Header) First(name string) string {
	if h == nil {
		return ""
	}
	h.mu.Lock()
	fields := h.fields
	h.mu.Unlock()
	if fields != nil {
		if values := fields[name]; len(values) > 0 {
			return values[0]
		}
		return ""
	}
	for rest := h.lines; len(rest) > 0; {
		line := rest
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			rest = nil
		}
		if len(line) > len(name)+1 && string(line[:len(name)]) == name && line[len(name)] == ':' {
			return string(bytes.TrimSpace(line[len(name)+1:]))
		}
	}
	return ""
}

// Lines are the header as it goes out, each with its line end, and the value of
// its Content-Type. It has neither Content-Encoding nor a length of JSON. ok is
// false for one that was made of fields.
func (h *Header) Lines() (lines []byte, kind string, ok bool) {
	if h == nil || h.lines == nil {
		return nil, "", false
	}
	return h.lines, h.kind, true
}

// parsed takes lines apart, which were made here.
func parsed(lines []byte) map[string][]string {
	fields := make(map[string][]string, bytes.Count(lines, []byte{'\n'}))
	for line := range bytes.SplitSeq(lines, []byte("\r\n")) {
		if name, value, ok := bytes.Cut(line, []byte(": ")); ok {
			fields[string(name)] = append(fields[string(name)], string(value))
		}
	}
	return fields
}
