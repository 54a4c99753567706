package tensor

import (
	"slices"
	"strconv"
)

// Concat is the rows of tensors one after the other: their first dimensions may
// differ, and nothing else.
func Concat(ts []Tensor) (Tensor, error) {
	if len(ts) == 0 {
		return Tensor{}, refuse("no tensor to take rows of")
	}
	first := &ts[0]
	out := Tensor{Name: first.Name, DType: first.DType}
	rows := int64(0)
	for i := range ts {
		t := &ts[i]
		if len(t.Shape) == 0 {
			return Tensor{}, refuse("a scalar has no rows")
		}
		if !slices.Equal(t.Shape[1:], first.Shape[1:]) || !t.sameKind(first) {
			return Tensor{}, refuse("tensor %d is %v of %v, tensor 0 %v of %v", i, t.DType, t.Shape, first.DType, first.Shape)
		}
		rows += t.Shape[0]
		out.append(t)
	}
	out.Shape = append([]int64{rows}, first.Shape[1:]...)
	_, err := Elements(out.Shape)
	return out, err
}

// sameKind reports whether the elements are of one type and held in one way.
func (t *Tensor) sameKind(o *Tensor) bool {
	return t.DType == o.DType && (t.raw == nil) == (o.raw == nil) && (t.elems == nil) == (o.elems == nil)
}

// append adds the elements of a tensor of the same kind.
func (t *Tensor) append(more *Tensor) {
	switch {
	case more.elems != nil:
		t.elems = append(t.elems, more.elems...)
	case more.raw != nil:
		t.raw = append(t.raw, more.raw...)
	default:
		if len(t.text) > 0 && len(more.text) > 0 {
			t.text = append(t.text, ',')
		}
		t.text = append(t.text, more.text...)
		t.nested = t.nested || more.nested
		t.spelled.merge(more.spelled)
	}
}

// Cut is the tensor in pieces of so many rows, which must be all of its rows. The
// pieces share its elements.
func (t *Tensor) Cut(rows []int64) ([]Tensor, error) {
	if len(t.Shape) == 0 {
		return nil, refuse("a scalar has no rows")
	}
	sum := int64(0)
	for _, n := range rows {
		sum += n
	}
	if sum != t.Shape[0] {
		return nil, refuse("the shape %v has not the %d rows that were asked for", t.Shape, sum)
	}
	size := 0
	if t.Shape[0] > 0 {
		size = t.Len() / int(t.Shape[0])
	}
	tokens, at := t.numbers(), 0
	pieces := make([]Tensor, len(rows))
	for i, n := range rows {
		count := int(n) * size
		pieces[i] = t.part(append([]int64{n}, t.Shape[1:]...), at, count, &tokens)
		at += count
	}
	return pieces, nil
}

// part is a tensor of so many elements from one on, which it shares. Those that are
// text are the next of tokens.
func (t *Tensor) part(shape []int64, from, count int, tokens *numbers) Tensor {
	p := *t
	p.Shape = shape
	end := from + count
	switch {
	case t.elems != nil:
		p.elems = t.elems[from:end:end]
	case t.raw != nil:
		w := t.DType.Size()
		p.raw = t.raw[from*w : end*w : end*w]
	default:
		p.text, p.lengths = tokens.take(count), nil
	}
	return p
}

// AppendLike appends what tensors have in common whose rows can be one tensor's
// and read alike there: name, type, how elements are held, the shape of a row, and
// of numbers without a type whether all are integers.
func (t *Tensor) AppendLike(dst []byte) []byte {
	dst = strconv.AppendQuote(dst, t.Name)
	dst = append(dst, byte('0'+t.DType))
	switch {
	case t.elems != nil:
		dst = append(dst, 'e')
	case t.raw != nil:
		dst = append(dst, 'r')
	case t.spelled.fraction:
		dst = append(dst, 'f')
	default:
		dst = append(dst, 'i')
	}
	for _, d := range t.Shape[min(1, len(t.Shape)):] {
		dst = strconv.AppendInt(append(dst, ','), d, 10)
	}
	return append(dst, ';')
}
