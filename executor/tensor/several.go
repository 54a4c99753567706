package tensor

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// Combine makes a tensor of several of one shape: combine is given the numbers of
// each, and returns as many. The outcome is FP32 if all of them are, else FP64. An
// error names the tensor by its position.
func Combine(ts []Tensor, combine func(all [][]float64) []float64) (Tensor, error) {
	if err := oneShape(ts); err != nil {
		return Tensor{}, err
	}
	dtype := FP32
	all := make([][]float64, len(ts))
	for i := range ts {
		if ts[i].DType != FP32 {
			dtype = FP64
		}
		var err error
		if all[i], err = ts[i].Float64s(); err != nil {
			return Tensor{}, refuse("child %d: %v", i, err)
		}
	}
	return FromFloats(ts[0].Name, dtype, ts[0].Shape, combine(all)), nil
}

// Mean is the element-wise mean of tensors of one shape, see [Combine].
func Mean(ts []Tensor) (Tensor, error) {
	return Combine(ts, func(all [][]float64) []float64 {
		n, means := float64(len(all)), make([]float64, len(all[0]))
		for k := range means {
			sum, scaled := 0.0, 0.0
			for _, values := range all {
				sum += values[k]
				scaled += values[k] / n
			}
			if means[k] = sum / n; math.IsInf(sum, 0) {
				means[k] = scaled
			}
		}
		return means
	})
}

// Pick makes a tensor of several of one shape: choose is given them as tensors of
// one type, and returns the number of the one that gives the element at k. All types
// stay as they are but for numbers of several, which become FP64.
func Pick(ts []Tensor, choose func(alike []Tensor, k int) (int, error)) (Tensor, error) {
	if err := oneShape(ts); err != nil {
		return Tensor{}, err
	}
	alike, err := Alike(ts)
	if err != nil {
		return Tensor{}, err
	}
	out := Tensor{Name: ts[0].Name, DType: alike[0].DType, Shape: ts[0].Shape}
	out.begin()
	for k := range alike[0].Len() {
		from, err := choose(alike, k)
		if err != nil {
			return Tensor{}, err
		}
		out.add(&alike[from], k, 1)
	}
	return out, nil
}

// Beside puts tensors side by side, row by row: along a new second dimension, for
// which they have one shape, or along the second dimension, in which alone they may
// differ. Types are as in [Pick].
func Beside(ts []Tensor, stacked bool) (Tensor, error) {
	if len(ts) == 0 {
		return Tensor{}, refuse("no tensor to combine")
	}
	shape, err := besideShape(ts, stacked)
	if err != nil {
		return Tensor{}, err
	}
	alike, err := Alike(ts)
	if err != nil {
		return Tensor{}, err
	}
	out := Tensor{Name: ts[0].Name, DType: alike[0].DType, Shape: shape}
	if _, err := Elements(out.Shape); err != nil {
		return Tensor{}, err
	}
	out.begin()
	rows := int(shape[0])
	for row := range rows {
		for i := range alike {
			size := alike[i].Len() / rows
			if size > 0 {
				out.add(&alike[i], row*size, size)
			}
		}
		if len(out.raw) == 0 && len(out.elems) == 0 {
			break // There are no elements in any row.
		}
	}
	return out, nil
}

// besideShape is the shape of tensors side by side.
func besideShape(ts []Tensor, stacked bool) ([]int64, error) {
	first, width := ts[0].Shape, int64(0)
	for i := range ts {
		s := ts[i].Shape
		switch {
		case len(s) == 0 || !stacked && len(s) < 2:
			return nil, refuse("child %d answers the shape %v, which has too few dimensions", i, s)
		case len(s) != len(first) || s[0] != first[0] || stacked && !slices.Equal(s, first) || !stacked && !slices.Equal(s[2:], first[2:]):
			return nil, refuse("child %d answers the shape %v, child 0 %v", i, s, first)
		case !stacked:
			width += s[1]
		}
	}
	if stacked {
		return append([]int64{first[0], int64(len(ts))}, first[1:]...), nil
	}
	return append([]int64{first[0], width}, first[2:]...), nil
}

