// Package jsontext finds its way through JSON text without building values,
// so that numbers keep the spelling they came with and large arrays are read
// once. Beyond JSON it knows the number tokens NaN, Infinity and -Infinity,
// which TensorFlow Serving, Triton and Python write and read.
package jsontext

import (
	"errors"
	"fmt"
)

// maxDepth bounds the nesting of a text, so that no text exhausts the stack.
const maxDepth = 1000

// Type is what sort of value a text holds.
type Type uint8

// The types of values.
const (
	Invalid Type = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// TypeOf tells the type of a value by its first byte. It does not check the
// rest.
func TypeOf(value []byte) Type {
	if len(value) == 0 {
		return Invalid
	}
	switch c := value[0]; {
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '"':
		return String
	case c == 't' || c == 'f':
		return Bool
	case c == 'n':
		return Null
	case c == '-' || c == 'N' || c == 'I' || isDigit(c):
		return Number
	}
	return Invalid
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// Space returns the index of the first byte at or after i that is not JSON
// white space.
func Space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// Skip returns the end of the value that starts at b[i], which must not be
// white space, having checked all of it.
func Skip(b []byte, i int) (int, error) { return skip(b, i, 0) }

// Value returns the only value in a text, without the white space around it,
// having checked all of it.
func Value(text []byte) ([]byte, error) {
	start := Space(text, 0)
	end, err := Skip(text, start)
	if err != nil {
		return nil, err
	}
	if rest := Space(text, end); rest < len(text) {
		return nil, unexpected(text, rest)
	}
	return text[start:end], nil
}

func skip(b []byte, i, depth int) (int, error) {
	if i >= len(b) {
		return i, errTruncated()
	}
	switch b[i] {
	case '{':
		return skipObject(b, i, depth+1)
	case '[':
		return skipArray(b, i, depth+1)
	case '"':
		return skipString(b, i)
	case 't':
		return literal(b, i, "true")
	case 'f':
		return literal(b, i, "false")
	case 'n':
		return literal(b, i, "null")
	}
	end, _, err := NumberEnd(b, i)
	return end, err
}

func literal(b []byte, i int, word string) (int, error) {
	for k := range len(word) {
		if i+k >= len(b) {
			return i, errTruncated()
		}
		if b[i+k] != word[k] {
			return i, unexpected(b, i+k)
		}
	}
	return i + len(word), nil
}

func skipArray(b []byte, i, depth int) (int, error) {
	if depth > maxDepth {
		return i, errors.New("nested too deeply")
	}
	i = Space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		end, _ := PlainNumber(b, i)
		if end == 0 {
			var err error
			if end, err = skip(b, i, depth); err != nil {
				return end, err
			}
		}
		if end < len(b) && b[end] == ',' {
			i = Space(b, end+1)
			continue
		}
		next, done, err := Next(b, end, ']')
		if err != nil || done {
			return next, err
		}
		i = next
	}
}

func skipObject(b []byte, i, depth int) (int, error) {
	if depth > maxDepth {
		return i, errors.New("nested too deeply")
	}
	i = Space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		start, err := skipKey(b, i)
		if err != nil {
			return start, err
		}
		end, err := skip(b, start, depth)
		if err != nil {
			return end, err
		}
		next, done, err := Next(b, end, '}')
		if err != nil || done {
			return next, err
		}
		i = next
	}
}

// skipKey passes a key and its colon and returns the start of the value.
func skipKey(b []byte, i int) (int, error) {
	if i >= len(b) {
		return i, errTruncated()
	}
	if b[i] != '"' {
		return i, unexpected(b, i)
	}
	end, err := skipString(b, i)
	if err != nil {
		return end, err
	}
	end = Space(b, end)
	if end >= len(b) {
		return end, errTruncated()
	}
	if b[end] != ':' {
		return end, unexpected(b, end)
	}
	return Space(b, end+1), nil
}

// Next passes what follows an element: a comma, then the index is that of the
// next element, or the closing bracket, then done is true and the index is
// behind it.
func Next(b []byte, i int, closing byte) (next int, done bool, err error) {
	i = Space(b, i)
	if i >= len(b) {
		return i, false, errTruncated()
	}
	switch b[i] {
	case ',':
		return Space(b, i+1), false, nil
	case closing:
		return i + 1, true, nil
	}
	return i, false, unexpected(b, i)
}

func errTruncated() error { return errors.New("the JSON ends too early") }

func unexpected(b []byte, i int) error {
	c := b[i]
	if c >= 0x20 && c < 0x7f {
		return fmt.Errorf("unexpected %q at byte %d of the JSON", rune(c), i)
	}
	return fmt.Errorf("unexpected byte 0x%02x at byte %d of the JSON", c, i)
}
