package openapi

import (
	"encoding/base64"
	"slices"
	"strings"
)

// onePixel is the smallest picture: a grey PNG of one pixel.
const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="

// bytes is a file as base64.
func (t Tensor) bytes() string {
	if t.Image {
		return onePixel
	}
	return base64.StdEncoding.EncodeToString([]byte("text"))
}

// sizes is the shape of an example: that of the row which is known, or batches of one.
func (t Tensor) sizes() []int64 {
	all := sizes(known(t))
	if n := len(all); len(t.Row) > 0 && n > 0 {
		all[n-1] = int64(len(t.Row))
	}
	return all
}

// element is one value, as JSON: that which is known to work, or any.
func (t Tensor) element(many bool) string {
	if len(t.Row) == 1 {
		return string(t.Row[0])
	}
	return element(t.DType, many)
}

// elements are all values of an example in one list.
func (t Tensor) elements(many bool) string {
	if len(t.Row) > 0 {
		return t.cells()
	}
	return flat(known(t), element(t.DType, many))
}

// nested are all values of an example as lists in lists.
func (t Tensor) nested(many bool) string {
	if len(t.Row) > 1 {
		return strings.Repeat("[", len(t.Shape)-1) + t.cells() + strings.Repeat("]", len(t.Shape)-1)
	}
	return nested(known(t), t.element(many))
}

// wanted leaves out what a request may leave out, unless that is all.
func wanted(inputs []Tensor) []Tensor {
	all := slices.DeleteFunc(slices.Clone(inputs), func(t Tensor) bool { return t.Optional })
	if len(all) == 0 {
		return inputs
	}
	return all
}

// ofTables reports whether some inputs are columns of a parameter.
func ofTables(inputs []Tensor) bool {
	return slices.ContainsFunc(inputs, func(t Tensor) bool { return t.Table != "" })
}

// seldonTables are the forms of parameters of which some are tables: one alone stands
// without its name.
func seldonTables(inputs []Tensor) []example {
	if alone := inputs[0].Table; !slices.ContainsFunc(inputs, func(t Tensor) bool { return t.Table != alone }) {
		return []example{
			{"ndarray", "ndarray: a row of a table", seldonRow(inputs)},
			{"jsonData", "jsonData: a row with the names of its columns", raw(`{"jsonData":[` + oneRecord(inputs) + `]}`)},
		}
	}
	var parts []string
	for i := 0; i < len(inputs); {
		table, from := inputs[i].Table, i
		if table == "" {
			parts = append(parts, quoted(inputs[i].Name)+":"+nestedValue(inputs[i]))
			i++
			continue
		}
		for i < len(inputs) && inputs[i].Table == table {
			i++
		}
		parts = append(parts, quoted(table)+":["+oneRecord(inputs[from:i])+"]")
	}
	return []example{{"jsonData", "jsonData: parameters by name", raw(`{"jsonData":{` + strings.Join(parts, ",") + `}}`)}}
}

// oneRecord is the row of a table whose columns these are.
func oneRecord(columns []Tensor) string {
	var parts []string
	for _, t := range columns {
		parts = append(parts, quoted(t.Name)+":"+t.element(false))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// binaryAlone reports whether an input of the clients' protocol has no place in JSON: a
// picture is no text, and the open inference protocol knows no base64.
func (b *builder) binaryAlone() bool {
	return b.graph.Protocol.Name == "v2" && slices.ContainsFunc(b.example[0].Inputs, func(t Tensor) bool { return t.Image })
}
