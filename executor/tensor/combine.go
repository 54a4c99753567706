package tensor

import (
	"math"
	"slices"
	"strconv"
)

// Rows are the tensors along the first dimension, which a scalar does not have.
func (t *Tensor) Rows() ([]Tensor, error) {
	if len(t.Shape) == 0 {
		return nil, refuse("a scalar has no rows")
	}
	n, total := int(t.Shape[0]), t.Len()
	if n > maxBrackets && total == 0 {
		return nil, refuse("the empty shape %v has too many rows", t.Shape)
	}
	rows := make([]Tensor, n)
	size := 0
	if n > 0 {
		size = total / n
	}
	tokens := t.numbers()
	for i := range rows {
		rows[i] = t.part(t.Shape[1:], i*size, size, &tokens)
	}
	return rows, nil
}

// Columns are the tensors along the second dimension of a table, each of shape
// [rows, 1].
func (t *Tensor) Columns() ([]Tensor, error) {
	if len(t.Shape) != 2 {
		return nil, refuse("the shape %v is no table", t.Shape)
	}
	if t.Shape[1] > maxBrackets {
		return nil, refuse("the shape %v has too many columns", t.Shape)
	}
	columns := make([]Tensor, t.Shape[1])
	for k := range columns {
		columns[k] = t.like([]int64{t.Shape[0], 1})
	}
	tokens := t.numbers()
	for flat := range t.Len() {
		columns[flat%len(columns)].put(t, flat, &tokens)
	}
	return columns, nil
}

// PickColumns is the table whose column k is column order[k] of this one.
func (t *Tensor) PickColumns(order []int) (Tensor, error) {
	if len(t.Shape) != 2 {
		return Tensor{}, refuse("the shape %v is no table", t.Shape)
	}
	out := t.like([]int64{t.Shape[0], int64(len(order))})
	total := t.Len()
	if _, err := Elements(out.Shape); err != nil || total == 0 {
		return out, err
	}
	text, width := t.raw == nil && t.elems == nil, int(t.Shape[1])
	row, tokens := make([][]byte, width), t.numbers()
	for start := 0; start < total; start += width {
		for k := 0; text && k < width; k++ {
			row[k] = tokens.next()
		}
		for _, from := range order {
			if text {
				out.spelling(row[from])
			} else {
				out.put(t, start+from, nil)
			}
		}
	}
	return out, nil
}

// like is a tensor without elements that is to hold those of a part of t.
func (t *Tensor) like(shape []int64) Tensor {
	part := Tensor{Name: t.Name, DType: t.DType, Shape: shape, spelled: t.spelled}
	n := 1
	for _, d := range shape {
		n *= int(d)
	}
	switch {
	case t.elems != nil:
		part.elems = make([][]byte, 0, n)
	case t.raw != nil:
		part.raw = make([]byte, 0, n*t.DType.Size())
	}
	return part
}

// put appends the element at a flat index of a tensor that holds its elements in the
// same way; of text, the next of tokens.
func (t *Tensor) put(from *Tensor, flat int, tokens *numbers) {
	switch {
	case from.elems != nil:
		t.elems = append(t.elems, from.elems[flat])
	case from.raw != nil:
		w := from.DType.Size()
		t.raw = append(t.raw, from.raw[flat*w:(flat+1)*w]...)
	default:
		t.spelling(tokens.next())
	}
}

// spelling appends a number as text.
func (t *Tensor) spelling(token []byte) {
	if len(t.text) > 0 {
		t.text = append(t.text, ',')
	}
	t.text = append(t.text, token...)
}

// take returns the spelling of the next n numbers.
func (n *numbers) take(count int) []byte {
	start := n.rest
	length := 0
	for k := range count {
		token := n.piece()
		if length += len(token); k > 0 {
			length++
		}
	}
	return start[:length:length]
}

// Stack makes one tensor of rows of one shape and kind.
func Stack(rows []Tensor) (Tensor, error) {
	if len(rows) == 0 {
		return Tensor{Shape: []int64{0}}, nil
	}
	first := rows[0]
	out := Tensor{Name: first.Name, DType: first.DType,
		Shape: append([]int64{int64(len(rows))}, first.Shape...)}
	for i, r := range rows {
		if !slices.Equal(r.Shape, first.Shape) {
			return Tensor{}, &Error{Index: []int64{int64(i)}, Reason: "its shape differs from the first element's"}
		}
		if r.DType != first.DType || (r.raw == nil) != (first.raw == nil) {
			return Tensor{}, &Error{Index: []int64{int64(i)}, Reason: "its kind differs from the first element's"}
		}
		out.append(&r)
	}
	return out, nil
}

// HasSpecial reports whether a float among the elements is NaN or infinite.
func (t *Tensor) HasSpecial() bool {
	if t.text != nil {
		return t.spelled.special
	}
	if !t.DType.IsFloat() {
		return false
	}
	for i := range t.Len() {
		if f := t.floatAt(i); f-f != 0 {
			return true
		}
	}
	return false
}

// RefuseNaN is an error with this reason that names the first element that is
// NaN; nil: there is none.
func (t *Tensor) RefuseNaN(reason string) error {
	return t.refuseIf(math.IsNaN, func(float64) string { return reason })
}

// RefuseSpecial is an error with this reason that names the first element that is
// NaN or infinite; nil: there is none.
func (t *Tensor) RefuseSpecial(reason string) error {
	special := func(f float64) bool { return f-f != 0 }
	return t.refuseIf(special, func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) + " " + reason })
}

func (t *Tensor) refuseIf(wrong func(float64) bool, reason func(float64) string) error {
	if !t.HasSpecial() {
		return nil
	}
	values, err := t.Float64s()
	if err != nil {
		return err
	}
	for i, f := range values {
		if wrong(f) {
			return t.at(i, "%s", reason(f))
		}
	}
	return nil
}
