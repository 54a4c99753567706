// Package tensor is the one in-memory tensor that translation, joins and
// built-in nodes use. A tensor holds its elements in the form in which they
// arrived (JSON text or little-endian bytes) and converts when another is asked
// for: exactly, or with an error that names the element.
package tensor

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// Tensor is an array of any number of dimensions, row-major. Copies share
// their elements, which are never changed.
type Tensor struct {
	// Name may be empty.
	Name string
	// DType is [Number] while nobody has said what the numbers are.
	DType DType
	// Shape has no entry for a scalar.
	Shape []int64

	// Exactly one of these holds the elements.
	text  []byte   // numbers as JSON spells them, separated by commas; part of what was read
	raw   []byte   // little-endian, DType.Size() bytes each
	elems [][]byte // Bytes; nil where a value is missing

	// spelled is what text holds. nested says that the brackets and the white space
	// are in it that it came with.
	spelled spelled
	nested  bool
	// lengths are those of the arrays whose brackets are in text; nil: that is not
	// known. tight says that there is nothing else between its numbers.
	lengths []int64
	tight   bool
}

// spelled sums up how numbers are written, so that most conversions need not
// look at each of them.
type spelled struct {
	integer  bool // some are integers
	fraction bool // some are not
	exponent bool
	special  bool // NaN, Infinity or -Infinity
	// longest is the length of the longest number, longestInteger that of the
	// longest integer.
	longest, longestInteger int
}

func (s *spelled) add(spelling jsontext.Spelling, length int) {
	s.longest = max(s.longest, length)
	switch spelling {
	case jsontext.Integer:
		s.integer = true
		s.longestInteger = max(s.longestInteger, length)
		return
	case jsontext.Exponent:
		s.exponent = true
	case jsontext.Word:
		s.special = true
	}
	s.fraction = true
}

func (s *spelled) merge(o spelled) {
	s.integer = s.integer || o.integer
	s.fraction = s.fraction || o.fraction
	s.exponent = s.exponent || o.exponent
	s.special = s.special || o.special
	s.longest = max(s.longest, o.longest)
	s.longestInteger = max(s.longestInteger, o.longestInteger)
}

// Error is an element that cannot be what it is asked to be.
type Error struct {
	// Index is the position of the element; nil: the tensor as a whole.
	Index  []int64
	Reason string
}

func (e *Error) Error() string {
	if e.Index == nil {
		return e.Reason
	}
	return "element " + path(e.Index) + ": " + e.Reason
}

func path(index []int64) string {
	var b strings.Builder
	for _, i := range index {
		fmt.Fprintf(&b, "[%d]", i)
	}
	if b.Len() == 0 {
		return "0"
	}
	return b.String()
}

func refuse(format string, args ...any) error {
	return &Error{Reason: fmt.Sprintf(format, args...)}
}

// at makes the error of the element at a flat index.
func (t *Tensor) at(flat int, format string, args ...any) error {
	index := make([]int64, len(t.Shape))
	rest := int64(flat)
	for d := len(t.Shape) - 1; d >= 0; d-- {
		if t.Shape[d] > 0 {
			index[d] = rest % t.Shape[d]
			rest /= t.Shape[d]
		}
	}
	return &Error{Index: index, Reason: fmt.Sprintf(format, args...)}
}

// maxRank bounds the dimensions of a tensor; NumPy's bound is 64.
const maxRank = 64

// Elements is the number of elements that a shape has room for.
func Elements(shape []int64) (int, error) {
	if len(shape) > maxRank {
		return 0, refuse("%d dimensions are more than the %d that are supported", len(shape), maxRank)
	}
	n, zero := int64(1), false
	for _, d := range shape {
		switch {
		case d < 0:
			return 0, refuse("the shape %v has a negative dimension", shape)
		case d == 0:
			zero = true
		case n > math.MaxInt32*16/d:
			return 0, refuse("the shape %v is too large", shape)
		default:
			n *= d
		}
	}
	if zero {
		return 0, nil
	}
	return int(n), nil
}

