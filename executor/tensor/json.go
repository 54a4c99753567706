package tensor

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// Style is how a protocol spells in JSON what JSON has no spelling for.
type Style struct {
	// NaN and Infinity are written for these values; -Infinity is derived.
	NaN, Infinity string
	// Missing is written for an element of Bytes that is none; empty: there is no
	// way to write it.
	Missing string
	// Base64 writes byte strings as {"b64": "..."}: Base64Binary those that
	// are not UTF-8, Base64All each of them.
	Base64 Base64
}

// Base64 says which byte strings are written as {"b64": "..."}.
type Base64 uint8

// With Base64Never a string that is not UTF-8 is an error.
const (
	Base64Never Base64 = iota
	Base64Binary
	Base64All
)

// maxBrackets bounds the empty arrays that a shape such as [1000000, 0] is
// written with.
const maxBrackets = 1 << 20

// AppendNested appends the tensor as JSON arrays nested by its shape; a scalar
// as a bare value.
func (t *Tensor) AppendNested(dst []byte, style Style) ([]byte, error) {
	brackets := int64(1)
	for _, d := range t.Shape {
		if d == 0 {
			break
		}
		if brackets *= d; brackets > maxBrackets && t.Len() == 0 {
			return dst, refuse("the empty shape %v is too large for JSON", t.Shape)
		}
	}
	if t.lengths != nil && slices.Equal(t.lengths, t.Shape) && t.verbatim(style) {
		return t.appendText(dst), nil
	}
	w := writer{t: t, style: style, tokens: t.numbers()}
	dst = w.nested(slices.Grow(dst, t.jsonSize()), t.Shape)
	return dst, w.err
}

// appendText appends text that has the arrays of the shape, without its white space.
func (t *Tensor) appendText(dst []byte) []byte {
	dst = slices.Grow(dst, len(t.text)+2*len(t.Shape)+tail)
	for range t.Shape {
		dst = append(dst, '[')
	}
	if t.tight {
		dst = append(dst, t.text...)
	} else {
		n := len(dst)
		all := dst[:n+len(t.text)]
		for _, c := range t.text {
			all[n] = c
			n += int((uint32(' ') - uint32(c)) >> 31) // 1 of what is no white space
		}
		dst = all[:n]
	}
	for range t.Shape {
		dst = append(dst, ']')
	}
	return dst
}

// jsonSize is about the length of the tensor as JSON.
func (t *Tensor) jsonSize() int {
	const number = 12 // a float with seven digits, its point and a comma
	size := len(t.text) + len(t.text)/16
	if t.raw != nil {
		size = t.Len() * number
	}
	for _, e := range t.elems {
		size += len(e) + 3
	}
	return size + 2*len(t.Shape)
}

// tail is room for what a message has behind its numbers.
const tail = 64

// AppendFlat appends the elements, separated by commas, without brackets.
func (t *Tensor) AppendFlat(dst []byte, style Style) ([]byte, error) {
	if t.verbatim(style) {
		dst = slices.Grow(dst, len(t.text)+tail)
		if !t.nested {
			return append(dst, t.text...), nil
		}
		start := 0
		for i, c := range t.text {
			if between(c) {
				dst, start = append(dst, t.text[start:i]...), i+1
			}
		}
		return append(dst, t.text[start:]...), nil
	}
	w := writer{t: t, style: style, tokens: t.numbers()}
	dst = w.run(slices.Grow(dst, t.jsonSize()), t.Len())
	return dst, w.err
}

// verbatim tells that the numbers in text are spelled as style asks for.
func (t *Tensor) verbatim(style Style) bool {
	if t.text == nil {
		return false
	}
	return (!t.spelled.special || style.NaN == "NaN" && style.Infinity == "Infinity") &&
		(!t.spelled.integer || !t.DType.IsFloat()) &&
		(!t.spelled.fraction || t.DType.IsFloat() || t.DType == Number)
}

// writer appends elements in their order.
type writer struct {
	t      *Tensor
	style  Style
	tokens numbers
	i      int
	err    error
}

