package translate

import (
	"encoding/binary"
	"math"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// toV2Contents puts little-endian elements into the field of their type.
func toV2Contents(t *tensor.Tensor, raw []byte) *inference.InferTensorContents {
	out := &inference.InferTensorContents{}
	switch t.DType {
	case tensor.Bool:
		out.BoolContents = make([]bool, len(raw))
		for i, b := range raw {
			out.BoolContents[i] = b != 0
		}
	case tensor.Int8:
		out.IntContents = words(raw, 1, func(b []byte) int32 { return int32(int8(b[0])) })
	case tensor.Int16:
		out.IntContents = words(raw, 2, func(b []byte) int32 { return int32(int16(binary.LittleEndian.Uint16(b))) })
	case tensor.Int32:
		out.IntContents = words(raw, 4, func(b []byte) int32 { return int32(binary.LittleEndian.Uint32(b)) })
	case tensor.Int64:
		out.Int64Contents = words(raw, 8, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) })
	case tensor.Uint8:
		out.UintContents = words(raw, 1, func(b []byte) uint32 { return uint32(b[0]) })
	case tensor.Uint16:
		out.UintContents = words(raw, 2, func(b []byte) uint32 { return uint32(binary.LittleEndian.Uint16(b)) })
	case tensor.Uint32:
		out.UintContents = words(raw, 4, binary.LittleEndian.Uint32)
	case tensor.Uint64:
		out.Uint64Contents = words(raw, 8, binary.LittleEndian.Uint64)
	case tensor.FP32:
		out.Fp32Contents = words(raw, 4, func(b []byte) float32 {
			return math.Float32frombits(binary.LittleEndian.Uint32(b))
		})
	case tensor.FP64:
		out.Fp64Contents = words(raw, 8, func(b []byte) float64 {
			return math.Float64frombits(binary.LittleEndian.Uint64(b))
		})
	case tensor.Bytes:
		out.BytesContents = t.Elems()
	}
	return out
}

func words[T any](raw []byte, size int, read func([]byte) T) []T {
	out := make([]T, 0, len(raw)/size)
	for ; len(raw) >= size; raw = raw[size:] {
		out = append(out, read(raw))
	}
	return out
}