// Alike gives tensors one type, with their elements as bytes: the type of all, or
// else FP64. An error names the tensor by its position.
func Alike(ts []Tensor) ([]Tensor, error) {
	out, one := make([]Tensor, len(ts)), true
	for i := range ts {
		var err error
		if out[i], err = ts[i].Typed(); err != nil {
			return nil, refuse("child %d: %v", i, err)
		}
		one = one && out[i].DType == out[0].DType
		if (out[i].DType == Bytes) != (out[0].DType == Bytes) {
			return nil, refuse("child %d answers %v, child 0 %v", i, out[i].DType, out[0].DType)
		}
	}
	for i := range out {
		if out[i].DType == Bytes {
			continue
		}
		var err error
		if !one {
			out[i], err = out[i].As(FP64)
		}
		if err == nil {
			out[i].raw, err = out[i].Raw()
		}
		if err != nil {
			return nil, refuse("child %d: %v", i, err)
		}
		out[i].text = nil
	}
	return out, nil
}

// Compare orders the elements at k of two tensors that [Alike] made: below 0, the
// one of t comes first. Nothing is ordered by NaN, which is the same as anything.
func (t *Tensor) Compare(o *Tensor, k int) int {
	switch {
	case t.DType == Bytes:
		return bytes.Compare(t.elems[k], o.elems[k])
	case t.DType.IsFloat():
		a, b := t.floatAt(k), o.floatAt(k)
		return order(a < b, a > b)
	}
	a, b := t.integerAt(k), o.integerAt(k)
	if t.DType.info().class == classSigned {
		return order(int64(a) < int64(b), int64(a) > int64(b))
	}
	return order(a < b, a > b)
}

func order(below, above bool) int {
	switch {
	case below:
		return -1
	case above:
		return 1
	}
	return 0
}

// IsNaN reports whether the element at k of a tensor that [Alike] made is NaN.
func (t *Tensor) IsNaN(k int) bool { return t.DType.IsFloat() && math.IsNaN(t.floatAt(k)) }

// Text is the element at k of a tensor that [Alike] made, as text that does not say
// the type: of a whole number its digits.
func (t *Tensor) Text(k int) string {
	switch {
	case t.DType == Bytes:
		return string(t.elems[k])
	case t.DType == Bool:
		return strconv.FormatBool(t.raw[k] != 0)
	case t.DType.IsFloat():
		return FloatText(t.floatAt(k))
	}
	return t.spell(k)
}

// FloatText is a number as text: of a whole one its digits.
func FloatText(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// FromFloats is a tensor of FP32 or FP64, of as many values as the shape has room
// for.
func FromFloats(name string, dtype DType, shape []int64, values []float64) Tensor {
	raw := make([]byte, 0, len(values)*dtype.Size())
	for _, v := range values {
		if dtype == FP32 {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)))
		} else {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
		}
	}
	return Tensor{Name: name, DType: dtype, Shape: shape, raw: raw}
}

// begin makes the place for elements that are added.
func (t *Tensor) begin() {
	if t.DType == Bytes {
		t.elems = [][]byte{}
	} else {
		t.raw = []byte{}
	}
}

// add appends n elements of another tensor of the type, from k on.
func (t *Tensor) add(from *Tensor, k, n int) {
	if t.DType == Bytes {
		t.elems = append(t.elems, from.elems[k:k+n]...)
		return
	}
	size := t.DType.Size()
	t.raw = append(t.raw, from.raw[k*size:(k+n)*size]...)
}

func oneShape(ts []Tensor) error {
	if len(ts) == 0 {
		return refuse("no tensor to combine")
	}
	for i := range ts {
		if !slices.Equal(ts[i].Shape, ts[0].Shape) {
			return refuse("child %d answers the shape %v, child 0 %v", i, ts[i].Shape, ts[0].Shape)
		}
	}
	return nil
}