func (w *writer) nested(dst []byte, shape []int64) []byte {
	if len(shape) == 0 {
		return w.run(dst, 1)
	}
	dst = append(dst, '[')
	if len(shape) == 1 {
		return append(w.run(dst, int(shape[0])), ']')
	}
	for i := range shape[0] {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst = w.nested(dst, shape[1:]); w.err != nil {
			return dst
		}
	}
	return append(dst, ']')
}

// run appends the next n elements.
func (w *writer) run(dst []byte, n int) []byte {
	t := w.t
	switch {
	case t.elems != nil:
		for k := range n {
			dst = w.string(comma(dst, k), t.elems[w.i+k])
		}
	case t.raw == nil:
		return w.textRun(dst, n)
	case t.DType == Bool:
		for k := range n {
			dst = strconv.AppendBool(comma(dst, k), t.raw[w.i+k] != 0)
		}
	case t.DType.IsFloat():
		bits := 32
		if t.DType == FP64 {
			bits = 64
		}
		for k := range n {
			dst = w.float(comma(dst, k), t.floatAt(w.i+k), bits)
		}
	default:
		for k := range n {
			v := t.integerAt(w.i + k)
			if dst = comma(dst, k); t.negativeAt(v) {
				dst = strconv.AppendInt(dst, int64(v), 10)
			} else {
				dst = strconv.AppendUint(dst, v, 10)
			}
		}
	}
	w.i += n
	return dst
}

func comma(dst []byte, k int) []byte {
	if k == 0 {
		return dst
	}
	return append(dst, ',')
}

func (w *writer) textRun(dst []byte, n int) []byte {
	verbatim, integer := w.t.verbatim(w.style), !w.t.DType.IsFloat() && w.t.DType != Number
	for k := range n {
		token := w.tokens.next()
		dst = comma(dst, k)
		if verbatim {
			dst = append(dst, token...)
			continue
		}
		if integer {
			dst = appendWhole(dst, token)
			continue
		}
		switch token[len(token)-1] {
		case 'N':
			dst = append(dst, w.style.NaN...)
		case 'y':
			dst = w.infinity(dst, token[0] == '-')
		default:
			dst = append(dst, token...)
			if w.t.DType.IsFloat() && bytes.IndexByte(token, '.') < 0 && !bytes.ContainsAny(token, "eE") {
				dst = append(dst, '.', '0')
			}
		}
	}
	return dst
}

// appendWhole spells a number that was found to be an integer as one: servers
// take no 1.0 for an integer.
func appendWhole(dst, token []byte) []byte {
	negative, magnitude, _ := whole(token)
	if negative && magnitude > 0 {
		dst = append(dst, '-')
	}
	return strconv.AppendUint(dst, magnitude, 10)
}

func (w *writer) float(dst []byte, f float64, bits int) []byte {
	switch {
	case f != f:
		return append(dst, w.style.NaN...)
	case f-f != 0:
		return w.infinity(dst, f < 0)
	}
	return appendFloat(dst, f, bits)
}

// infinity writes the sign inside the quotes where the word has some.
func (w *writer) infinity(dst []byte, negative bool) []byte {
	word := w.style.Infinity
	if !negative {
		return append(dst, word...)
	}
	if word[0] == '"' {
		return append(append(dst, `"-`...), word[1:]...)
	}
	return append(append(dst, '-'), word...)
}

func (w *writer) string(dst, s []byte) []byte {
	text := utf8.Valid(s)
	switch {
	case s == nil && w.style.Missing != "":
		return append(dst, w.style.Missing...)
	case s == nil:
		if w.err == nil {
			w.err = refuse("a missing value has no spelling here")
		}
		return dst
	case w.style.Base64 == Base64All, !text && w.style.Base64 == Base64Binary:
		dst = append(dst, `{"b64":`...)
		return append(AppendBase64(dst, s), '}')
	case !text:
		if w.err == nil {
			w.err = refuse("bytes that are not UTF-8 cannot be a JSON string")
		}
		return dst
	}
	return jsontext.AppendQuoted(dst, s)
}
