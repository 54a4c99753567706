package translate

import (
	"strconv"
	"unicode/utf8"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// dataField is where a seldon message holds its data.
type dataField uint8

const (
	dataNone dataField = iota
	dataNDArray
	dataTensor
	dataTFTensor
	dataString
	dataBinary
	dataJSON
)

// meta is the part of a seldon request's meta that its answer repeats, in the
// encoding in which it came.
type meta struct {
	json  []byte
	proto *seldon.Meta
}

// answerField is the field in which one tensor answers a request, by the rule of
// Seldon's Python wrapper: as asked, where the tensor allows it.
func answerField(asked dataField, t *tensor.Tensor) (dataField, error) {
	switch {
	case t.DType == tensor.Bytes:
		return stringField(asked, t)
	case asked == dataTFTensor:
		return dataTFTensor, nil
	case t.Rank() == 0:
		return dataTensor, nil
	case asked == dataNDArray || t.DType == tensor.Bool:
		return dataNDArray, nil
	}
	return dataTensor, nil
}

// stringField is the field for byte strings: one alone may stand without array.
func stringField(asked dataField, t *tensor.Tensor) (dataField, error) {
	text := true
	for _, e := range t.Elems() {
		text = text && utf8.Valid(e)
	}
	single := len(t.Elems()) == 1
	switch {
	case asked == dataTFTensor:
		return dataTFTensor, nil
	case single && asked == dataBinary, single && !text:
		return dataBinary, nil
	case single && asked == dataString:
		return dataString, nil
	case text && t.Rank() > 0:
		return dataNDArray, nil
	case text && single:
		return dataString, nil
	}
	return dataNone, refuse(t.Name, "several byte strings that are not UTF-8 have no place in a seldon message")
}

// sentField is the field in which one tensor is sent to a seldon server.
func sentField(t *tensor.Tensor) (dataField, error) {
	switch {
	case t.DType == tensor.Bytes:
		return stringField(dataNDArray, t)
	case t.Rank() == 0:
		return dataTensor, nil
	}
	return dataNDArray, nil
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
	if t.Rank() < 2 || t.Shape[1] > maxColumns {
		return []string{}
	}
	n := int(t.Shape[1])
	if n <= len(usualColumns) {
		return usualColumns[:n:n]
	}
	names := make([]string, n)
	for i := range names {
		names[i] = columnName(i)
	}
	return names
}

func columnName(i int) string { return "t:" + strconv.Itoa(i) }

// usualColumns are the names of as many columns as most tables have.
var usualColumns = func() (names [64]string) {
	for i := range names {
		names[i] = columnName(i)
	}
	return names
}()

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
