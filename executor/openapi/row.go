package openapi

import (
	"encoding/json"
	"strings"

	"github.com/prime-radiant/radiant/executor/tensor"
)

// ofRow returns the only input where an example row of it is known.
func ofRow(inputs []Tensor) (Tensor, bool) {
	if len(inputs) != 1 || len(inputs[0].Row) == 0 || len(inputs[0].Shape) == 0 || inputs[0].Table != "" {
		return Tensor{}, false
	}
	return inputs[0], true
}

// cells are the values of the example row as a list.
func (t Tensor) cells() string {
	var all []string
	for _, cell := range t.Row {
		all = append(all, string(cell))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// rows is a batch of the one example row: a list of texts where a row is one
// text.
func (t Tensor) rows() string {
	if len(t.Shape) == 1 {
		return t.cells()
	}
	return "[" + t.cells() + "]"
}

// byColumn is the example row as an object.
func (t Tensor) byColumn() string {
	var parts []string
	for i, name := range t.Columns {
		parts = append(parts, quoted(name)+":"+string(t.Row[i]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// seldonRowForms are the forms of the example row. A model that tells columns
// apart by their names needs them as a data frame, which jsonData always is.
func seldonRowForms(t Tensor) []example {
	names := ""
	if len(t.Columns) > 0 {
		names = `"names":` + namesJSON(t.Columns) + `,`
	}
	ndarray := example{"ndarray", "ndarray: lists in lists", raw(`{"data":{` + names + `"ndarray":` + t.rows() + `}}`)}
	if t.Frame {
		return []example{{"jsonData", "jsonData: a row with the names of its columns", raw(`{"jsonData":[` + t.byColumn() + `]}`)}}
	}
	all := []example{ndarray}
	if t.DType != tensor.Bytes && len(t.Shape) > 0 {
		all = append(all, example{"tensor", "tensor: shape and values", raw(
			`{"data":{` + names + `"tensor":{"shape":` + numbersJSON(t.sizes()) + `,"values":` + t.cells() + `}}}`)})
	}
	return all
}

// tensorflowRowForms are the same in TensorFlow's words.
func tensorflowRowForms(t Tensor) []example {
	instances := t.rows()
	if t.Frame {
		instances = "[" + t.byColumn() + "]"
	}
	return []example{{"instances", "instances: row by row", raw(`{"instances":` + instances + `}`)}}
}

// v2RowForms are the same as tensors. MLServer makes a data frame of inputs
// with the content type pd, and Python's text of such with str.
func v2RowForms(t Tensor) []example {
	const summary = "a row as the model takes it"
	if t.Frame {
		var parts []string
		for i, name := range t.Columns {
			dtype, parameters := cellType(t.Row[i]), ""
			if dtype == tensor.Bytes {
				parameters = asText
			}
			parts = append(parts, `{"name":`+quoted(name)+`,"shape":[1],"datatype":"`+dtype.String()+`",`+parameters+`"data":[`+string(t.Row[i])+`]}`)
		}
		return []example{{"inputs", summary, raw(`{"parameters":{"content_type":"pd"},"inputs":[` + strings.Join(parts, ",") + `]}`)}}
	}
	dtype, parameters := t.DType, ""
	switch dtype {
	case tensor.Number:
		dtype = tensor.FP64
	case tensor.Bytes:
		parameters = asText
	}
	return []example{{"inputs", summary, raw(`{"inputs":[{"name":` + quoted(t.wireName()) + `,"shape":` + numbersJSON(t.sizes()) +
		`,"datatype":"` + dtype.String() + `",` + parameters + `"data":` + t.cells() + `}]}`)}}
}

// asText makes MLServer read bytes as text.
const asText = `"parameters":{"content_type":"str"},`

// wireName is what a message calls a tensor that has no name of its own, as
// translation does.
func (t Tensor) wireName() string {
	if t.Name == "" {
		return "input-0"
	}
	return t.Name
}

// cellType is the datatype that a column has whose cells are like this one.
func cellType(cell json.RawMessage) tensor.DType {
	switch cell[0] {
	case '"':
		return tensor.Bytes
	case 't', 'f':
		return tensor.Bool
	}
	return tensor.FP64
}
