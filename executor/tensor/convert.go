package tensor

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// As converts the elements to a type. Integers and booleans (0 and 1) convert
// if their value is kept; numbers with a fraction become the nearest float;
// whatever else is lossy is an error that names the element. Text stays text:
// only checked against the type. Number asks for nothing.
func (t Tensor) As(dtype DType) (Tensor, error) {
	switch {
	case t.DType == dtype, dtype == Number:
		return t, nil
	case dtype >= dtypes:
		return Tensor{}, refuse("no such type")
	case t.raw == nil && t.elems == nil && (!t.DType.IsFloat() || dtype.IsFloat()):
		return t.textAs(dtype)
	case t.DType == Bytes || dtype == Bytes:
		if t.Len() == 0 {
			return empty(t, dtype), nil
		}
		return Tensor{}, refuse("%v is not %v", t.DType, dtype)
	}
	raw, err := t.Raw()
	if err != nil {
		return Tensor{}, err
	}
	t.raw, t.text = raw, nil
	return t.rawAs(dtype)
}

func empty(t Tensor, dtype DType) Tensor {
	e := Tensor{Name: t.Name, DType: dtype, Shape: t.Shape}
	switch dtype {
	case Bytes:
		e.elems = [][]byte{}
	case Number:
	default:
		e.raw = []byte{}
	}
	return e
}

// Typed gives numbers without a type one, by NumPy's rule: INT64 where each is
// spelled as an integer (UINT64 where they need it), else FP64.
func (t Tensor) Typed() (Tensor, error) {
	switch {
	case t.DType != Number:
		return t, nil
	case t.spelled.fraction || len(t.text) == 0:
		return t.As(FP64)
	}
	signed, err := t.As(Int64)
	if err == nil {
		return signed, nil
	}
	if unsigned, err := t.As(Uint64); err == nil {
		return unsigned, nil
	}
	return Tensor{}, err
}

// textAs checks that numbers fit a type. All but Bool stay text.
func (t Tensor) textAs(dtype DType) (Tensor, error) {
	if len(t.text) == 0 {
		return empty(t, dtype), nil
	}
	if t.spelled.fits(dtype) {
		t.DType = dtype
		return t, nil
	}
	check, err := t.checker(dtype)
	if err != nil {
		return Tensor{}, err
	}
	tokens := t.numbers()
	flat := 0
	for token := tokens.next(); token != nil; token = tokens.next() {
		if problem := check(token); problem != "" {
			return Tensor{}, t.at(flat, "%s %s (%v)", token, problem, dtype)
		}
		flat++
	}
	t.DType = dtype
	if dtype == Bool {
		return t.boolFromText(), nil
	}
	return t, nil
}

func (t Tensor) boolFromText() Tensor {
	raw := make([]byte, 0, t.Len())
	tokens := t.numbers()
	for token := tokens.next(); token != nil; token = tokens.next() {
		_, v, _ := whole(token)
		raw = append(raw, byte(v))
	}
	return Tensor{Name: t.Name, DType: Bool, Shape: t.Shape, raw: raw}
}

func (t Tensor) checker(dtype DType) (func([]byte) string, error) {
	switch dtype.info().class {
	case classFloat:
		return func(token []byte) string { return checkFloat(token, dtype) }, nil
	case classSigned, classUnsigned, classBool:
		return func(token []byte) string {
			negative, magnitude, problem := whole(token)
			if problem == "" && !fitsInteger(negative, magnitude, dtype) {
				return "is out of range"
			}
			return problem
		}, nil
	}
	return nil, refuse("numbers are not %v", dtype)
}

// fits tells by the lengths alone that all numbers pass [checkFloat].
func (s *spelled) fits(dtype DType) bool {
	switch dtype {
	case FP32:
		return !s.exponent && s.longest <= 38 && s.longestInteger <= 7
	case FP64:
		return !s.exponent && s.longest <= 300 && s.longestInteger <= 15
	}
	return false
}

// parseBits is the precision that text is read with for a type.
func parseBits(dtype DType) int {
	if dtype == FP32 {
		return 32
	}
	return 64
}

