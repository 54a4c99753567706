package translate

import (
	"encoding/binary"
	"math"
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

// appendListValue appends the JSON of a list. Unlike protobuf's own writer it
// takes NaN and the infinities.
func appendListValue(dst []byte, list *structpb.ListValue) ([]byte, error) {
	dst = append(dst, '[')
	for i, v := range list.GetValues() {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendValue(dst, v); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendValue(dst []byte, v *structpb.Value) ([]byte, error) {
	switch v := v.GetKind().(type) {
	case *structpb.Value_NumberValue:
		return appendDouble(dst, v.NumberValue), nil
	case *structpb.Value_StringValue:
		return jsontext.AppendQuoted(dst, []byte(v.StringValue)), nil
	case *structpb.Value_BoolValue:
		return strconv.AppendBool(dst, v.BoolValue), nil
	case *structpb.Value_ListValue:
		return appendListValue(dst, v.ListValue)
	case *structpb.Value_StructValue:
		return nil, refuse("", "an object is no value of a tensor")
	}
	return nil, refuse("", "null is no value of a tensor")
}

// appendDouble spells whole numbers as integers, as protobuf's JSON does.
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
