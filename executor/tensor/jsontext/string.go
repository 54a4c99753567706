package jsontext

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// skipString returns the end of the string that starts at b[i]. It checks the
// spelling of escapes; what they stand for is checked by [Unquote].
func skipString(b []byte, i int) (int, error) {
	for k := i + 1; k < len(b); k++ {
		switch c := b[k]; {
		case c == '"':
			return k + 1, nil
		case c == '\\':
			n, err := escapeLength(b, k)
			if err != nil {
				return k, err
			}
			k += n - 1
		case c < 0x20:
			return k, unexpected(b, k)
		}
	}
	return len(b), errTruncated()
}

func escapeLength(b []byte, i int) (int, error) {
	if i+1 >= len(b) {
		return 0, errTruncated()
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, nil
	case 'u':
		if _, ok := hex4(b[i:]); ok {
			return 6, nil
		}
	}
	return 0, unexpected(b, i)
}

// Unquote returns the bytes that a JSON string stands for. What is no valid
// Unicode (stray bytes, half of a surrogate pair) is an error and not replaced.
// The result may share memory with the string.
func Unquote(quoted []byte) ([]byte, error) {
	if len(quoted) < 2 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' {
		return nil, errors.New("not a JSON string")
	}
	body := quoted[1 : len(quoted)-1]
	if !utf8.Valid(body) {
		return nil, errors.New("a string is not valid UTF-8")
	}
	if bytes.IndexByte(body, '\\') < 0 {
		return body, nil
	}
	out := make([]byte, 0, len(body))
	for i := 0; i < len(body); {
		if body[i] != '\\' {
			out = append(out, body[i])
			i++
			continue
		}
		r, n, err := escape(body[i:])
		if err != nil {
			return nil, err
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return out, nil
}

// escape reads one escape sequence and returns its length.
func escape(b []byte) (r rune, n int, err error) {
	if len(b) < 2 {
		return 0, 0, errTruncated()
	}
	switch b[1] {
	case '"', '\\', '/':
		return rune(b[1]), 2, nil
	case 'b':
		return '\b', 2, nil
	case 'f':
		return '\f', 2, nil
	case 'n':
		return '\n', 2, nil
	case 'r':
		return '\r', 2, nil
	case 't':
		return '\t', 2, nil
	case 'u':
		return unicodeEscape(b)
	}
	return 0, 0, fmt.Errorf(`unknown escape \%c in a string`, b[1])
}

func unicodeEscape(b []byte) (r rune, n int, err error) {
	high, ok := hex4(b)
	if !ok {
		return 0, 0, errors.New(`\u is not followed by four hexadecimal digits`)
	}
	if !utf16.IsSurrogate(high) {
		return high, 6, nil
	}
	low, ok := hex4(b[6:])
	if !ok {
		return 0, 0, errors.New("half of a surrogate pair in a string")
	}
	r = utf16.DecodeRune(high, low)
	if r == utf8.RuneError {
		return 0, 0, errors.New("half of a surrogate pair in a string")
	}
	return r, 12, nil
}

// hex4 reads \uXXXX at the start of b.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(v), err == nil && b[2] != '+'
}

// AppendQuoted appends s as a JSON string. It must be valid UTF-8. The
// characters that are unsafe inside HTML stay as they are.
func AppendQuoted(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i, c := range s {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
