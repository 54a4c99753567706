package tensor

// DType is the element type of a [Tensor].
type DType uint8

// The element types. All but Number have the names of the open inference
// protocol.
const (
	// Number is the type of numbers that came as text without a type: JSON.
	// Their spelling is kept until a type is asked for.
	Number DType = iota
	Bool
	Uint8
	Uint16
	Uint32
	Uint64
	Int8
	Int16
	Int32
	Int64
	FP16
	BF16
	FP32
	FP64
	// Bytes is a string of bytes of any length per element.
	Bytes
	dtypes
)

// class groups the types that convert alike.
type class uint8

const (
	classNumber class = iota
	classBool
	classUnsigned
	classSigned
	classFloat
	classBytes
)

type dtypeInfo struct {
	name  string
	size  int
	class class
}

// info is a table written as a switch, since it is asked for each element.
func (d DType) info() dtypeInfo {
	switch d {
	case Number:
		return dtypeInfo{"NUMBER", 0, classNumber}
	case Bool:
		return dtypeInfo{"BOOL", 1, classBool}
	case Uint8:
		return dtypeInfo{"UINT8", 1, classUnsigned}
	case Uint16:
		return dtypeInfo{"UINT16", 2, classUnsigned}
	case Uint32:
		return dtypeInfo{"UINT32", 4, classUnsigned}
	case Uint64:
		return dtypeInfo{"UINT64", 8, classUnsigned}
	case Int8:
		return dtypeInfo{"INT8", 1, classSigned}
	case Int16:
		return dtypeInfo{"INT16", 2, classSigned}
	case Int32:
		return dtypeInfo{"INT32", 4, classSigned}
	case Int64:
		return dtypeInfo{"INT64", 8, classSigned}
	case FP16:
		return dtypeInfo{"FP16", 2, classFloat}
	case BF16:
		return dtypeInfo{"BF16", 2, classFloat}
	case FP32:
		return dtypeInfo{"FP32", 4, classFloat}
	case FP64:
		return dtypeInfo{"FP64", 8, classFloat}
	case Bytes:
		return dtypeInfo{"BYTES", 0, classBytes}
	}
	return dtypeInfo{name: "INVALID"}
}

// String is the type's name in the open inference protocol.
func (d DType) String() string { return d.info().name }

// Size is the length of an element in bytes; 0 for Number and Bytes, whose
// elements have no fixed length.
func (d DType) Size() int { return d.info().size }

// IsFloat tells the floating-point types.
func (d DType) IsFloat() bool { return d.info().class == classFloat }

// ParseDType finds a type by its name in the open inference protocol.
func ParseDType(name string) (DType, bool) {
	for d := Bool; d < dtypes; d++ {
		if d.String() == name {
			return d, true
		}
	}
	return 0, false
}
