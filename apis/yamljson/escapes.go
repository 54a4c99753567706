package yamljson

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Escapes rewrites the escapes of JSON that the YAML parser does not know.
// Text that is not JSON stays as it is.
func Escapes(text []byte) []byte {
	if start := bytes.TrimLeft(text, " \t\r\n"); len(start) == 0 || start[0] != '{' ||
		bytes.IndexByte(text, '\\') < 0 || !json.Valid(text) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out = append(out, text[i])
			continue
		}
		if text[i+1] == '/' {
			out = append(out, '/')
			i++
			continue
		}
		high := escapedUnit(text[i:])
		if !utf16.IsSurrogate(high) {
			out = append(out, text[i], text[i+1])
			i++
			continue
		}
		i += 5
		pair := utf16.DecodeRune(high, escapedUnit(text[i+1:]))
		if pair != utf8.RuneError {
			i += 6
		}
		out = utf8.AppendRune(out, pair)
	}
	return out
}

// escapedUnit returns the value of a \uXXXX at the start of text, or 0.
func escapedUnit(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(uint16(n))
}
