package translate

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

func littleEndian64(values []float64) []byte {
	raw := make([]byte, 0, 8*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	return raw
}

// appendValue appends the JSON of a value. Unlike protobuf's own writer it takes
// NaN and the infinities, as bare words, and never spells a double as an integer
// that it is not.
func appendValue(dst []byte, v *structpb.Value) []byte {
	switch v := v.GetKind().(type) {
	case *structpb.Value_NumberValue:
		return appendDouble(dst, v.NumberValue)
	case *structpb.Value_StringValue:
		return jsontext.AppendQuoted(dst, []byte(v.StringValue))
	case *structpb.Value_BoolValue:
		return strconv.AppendBool(dst, v.BoolValue)
	case *structpb.Value_ListValue:
		return appendListValue(dst, v.ListValue)
	case *structpb.Value_StructValue:
		return appendStruct(dst, v.StructValue)
	}
	return append(dst, "null"...)
}

func appendListValue(dst []byte, list *structpb.ListValue) []byte {
	dst = append(dst, '[')
	for i, v := range list.GetValues() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendValue(dst, v)
	}
	return append(dst, ']')
}

func appendStruct(dst []byte, s *structpb.Struct) []byte {
	dst = append(dst, '{')
	for i, key := range slices.Sorted(maps.Keys(s.GetFields())) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendQuoted(dst, []byte(key)), ':')
		dst = appendValue(dst, s.Fields[key])
	}
	return append(dst, '}')
}

// appendDouble spells whole numbers as integers, as protobuf's JSON does, but
// for those so large that the shortest digits are not their value.
func appendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e15) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}
