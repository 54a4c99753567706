package translate

import (
	"encoding/json"
	"slices"

	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// BentoInput is what a request brings for a parameter of a route, or for a column of
// one that is a table.
type BentoInput struct {
	TensorSpec
	// Table is the parameter of which this is a column; empty: it is none.
	Table string
	// Optional is true for a parameter that has a default.
	Optional bool
	// File is true for a parameter that is bytes, and Image if these are a picture.
	File, Image bool
	// Cells are the elements of a row that works, as JSON; nil: the Bento says none.
	Cells []json.RawMessage
}

// Inputs are what requests bring, as far as it is known; false: a request that works
// cannot be made up, since a parameter is any JSON, a table whose columns nobody tells,
// or an array of any shape. A nil route has none, which is all of them.
func (r *BentoRoute) Inputs() (all []BentoInput, whole bool) {
	if r == nil {
		return nil, true
	}
	whole = true
	for i := range r.parameters {
		p := &r.parameters[i]
		if p.kind == bentoTable {
			columns := p.columnInputs()
			all = append(all, columns...)
			whole = whole && (len(columns) > 0 || !p.required)
			continue
		}
		all = append(all, BentoInput{
			TensorSpec: TensorSpec{Name: p.name, DType: p.dtype, Shape: p.shape},
			Optional:   !p.required, File: p.kind == bentoFile, Image: p.image, Cells: p.row(),
		})
		whole = whole && (!p.required || p.kind != bentoAny && p.shape != nil)
	}
	return all, whole
}

// row is the first row of an example: an element of its own, the elements of a list, or
// those of the first list in a list.
func (p *bentoParameter) row() []json.RawMessage {
	value := p.example
	switch {
	case value == nil || p.shape == nil || p.kind == bentoFile:
		return nil
	case len(p.shape) == 0:
		return []json.RawMessage{value}
	}
	var cells []json.RawMessage
	for range p.shape {
		if json.Unmarshal(value, &cells) != nil || len(cells) == 0 {
			return nil
		}
		value = cells[0]
	}
	const most = 2
	if len(p.shape) > most {
		return nil
	}
	return cells
}

// columnInputs are the columns of a table, by its schema or by its example.
func (p *bentoParameter) columnInputs() []BentoInput {
	names := p.columns
	cells := p.firstRecord()
	if len(names) == 0 {
		for _, f := range cells {
			names = append(names, f.Key)
		}
	}
	columns := make([]BentoInput, len(names))
	for k, name := range names {
		columns[k] = BentoInput{TensorSpec: TensorSpec{Name: name, Shape: []int64{-1}}, Table: p.name, Optional: !p.required}
		if i := slices.IndexFunc(cells, func(f jsontext.Field) bool { return f.Key == name }); i >= 0 {
			columns[k].Cells, columns[k].DType = []json.RawMessage{cells[i].Value}, cellType(cells[i].Value)
		}
	}
	return columns
}

// firstRecord is the first row of a table that is an example.
func (p *bentoParameter) firstRecord() jsontext.Fields {
	value := p.example
	if value == nil {
		return nil
	}
	var records []json.RawMessage
	if json.Unmarshal(value, &records) == nil {
		if len(records) == 0 {
			return nil
		}
		value = records[0]
	}
	fields, err := jsontext.ParseObject(value)
	if err != nil {
		return nil
	}
	if records != nil {
		return fields
	}
	for i := range fields { // Lists by the names of columns.
		var column []json.RawMessage
		if json.Unmarshal(fields[i].Value, &column) != nil || len(column) == 0 {
			return nil
		}
		fields[i].Value = column[0]
	}
	return fields
}

// cellType is the type of a column with this cell, as far as the cell tells.
func cellType(cell []byte) tensor.DType {
	switch cell[0] {
	case '"':
		return tensor.Bytes
	case 't', 'f':
		return tensor.Bool
	}
	return tensor.Number
}

// inputs are the parameters as tensors; of a table with known columns, these.
func (r *BentoRoute) inputs() (all []TensorSpec) {
	for _, p := range r.parameters {
		if p.kind == bentoTable && len(p.columns) > 0 {
			for _, column := range p.columns {
				all = append(all, TensorSpec{Name: column, Shape: []int64{-1}})
			}
			continue
		}
		all = append(all, TensorSpec{Name: p.name, DType: p.dtype, Shape: p.shape})
	}
	return all
}
