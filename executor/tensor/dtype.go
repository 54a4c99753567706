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

func (d DType) info() dtypeInfo {
	table := [dtypes]dtypeInfo{
		Number: {"NUMBER", 0, classNumber},
		Bool:   {"BOOL", 1, classBool},
		Uint8:  {"UINT8", 1, classUnsigned},
		Uint16: {"UINT16", 2, classUnsigned},
		Uint32: {"UINT32", 4, classUnsigned},
		Uint64: {"UINT64", 8, classUnsigned},
		Int8:   {"INT8", 1, classSigned},
		Int16:  {"INT16", 2, classSigned},
		Int32:  {"INT32", 4, classSigned},
		Int64:  {"INT64", 8, classSigned},
		FP16:   {"FP16", 2, classFloat},
		BF16:   {"BF16", 2, classFloat},
		FP32:   {"FP32", 4, classFloat},
		FP64:   {"FP64", 8, classFloat},
		Bytes:  {"BYTES", 0, classBytes},
	}
	if d >= dtypes {
		return dtypeInfo{name: "INVALID"}
	}
	return table[d]
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
