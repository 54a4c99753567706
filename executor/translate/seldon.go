package translate

import (
	"fmt"
	"unicode/utf8"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// kind is how a seldon message holds its data.
type kind uint8

const (
	kindNone kind = iota
	kindNDArray
	kindTensor
	kindTFTensor
	kindString
	kindBinary
	kindJSON
)

// meta is the part of a seldon request's meta that its answer repeats, in the
// encoding in which it came.
type meta struct {
	json  []byte
	proto *seldon.Meta
}

// answerKind is the kind in which one tensor answers a request, by the rule of
// Seldon's Python wrapper: as asked, where the tensor allows it.
func answerKind(asked kind, t *tensor.Tensor) (kind, error) {
	switch {
	case t.DType == tensor.Bytes:
		return stringKind(asked, t)
	case asked == kindTFTensor:
		return kindTFTensor, nil
	case t.Rank() == 0:
		return kindTensor, nil
	case asked == kindNDArray || t.DType == tensor.Bool:
		return kindNDArray, nil
	}
	return kindTensor, nil
}

// stringKind is the kind for byte strings: one alone may stand without array.
func stringKind(asked kind, t *tensor.Tensor) (kind, error) {
	text := true
	for _, e := range t.Elems() {
		text = text && utf8.Valid(e)
	}
	single := len(t.Elems()) == 1
	switch {
	case asked == kindTFTensor:
		return kindTFTensor, nil
	case single && asked == kindBinary, single && !text:
		return kindBinary, nil
	case single && asked == kindString:
		return kindString, nil
	case text && t.Rank() > 0:
		return kindNDArray, nil
	case text && single:
		return kindString, nil
	}
	return kindNone, refuse(t.Name, "several byte strings that are not UTF-8 have no place in a seldon message")
}

// sentKind is the kind in which one tensor is sent to a seldon server.
func sentKind(t *tensor.Tensor) (kind, error) {
	switch {
	case t.DType == tensor.Bytes:
		return stringKind(kindNDArray, t)
	case t.Rank() == 0:
		return kindTensor, nil
	}
	return kindNDArray, nil
}

// maxColumns bounds the columns that are named: beyond, the names would be
// longer than the numbers.
const maxColumns = 4096

// answerNames are those that the answer has, or as columnNames.
func answerNames(m *content) []string {
	if len(m.names) > 0 {
		return m.names
	}
	return columnNames(&m.tensors[0])
}

// columnNames are the names that Seldon's Python wrapper gives to the columns
// of an answer.
func columnNames(t *tensor.Tensor) []string {
	names := []string{}
	if t.Rank() < 2 || t.Shape[1] > maxColumns {
		return names
	}
	for i := range t.Shape[1] {
		names = append(names, fmt.Sprintf("t:%d", i))
	}
	return names
}

func parseNamed(fields jsontext.Fields, dialect tensor.Dialect) ([]tensor.Tensor, error) {
	tensors := make([]tensor.Tensor, 0, len(fields))
	seen := make(map[string]bool, len(fields))
	for _, f := range fields {
		if seen[f.Key] {
			return nil, refuse(f.Key, "the name appears twice")
		}
		seen[f.Key] = true
		t, err := tensor.Parse(f.Value, dialect)
		if err != nil {
			return nil, blame(f.Key, err)
		}
		t.Name = f.Key
		tensors = append(tensors, t)
	}
	if len(tensors) == 0 {
		return nil, refuse("", "the message holds no tensor")
	}
	return tensors, nil
}

// appendByName appends an object of tensors.
func appendByName(dst []byte, tensors []tensor.Tensor, style tensor.Style) ([]byte, error) {
	dst = append(dst, '{')
	for i := range tensors {
		t := &tensors[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendQuoted(dst, []byte(t.Name)), ':')
		var err error
		if dst, err = t.AppendNested(dst, style); err != nil {
			return nil, blame(t.Name, err)
		}
	}
	return append(dst, '}'), nil
}