// New makes a tensor of little-endian elements, whose length must be that of
// the shape. Not for [Number] and [Bytes].
func New(dtype DType, shape []int64, raw []byte) (Tensor, error) {
	n, err := Elements(shape)
	if err != nil {
		return Tensor{}, err
	}
	size := dtype.Size()
	if size == 0 {
		return Tensor{}, refuse("%v elements have no fixed size", dtype)
	}
	if len(raw) != n*size {
		return Tensor{}, refuse("the shape %v of %v needs %d bytes, %d came", shape, dtype, n*size, len(raw))
	}
	if raw == nil {
		raw = []byte{}
	}
	return Tensor{DType: dtype, Shape: shape, raw: raw}, nil
}

// NewBytes makes a tensor of byte strings, as many as the shape has room for.
func NewBytes(shape []int64, elems [][]byte) (Tensor, error) {
	n, err := Elements(shape)
	if err != nil {
		return Tensor{}, err
	}
	if n != len(elems) {
		return Tensor{}, refuse("the shape %v needs %d elements, %d came", shape, n, len(elems))
	}
	if elems == nil {
		elems = [][]byte{}
	}
	missing := func(e []byte) bool { return e == nil }
	if slices.ContainsFunc(elems, missing) {
		elems = slices.Clone(elems)
		for i := range elems {
			if missing(elems[i]) {
				elems[i] = []byte{}
			}
		}
	}
	return Tensor{DType: Bytes, Shape: shape, elems: elems}, nil
}

// NewColumn makes a tensor of one dimension of byte strings, of which those
// that are nil are missing.
func NewColumn(elems [][]byte) Tensor {
	if elems == nil {
		elems = [][]byte{}
	}
	return Tensor{DType: Bytes, Shape: []int64{int64(len(elems))}, elems: elems}
}

// Len is the number of elements.
func (t *Tensor) Len() int {
	switch {
	case t.elems != nil:
		return len(t.elems)
	case t.raw != nil:
		return len(t.raw) / t.DType.Size()
	case len(t.text) == 0:
		return 0
	}
	return bytes.Count(t.text, []byte{','}) + 1
}

// Rank is the number of dimensions.
func (t *Tensor) Rank() int { return len(t.Shape) }

// Elems are the elements of a [Bytes] tensor, nil where one is missing; nil for
// every other tensor.
func (t *Tensor) Elems() [][]byte { return t.elems }

// Reshape gives the elements another shape with room for as many.
func (t Tensor) Reshape(shape []int64) (Tensor, error) {
	n, err := Elements(shape)
	if err != nil {
		return Tensor{}, err
	}
	if have := t.Len(); n != have {
		return Tensor{}, refuse("the shape %v needs %d elements, %d came", shape, n, have)
	}
	t.Shape = shape
	return t, nil
}

// numbers walks the elements of text.
type numbers struct {
	rest   []byte
	nested bool
}

func (t *Tensor) numbers() numbers { return numbers{t.text, t.nested} }

// next returns the next number's spelling; nil at the end.
func (n *numbers) next() []byte {
	token := n.piece()
	if !n.nested {
		return token
	}
	start, end := 0, len(token)
	for start < end && between(token[start]) {
		start++
	}
	for end > start && between(token[end-1]) {
		end--
	}
	return token[start:end]
}

// between reports whether a byte stands between numbers.
func between(c byte) bool { return c == '[' || c == ']' || c <= ' ' }

// piece is what is up to the next comma.
func (n *numbers) piece() []byte {
	if len(n.rest) == 0 {
		return nil
	}
	i := bytes.IndexByte(n.rest, ',')
	if i < 0 {
		token := n.rest
		n.rest = nil
		return token
	}
	token := n.rest[:i]
	n.rest = n.rest[i+1:]
	return token
}