func checkFloat(token []byte, dtype DType) string {
	small := dtype == FP16 || dtype == BF16
	f, problem := float(token, parseBits(dtype))
	switch {
	case problem != "":
		return problem
	case !fitsFloat(f, dtype):
		return "is out of range"
	case small && !bytes.ContainsAny(token, ".eENI"):
		narrow := Tensor{DType: dtype, raw: appendBits(nil, f, dtype)}
		if narrow.floatAt(0) != f {
			return "has more digits than it can hold"
		}
	}
	return ""
}

func fitsInteger(negative bool, magnitude uint64, dtype DType) bool {
	info := dtype.info()
	switch info.class {
	case classBool:
		return magnitude == 0 || magnitude == 1 && !negative
	case classUnsigned:
		return (!negative || magnitude == 0) && (info.size == 8 || magnitude < 1<<(8*info.size))
	}
	limit := uint64(1) << (8*info.size - 1)
	return magnitude < limit || negative && magnitude == limit
}

func fitsFloat(f float64, dtype DType) bool {
	switch dtype {
	case FP16:
		_, ok := toSmall(f, halfExponent, halfMantissa)
		return ok
	case BF16:
		_, ok := toSmall(f, bfloat16Exponent, bfloat16Mantissa)
		return ok
	case FP32:
		return math.IsInf(f, 0) || math.IsNaN(f) || !math.IsInf(float64(float32(f)), 0)
	}
	return true
}

// Raw are the elements of a typed tensor as little-endian bytes: Bytes each
// with its length before it, in four bytes. The result must not be changed.
func (t *Tensor) Raw() ([]byte, error) {
	switch {
	case t.raw != nil:
		return t.raw, nil
	case t.DType == Bytes:
		if i := slices.IndexFunc(t.elems, func(e []byte) bool { return e == nil }); i >= 0 {
			return nil, t.at(i, "a missing value among strings has no place in bytes")
		}
		return t.prefixed(), nil
	case t.DType == Number:
		return nil, refuse("the type of the numbers is not known")
	}
	raw := make([]byte, 0, t.Len()*t.DType.Size())
	tokens := t.numbers()
	integer := !t.DType.IsFloat()
	bits := parseBits(t.DType)
	for token := tokens.next(); token != nil; token = tokens.next() {
		if integer {
			negative, magnitude, _ := whole(token)
			if negative {
				magnitude = -magnitude
			}
			raw = appendInteger(raw, magnitude, t.DType.Size())
			continue
		}
		f, _ := float(token, bits)
		raw = appendBits(raw, f, t.DType)
	}
	return raw, nil
}

func appendInteger(dst []byte, v uint64, size int) []byte {
	switch size {
	case 1:
		return append(dst, byte(v))
	case 2:
		return binary.LittleEndian.AppendUint16(dst, uint16(v))
	case 4:
		return binary.LittleEndian.AppendUint32(dst, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(dst, v)
}

func appendBits(dst []byte, f float64, dtype DType) []byte {
	switch dtype {
	case FP16:
		bits, _ := toSmall(f, halfExponent, halfMantissa)
		return binary.LittleEndian.AppendUint16(dst, bits)
	case BF16:
		bits, _ := toSmall(f, bfloat16Exponent, bfloat16Mantissa)
		return binary.LittleEndian.AppendUint16(dst, bits)
	case FP32:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(f)))
	}
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
}

// integerAt is an element of raw integers or booleans, sign-extended.
func (t *Tensor) integerAt(i int) uint64 {
	switch t.DType {
	case Bool:
		if t.raw[i] != 0 {
			return 1
		}
		return 0
	case Uint8:
		return uint64(t.raw[i])
	case Int8:
		return uint64(int8(t.raw[i]))
	case Uint16:
		return uint64(binary.LittleEndian.Uint16(t.raw[2*i:]))
	case Int16:
		return uint64(int16(binary.LittleEndian.Uint16(t.raw[2*i:])))
	case Uint32:
		return uint64(binary.LittleEndian.Uint32(t.raw[4*i:]))
	case Int32:
		return uint64(int32(binary.LittleEndian.Uint32(t.raw[4*i:])))
	}
	return binary.LittleEndian.Uint64(t.raw[8*i:])
}

