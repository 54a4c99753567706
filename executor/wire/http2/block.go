package http2

import (
	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// block is a header on its way in, in a frame and any that continue it. The
// library reads its fields; what a block may hold is judged here.
type block struct {
	decoder *hpack.Decoder
	limit   uint32

	stream uint32
	ended  bool // the stream ends by it
	fields []Field
	// size is what the fields take, as SETTINGS_MAX_HEADER_LIST_SIZE counts; raw
	// is how long they were as sent.
	size, raw uint32
	regular   bool
	// over is true for a header above the limit, wrong for one that HTTP/2 does
	// not allow.
	over, wrong bool
	open        bool
	// divided is true for a header in several frames.
	divided bool
}

// mostFields bounds the number of fields whatever their size.
const mostFields = 1000

func newBlock(limit uint32) *block {
	b := &block{limit: limit}
	b.decoder = hpack.NewDecoder(initialTable, b.emit)
	return b
}

func (b *block) begin(stream uint32, ended bool) {
	clear(b.fields)
	*b = block{decoder: b.decoder, limit: b.limit, fields: b.fields[:0], stream: stream, ended: ended, open: true}
	b.decoder.SetEmitEnabled(true)
}

// fragment reads a part of a block.
func (b *block) fragment(p []byte, last bool) error {
	if b.raw += uint32(len(p)); b.raw > 2*b.limit+1024 { //nolint:gosec // a frame has 16 kB
		// Reading all of it would only be work.
		return http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
	}
	if _, err := b.decoder.Write(p); err != nil {
		return http2.ConnectionError(http2.ErrCodeCompression)
	}
	if !last {
		return nil
	}
	b.open = false
	if err := b.decoder.Close(); err != nil {
		return http2.ConnectionError(http2.ErrCodeCompression)
	}
	return nil
}

func (b *block) emit(f hpack.HeaderField) {
	b.size += f.Size()
	if b.size > b.limit || len(b.fields) >= mostFields {
		b.over = true
		b.decoder.SetEmitEnabled(false)
		return
	}
	switch {
	case len(f.Name) > 0 && f.Name[0] == ':':
		b.wrong = b.wrong || b.regular || b.has(f.Name)
	default:
		b.regular = true
		b.wrong = b.wrong || !validName(f.Name) || unwanted(f)
	}
	b.wrong = b.wrong || !httpguts.ValidHeaderFieldValue(f.Value)
	b.fields = append(b.fields, f)
}

func (b *block) has(name string) bool {
	for _, f := range b.fields {
		if f.Name == name {
			return true
		}
	}
	return false
}

// validName reports whether a name is a token in lower case.
func validName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !httpguts.IsTokenRune(rune(c)) || c >= 'A' && c <= 'Z' {
			return false
		}
	}
	return name != ""
}

// unwanted are fields of a connection, which HTTP/2 has not (RFC 9113, 8.2.2).
func unwanted(f Field) bool {
	switch f.Name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return true
	case "te":
		return f.Value != "trailers"
	}
	return false
}
