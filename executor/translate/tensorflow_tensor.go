package translate

import (
	"encoding/binary"
	"math"

	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// maxFill bounds a tensor that is given as one element to repeat, of which a
// message of a few bytes may ask for any number.
const maxFill = 1 << 26

// dtypePair relates a tensor type to TensorFlow's.
type dtypePair struct {
	dtype tensor.DType
	tf    tensorflow.DataType
}

func dtypePairs() [14]dtypePair {
	return [...]dtypePair{
		{tensor.FP32, tensorflow.DataType_DT_FLOAT},
		{tensor.FP64, tensorflow.DataType_DT_DOUBLE},
		{tensor.Int32, tensorflow.DataType_DT_INT32},
		{tensor.Uint8, tensorflow.DataType_DT_UINT8},
		{tensor.Int16, tensorflow.DataType_DT_INT16},
		{tensor.Int8, tensorflow.DataType_DT_INT8},
		{tensor.Bytes, tensorflow.DataType_DT_STRING},
		{tensor.Int64, tensorflow.DataType_DT_INT64},
		{tensor.Bool, tensorflow.DataType_DT_BOOL},
		{tensor.BF16, tensorflow.DataType_DT_BFLOAT16},
		{tensor.Uint16, tensorflow.DataType_DT_UINT16},
		{tensor.FP16, tensorflow.DataType_DT_HALF},
		{tensor.Uint32, tensorflow.DataType_DT_UINT32},
		{tensor.Uint64, tensorflow.DataType_DT_UINT64},
	}
}

func fromDataType(tf tensorflow.DataType) (tensor.DType, bool) {
	for _, p := range dtypePairs() {
		if p.tf == tf {
			return p.dtype, true
		}
	}
	return 0, false
}

func toDataType(dtype tensor.DType) tensorflow.DataType {
	for _, p := range dtypePairs() {
		if p.dtype == dtype {
			return p.tf
		}
	}
	return tensorflow.DataType_DT_INVALID
}

// toTensorProto puts the elements into tensor_content, strings into
// string_val. Numbers without a type get one by [tensor.Tensor.Typed].
func toTensorProto(t *tensor.Tensor) (*tensorflow.TensorProto, error) {
	typed, err := t.Typed()
	if err != nil {
		return nil, err
	}
	shape := &tensorflow.TensorShapeProto{Dim: make([]*tensorflow.TensorShapeProto_Dim, len(t.Shape))}
	for i, d := range t.Shape {
		shape.Dim[i] = &tensorflow.TensorShapeProto_Dim{Size: d}
	}
	out := &tensorflow.TensorProto{Dtype: toDataType(typed.DType), TensorShape: shape}
	if typed.DType == tensor.Bytes {
		out.StringVal = typed.Elems()
		return out, nil
	}
	out.TensorContent, err = typed.Raw()
	return out, err
}

func fromTensorProto(in *tensorflow.TensorProto) (tensor.Tensor, error) {
	dtype, ok := fromDataType(in.GetDtype())
	if !ok {
		return tensor.Tensor{}, refuse("", "elements of type %v cannot be translated", in.GetDtype())
	}
	if in.GetTensorShape().GetUnknownRank() {
		return tensor.Tensor{}, refuse("", "the tensor's shape is unknown")
	}
	shape := make([]int64, len(in.GetTensorShape().GetDim()))
	for i, d := range in.GetTensorShape().GetDim() {
		shape[i] = d.GetSize()
	}
	n, err := tensor.Elements(shape)
	if err != nil {
		return tensor.Tensor{}, err
	}
	if dtype == tensor.Bytes {
		return fromStringVal(in, shape, n)
	}
	raw := in.GetTensorContent()
	if len(raw) == 0 {
		if raw, err = fill(typedValues(in, dtype), n, dtype.Size()); err != nil {
			return tensor.Tensor{}, err
		}
	}
	return tensor.New(dtype, shape, raw)
}

func fromStringVal(in *tensorflow.TensorProto, shape []int64, n int) (tensor.Tensor, error) {
	if len(in.GetTensorContent()) > 0 {
		return tensor.Tensor{}, refuse("", "strings in tensor_content cannot be translated")
	}
	elems := in.GetStringVal()
	if missing := n - len(elems); missing > 0 {
		if missing > maxFill {
			return tensor.Tensor{}, refuse("", "the shape %v needs %d elements, %d came", shape, n, len(elems))
		}
		last := []byte{}
		if len(elems) > 0 {
			last = elems[len(elems)-1]
		}
		elems = elems[:len(elems):len(elems)]
		for range missing {
			elems = append(elems, last)
		}
	}
	return tensor.NewBytes(shape, elems)
}

// fill repeats the last element up to n, TensorFlow's short form for tensors
// of one value; no element at all stands for zeros.
func fill(raw []byte, n, size int) ([]byte, error) {
	missing := n - len(raw)/size
	if missing <= 0 {
		return raw, nil
	}
	if missing > maxFill {
		return nil, refuse("", "%d elements are missing", missing)
	}
	if len(raw) == 0 {
		return make([]byte, n*size), nil
	}
	last := raw[len(raw)-size:]
	for range missing {
		raw = append(raw, last...)
	}
	return raw, nil
}

// typedValues are the elements in the field of their type, as little-endian
// bytes.
func typedValues(in *tensorflow.TensorProto, dtype tensor.DType) []byte {
	switch dtype {
	case tensor.FP32:
		return littleEndianFloats(in.GetFloatVal())
	case tensor.FP64:
		return littleEndian64(in.GetDoubleVal())
	case tensor.Int64:
		return appendWords(nil, in.GetInt64Val(), 8)
	case tensor.Uint32:
		return appendWords(nil, in.GetUint32Val(), 4)
	case tensor.Uint64:
		return appendWords(nil, in.GetUint64Val(), 8)
	case tensor.FP16, tensor.BF16:
		return appendWords(nil, in.GetHalfVal(), 2)
	case tensor.Bool:
		return littleEndianBools(in.GetBoolVal())
	}
	return appendWords(nil, in.GetIntVal(), dtype.Size())
}

func littleEndianFloats(values []float32) []byte {
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return raw
}

func littleEndianBools(values []bool) []byte {
	raw := make([]byte, len(values))
	for i, v := range values {
		if v {
			raw[i] = 1
		}
	}
	return raw
}

// appendWords appends the low bytes of integers.
func appendWords[T int32 | int64 | uint32 | uint64](dst []byte, values []T, size int) []byte {
	var word [8]byte
	for _, v := range values {
		binary.LittleEndian.PutUint64(word[:], uint64(v))
		dst = append(dst, word[:size]...)
	}
	return dst
}