func (t *Tensor) floatAt(i int) float64 {
	switch t.DType {
	case FP16:
		return fromSmall(binary.LittleEndian.Uint16(t.raw[2*i:]), halfExponent, halfMantissa)
	case BF16:
		return fromSmall(binary.LittleEndian.Uint16(t.raw[2*i:]), bfloat16Exponent, bfloat16Mantissa)
	case FP32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(t.raw[4*i:])))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(t.raw[8*i:]))
}

func (t *Tensor) negativeAt(v uint64) bool {
	return t.DType.info().class == classSigned && int64(v) < 0
}

func (t Tensor) rawAs(dtype DType) (Tensor, error) {
	n := t.Len()
	out := Tensor{Name: t.Name, DType: dtype, Shape: t.Shape, raw: make([]byte, 0, n*dtype.Size())}
	for i := range n {
		var problem string
		if t.DType.IsFloat() {
			out.raw, problem = convertFloat(out.raw, t.floatAt(i), dtype)
		} else {
			v := t.integerAt(i)
			out.raw, problem = convertInteger(out.raw, v, t.negativeAt(v), dtype)
		}
		if problem != "" {
			return Tensor{}, t.at(i, "%s %s (%v)", t.spell(i), problem, dtype)
		}
	}
	return out, nil
}

func convertFloat(dst []byte, f float64, dtype DType) ([]byte, string) {
	if dtype.IsFloat() {
		if !fitsFloat(f, dtype) {
			return dst, "is out of range"
		}
		return appendBits(dst, f, dtype), ""
	}
	switch {
	case math.IsNaN(f) || f != math.Trunc(f):
		return dst, "is not a whole number"
	case math.Abs(f) >= 1<<64:
		return dst, "is out of range"
	}
	magnitude := uint64(math.Abs(f))
	if !fitsInteger(f < 0, magnitude, dtype) {
		return dst, "is out of range"
	}
	if f < 0 {
		magnitude = -magnitude
	}
	return appendInteger(dst, magnitude, dtype.Size()), ""
}

func convertInteger(dst []byte, v uint64, negative bool, dtype DType) ([]byte, string) {
	magnitude := v
	if negative {
		magnitude = -v
	}
	if !dtype.IsFloat() {
		if !fitsInteger(negative, magnitude, dtype) {
			return dst, "is out of range"
		}
		return appendInteger(dst, v, dtype.Size()), ""
	}
	start := len(dst)
	f := float64(magnitude)
	exact := f < 1<<64 && uint64(f) == magnitude && fitsFloat(f, dtype)
	if negative {
		f = -f
	}
	if exact {
		dst = appendBits(dst, f, dtype)
		narrow := Tensor{DType: dtype, raw: dst[start:]}
		exact = narrow.floatAt(0) == f
	}
	if !exact {
		return dst[:start], "has more digits than it can hold"
	}
	return dst, ""
}

func (t *Tensor) spell(i int) string {
	if t.DType.IsFloat() {
		return strconv.FormatFloat(t.floatAt(i), 'g', -1, 64)
	}
	if v := t.integerAt(i); !t.negativeAt(v) {
		return strconv.FormatUint(v, 10)
	}
	return strconv.FormatInt(int64(t.integerAt(i)), 10)
}

// Float64s are the numbers as floats, each the nearest one.
func (t *Tensor) Float64s() ([]float64, error) {
	if t.DType == Bytes {
		return nil, refuse("BYTES are not numbers")
	}
	out := make([]float64, 0, t.Len())
	if t.raw == nil {
		tokens := t.numbers()
		for token := tokens.next(); token != nil; token = tokens.next() {
			f, problem := float(token, 64)
			if problem == "is out of range" {
				return nil, t.at(len(out), "%s %s (FP64)", token, problem)
			}
			if problem != "" {
				f, _ = strconv.ParseFloat(string(token), 64)
			}
			out = append(out, f)
		}
		return out, nil
	}
	for i := range t.Len() {
		if t.DType.IsFloat() {
			out = append(out, t.floatAt(i))
			continue
		}
		v := t.integerAt(i)
		if t.negativeAt(v) {
			out = append(out, float64(int64(v)))
		} else {
			out = append(out, float64(v))
		}
	}
	return out, nil
}
