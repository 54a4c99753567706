package tensor

import (
	"encoding/base64"
	"encoding/binary"
)

// prefixed writes each element with its length before it.
func (t *Tensor) prefixed() []byte {
	size := 0
	for _, e := range t.elems {
		size += 4 + len(e)
	}
	raw := make([]byte, 0, size)
	for _, e := range t.elems {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(len(e)))
		raw = append(raw, e...)
	}
	return raw
}

// FromRaw makes a tensor of what [Tensor.Raw] gives: little-endian elements, or
// byte strings each with its length before it.
func FromRaw(dtype DType, shape []int64, raw []byte) (Tensor, error) {
	if dtype != Bytes {
		return New(dtype, shape, raw)
	}
	var elems [][]byte
	for len(raw) > 0 {
		if len(raw) < 4 {
			return Tensor{}, refuse("the length of a string is cut off")
		}
		n := binary.LittleEndian.Uint32(raw)
		raw = raw[4:]
		if uint64(n) > uint64(len(raw)) {
			return Tensor{}, refuse("a string of %d bytes has only %d", n, len(raw))
		}
		elems = append(elems, raw[:n:n])
		raw = raw[n:]
	}
	return NewBytes(shape, elems)
}

// AppendBase64 appends a JSON string of padded standard base64.
func AppendBase64(dst, s []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, s)
	return append(dst, '"')
}
