package openapi

import (
	"slices"
	"strconv"
	"strings"

	"github.com/prime-radiant/radiant/executor/tensor"
)

const (
	// shownNumbers is the size up to which examples look like data, and come
	// in several forms; larger ones are as short as they can be.
	shownNumbers = 4096
	// sentNumbers is the size up to which an example is complete, so that it
	// can be sent: a picture of 224 x 224 in colours is 150,528.
	sentNumbers = 1 << 18
)

// sizes is the shape of an example: batches of one, and one for each other
// size that the model leaves open.
func sizes(shape []int64) []int64 {
	all := make([]int64, len(shape))
	for i, n := range shape {
		all[i] = max(n, 1)
	}
	return all
}

// count is the number of elements, or more than sentNumbers for all that have
// more.
func count(shape []int64) int64 {
	n := int64(1)
	for _, size := range sizes(shape) {
		if n *= min(size, sentNumbers+1); n > sentNumbers {
			return sentNumbers + 1
		}
	}
	return n
}

// total is the number of elements of all tensors together.
func total(all []Tensor) int64 {
	n := int64(0)
	for _, t := range all {
		n += count(t.Shape)
	}
	return n
}

// shortened makes tensors small if they are too large for a document: two of
// each dimension, as long as that is not too large itself.
func shortened(all []Tensor) []Tensor {
	if total(all) <= sentNumbers {
		return all
	}
	const few = 2
	all = slices.Clone(all)
	for i, t := range all {
		left := max(sentNumbers/int64(len(all)), 1)
		all[i].Shape = slices.Clone(t.Shape)
		for d, n := range t.Shape {
			size := min(n, few, left)
			all[i].Shape[d] = size
			left /= max(size, 1)
		}
	}
	return all
}

// mostDims is the most dimensions that a document describes: each is a level
// of it.
const mostDims = 32

// withinReason forgets shapes of more dimensions than [mostDims], which no
// model has: what a server tells of itself must not fill the memory.
func withinReason(g *Graph) {
	for _, n := range g.Nodes {
		for _, s := range n.Signatures {
			for _, tensors := range [][]Tensor{s.Inputs, s.Outputs} {
				for i := range tensors {
					if len(tensors[i].Shape) > mostDims {
						tensors[i].Shape = nil
					}
				}
			}
		}
	}
}

// element is one value of a type, as JSON.
func element(d tensor.DType, many bool) string {
	switch {
	case d == tensor.Bytes:
		return `"text"`
	case d == tensor.Bool:
		return "true"
	case many:
		return "0"
	case d.IsFloat():
		return "0.5"
	}
	return "1"
}

// nested is a tensor as lists in lists.
func nested(shape []int64, value string) string {
	all := sizes(shape)
	for i := len(all) - 1; i >= 0; i-- {
		value = "[" + repeated(value, all[i]) + "]"
	}
	return value
}

// flat is the elements of a tensor in one list.
func flat(shape []int64, value string) string { return "[" + repeated(value, count(shape)) + "]" }

func repeated(value string, n int64) string {
	return strings.TrimSuffix(strings.Repeat(value+",", int(n)), ",")
}

func numbersJSON(numbers []int64) string {
	var b []byte
	for i, n := range numbers {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return "[" + string(b) + "]"
}

// elementSchema is the schema of one element.
func elementSchema(d tensor.DType) object {
	switch d {
	case tensor.Bytes:
		return object{{"type", "string"}}
	case tensor.Bool:
		return object{{"type", "boolean"}}
	case tensor.Int32:
		return object{{"type", "integer"}, {"format", "int32"}}
	case tensor.Int64:
		return object{{"type", "integer"}, {"format", "int64"}}
	case tensor.FP32:
		return object{{"type", "number"}, {"format", "float"}}
	case tensor.FP64:
		return object{{"type", "number"}, {"format", "double"}}
	case tensor.Number, tensor.FP16, tensor.BF16:
		return object{{"type", "number"}}
	}
	s := object{{"type", "integer"}}
	if size := d.Size(); size < 4 {
		low, high := 0, 1<<(8*size)-1
		if strings.HasPrefix(d.String(), "INT") {
			low, high = -1<<(8*size-1), 1<<(8*size-1)-1
		}
		s = append(s, member{"minimum", low}, member{"maximum", high})
	}
	return s
}

// nestedSchema is the schema of a tensor as lists in lists; element is that of
// an element.
func nestedSchema(shape []int64, element object) object {
	for i := len(shape) - 1; i >= 0; i-- {
		s := object{{"type", "array"}, {"items", element}}
		if n := shape[i]; n > 0 {
			s = append(s, member{"minItems", int(n)}, member{"maxItems", int(n)})
		}
		element = s
	}
	return element
}

// shapeText writes a shape for people.
func shapeText(shape []int64) string {
	if shape == nil {
		return "unknown"
	}
	var all []string
	for _, n := range shape {
		if n < 0 {
			all = append(all, "?")
		} else {
			all = append(all, strconv.FormatInt(n, 10))
		}
	}
	return "[" + strings.Join(all, ", ") + "]"
}
