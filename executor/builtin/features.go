package builtin

import (
	"math"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
)

// table is rows of numbers, row after row.
type table struct {
	values      []float64
	rows, width int
}

func (t table) row(i int) []float64 { return t.values[i*t.width : (i+1)*t.width] }

// reading reads the features of a message: one tensor whose first dimension
// counts rows, or several side by side. A tensor of one dimension is one row,
// unless rows are known to have one feature. Width is that of the rows; 0: any.
// Whatever is no number, or not finite, is refused. The memory of the table is given
// back by who calls give.
func reading(m Message, width int) (t table, give func(), err error) {
	o, err := m.Read()
	if err != nil {
		return t, func() {}, err
	}
	takes := numberBytes * elements(o.Tensors)
	if len(o.Tensors) > 1 { // They are put side by side.
		takes *= 2
	}
	if give, err = m.borrow(takes); err != nil {
		return t, give, err
	}
	t, err = features(o, width)
	switch {
	case err != nil:
		err = protocol.Untranslated(m.fault(), err)
	case width > 0 && t.width != width:
		err = protocol.Errorf(m.fault(), "its rows have %d features, and those that the node knows have %d", t.width, width)
	default:
		err = t.finite(m.fault(), 0)
	}
	return t, give, err
}

// finite refuses whatever is not, in columns of which the first has that number.
func (t table) finite(fault protocol.Code, first int) error {
	for i, v := range t.values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return protocol.Errorf(fault, "row %d, feature %d is %v: want a finite number", i/t.width, first+i%t.width, v)
		}
	}
	return nil
}

func features(o *translate.Opened, width int) (table, error) {
	if len(o.Tensors) == 0 {
		return table{}, &translate.Error{Reason: "it holds no tensor"}
	}
	tables := make([]table, len(o.Tensors))
	for k := range o.Tensors {
		t, err := tableOf(&o.Tensors[k], width, len(o.Tensors) > 1)
		if err != nil {
			return table{}, &translate.Error{Tensor: o.Tensors[k].Name, Reason: err.Error()}
		}
		if t.rows != tables[0].rows && k > 0 {
			return table{}, &translate.Error{Tensor: o.Tensors[k].Name, Reason: "it has another number of rows than the first tensor"}
		}
		tables[k] = t
	}
	all := tables[0]
	if len(tables) > 1 {
		all = beside(tables)
	}
	if all.rows == 0 || all.width == 0 {
		return all, &translate.Error{Reason: "it has no rows, or rows without features"}
	}
	return all, nil
}

func tableOf(t *tensor.Tensor, width int, column bool) (table, error) {
	values, err := t.Float64s()
	if err != nil {
		return table{}, err
	}
	out := table{values: values}
	out.rows, out.width = layout(t.Shape, len(values), width, column)
	return out, nil
}

// layout is how many rows a tensor of so many elements has, of how many features.
func layout(shape []int64, elements, width int, column bool) (rows, wide int) {
	if len(shape) < 2 && (len(shape) == 0 || !column && width != 1) {
		return 1, elements
	}
	if rows = int(shape[0]); rows > 0 {
		wide = elements / rows
	}
	return rows, wide
}

// beside makes one table of several of as many rows.
func beside(tables []table) table {
	out := table{rows: tables[0].rows}
	for _, t := range tables {
		out.width += t.width
	}
	out.values = make([]float64, 0, out.rows*out.width)
	for i := range out.rows {
		for _, t := range tables {
			out.values = append(out.values, t.row(i)...)
		}
	}
	return out
}
