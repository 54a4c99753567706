// Package tensor is the one in-memory tensor that translation, joins and
// built-in nodes use.
package tensor

// DType is the element type of a [Tensor].
type DType uint8
