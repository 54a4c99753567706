package builtin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/rule"
)

// formulaTable is what the steps of graph.StepTable do that are formulas.
func formulaTable() map[string]func(*rule.Formula) change {
	return map[string]func(*rule.Formula) change{"compute": computeColumn, "map": mapElements}
}

// formulaBytes is what a value of a formula takes: a number of the columns that it is
// made of, what is made, and the same in the table and the text of the message.
const formulaBytes = 48

// checkEvery is after how many values a formula looks whether the client is still
// there.
const checkEvery = 64

// mostOfTag is how long a tag may be that a formula reads for each row: what one row
// costs is bounded by the formula and by this.
const mostOfTag = 16 << 10

// computeColumn puts the value of a formula of each row into a column: in the place of
// the one of the name, or behind all.
func computeColumn(e *rule.Formula) change {
	return func(f *frame, words []string) error {
		if _, err := f.columns(); err != nil {
			return err
		}
		c, err := f.bind(e)
		if err != nil {
			return err
		}
		made, err := c.values(e)
		if err != nil {
			return err
		}
		return f.put(words[0], made)
	}
}

// mapElements puts the value of a formula of each element in its place.
func mapElements(e *rule.Formula) change {
	return func(f *frame, _ []string) error {
		for i := range f.tensors {
			t := &f.tensors[i]
			c := &bound{frame: f, shape: t.Shape, count: t.Len(), narrow: t.DType == tensor.FP32}
			if len(e.Cells) > 0 {
				values, err := f.numbers(t)
				if err != nil {
					return f.at(i, err)
				}
				c.cells = []func(k int) any{func(k int) any { return values[k] }}
			}
			made, err := c.values(e)
			if err != nil {
				return f.at(i, err)
			}
			f.set(i, made)
		}
		return nil
	}
}

// bound is a formula whose cells were found in a message.
type bound struct {
	frame *frame
	// cells give the value of each for a row.
	cells []func(k int) any
	// shape is that of a column, with room for count values.
	shape []int64
	count int
	// narrow says that numbers are made of FP32 alone.
	narrow bool
}

// bind finds what a formula asks for.
func (f *frame) bind(e *rule.Formula) (*bound, error) {
	c := &bound{frame: f}
	numbers, narrow := 0, 0
	for _, cell := range e.Cells {
		at, err := f.place(cell.Name)
		if cell.As != rule.NumberOf {
			tag, known, broken := f.tag(cell.Name)
			if broken != nil {
				return nil, broken
			}
			if known || err != nil {
				if len(tag) > mostOfTag {
					return nil, fmt.Errorf("%q: the text has %d bytes, more than the %d that a formula reads for each row", cell.Name, len(tag), mostOfTag)
				}
				value := worded(tag, cell.As)
				c.cells = append(c.cells, func(int) any { return value })
				continue
			}
		} else if err != nil {
			return nil, err
		}
		column, err := f.column(at)
		if err == nil {
			err = c.fits(&column)
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %w", cell.Name, err)
		}
		if cell.As == rule.NumberOf {
			if numbers++; column.DType == tensor.FP32 {
				narrow++
			}
		}
		value, err := f.cell(&column, cell.As)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", cell.Name, err)
		}
		c.cells = append(c.cells, value)
	}
	c.narrow = numbers > 0 && narrow == numbers
	if c.shape != nil {
		return c, nil
	}
	first, err := f.column(0)
	if err != nil {
		return nil, err
	}
	return c, c.fits(&first)
}

// fits sees to it that all columns are of one shape but for dimensions of 1 at its end.
func (c *bound) fits(t *tensor.Tensor) error {
	if c.shape == nil {
		c.shape, c.count = t.Shape, t.Len()
		if c.shape == nil {
			c.shape = []int64{}
		}
		return nil
	}
	if !slices.Equal(trimmed(c.shape), trimmed(t.Shape)) {
		return fmt.Errorf("its shape is %v, and %v that of the column before", t.Shape, c.shape)
	}
	return nil
}

// trimmed is a shape without the dimensions of 1 at its end.
func trimmed(shape []int64) []int64 {
	for len(shape) > 0 && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	return shape
}

// column is one column as a tensor.
func (f *frame) column(at int) (tensor.Tensor, error) {
	switch {
	case at >= len(f.tensors) && !f.one():
		return tensor.Tensor{}, fmt.Errorf("there is no column %d", at)
	case !f.one():
		return f.tensors[at], nil
	case f.tensors[0].Shape[1] == 0:
		return tensor.Tensor{}, errors.New("the table has no columns")
	}
	return f.tensors[0].PickColumns([]int{at})
}

// numbers are the elements of a tensor, each as the float64 that it is.
func (f *frame) numbers(t *tensor.Tensor) ([]float64, error) {
	if t.DType == tensor.Bytes {
		return t.Float64s() // Which says why there are none.
	}
	if err := f.take(8 * int64(t.Len())); err != nil {
		return nil, err
	}
	wide, err := t.As(tensor.FP64)
	if err != nil {
		return nil, err
	}
	return wide.Float64s()
}

// cell gives what a formula asks of a column, row by row.
func (f *frame) cell(t *tensor.Tensor, as rule.CellKind) (func(k int) any, error) {
	if as == rule.NumberOf || as == rule.NumberIn && t.DType != tensor.Bytes {
		values, err := f.numbers(t)
		return func(k int) any { return values[k] }, err
	}
	alike, err := tensor.Alike([]tensor.Tensor{*t})
	if err != nil {
		return nil, err
	}
	return func(k int) any { return worded(alike[0].Text(k), as) }, nil
}

// worded is what a text is for a formula.
func worded(text string, as rule.CellKind) any {
	switch as {
	case rule.TextOf:
		return text
	case rule.IsThere:
		return text != ""
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		return v
	}
	return math.NaN()
}

// tag is what the message says under a name beside its data, as text.
func (f *frame) tag(name string) (text string, known bool, err error) {
	if f.tags == nil {
		plain, err := protocol.Plain(f.message.wire)
		if err != nil {
			return "", false, err
		}
		if f.tags, err = translate.Tags(f.message.form, plain); err != nil {
			return "", false, err
		}
		if f.tags == nil {
			f.tags = map[string]any{}
		}
	}
	v, known := f.tags[name]
	return translate.KeyText(v), known, nil
}

// Header, Text, Rows and Puid are [rule.Facts], of the message and the rows that it has
// come to have.
func (f *frame) Header(name string) string { return f.message.Header(f.ctx, name) }

// Text is what a tag says.
func (f *frame) Text(name string) (string, error) {
	text, _, err := f.tag(name)
	return text, err
}

// Rows is the first dimension of the first tensor: 1 of a scalar.
func (f *frame) Rows() (int, error) {
	if f.tensors[0].Rank() == 0 {
		return 1, nil
	}
	return int(f.tensors[0].Shape[0]), nil
}

// Puid identifies the request.
func (f *frame) Puid() string { return f.message.Puid() }

// values are what a formula makes of all rows: FP32 or FP64, INT64, BOOL or BYTES.
func (c *bound) values(e *rule.Formula) (tensor.Tensor, error) {
	f := c.frame
	if err := f.take(formulaBytes * int64(c.count)); err != nil {
		return tensor.Tensor{}, err
	}
	var raw []byte
	var elems [][]byte
	run := e.Begin(f)
	for k := range c.count {
		if k%checkEvery == 0 && f.ctx.Err() != nil {
			return tensor.Tensor{}, f.ctx.Err()
		}
		for i, cell := range c.cells {
			run.Set(i, cell(k))
		}
		value, err := run.Value()
		if err != nil {
			return tensor.Tensor{}, fmt.Errorf("value %d: %w", k, err)
		}
		switch v := value.(type) {
		case float64:
			if c.narrow {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)))
			} else {
				raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
			}
		case int:
			raw = binary.LittleEndian.AppendUint64(raw, uint64(v)) //nolint:gosec // as it is
		case bool:
			raw = append(raw, 0)
			if v {
				raw[len(raw)-1] = 1
			}
		case string:
			if err := f.take(2 * int64(len(v))); err != nil {
				return tensor.Tensor{}, err
			}
			elems = append(elems, []byte(v))
		}
	}
	if e.Kind == rule.Words {
		return tensor.NewBytes(c.shape, elems)
	}
	return tensor.New(c.dtype(e.Kind), c.shape, raw)
}

func (c *bound) dtype(kind rule.Kind) tensor.DType {
	switch {
	case kind == rule.Whole:
		return tensor.Int64
	case kind == rule.Truth:
		return tensor.Bool
	case c.narrow:
		return tensor.FP32
	}
	return tensor.FP64
}

// put is the frame with a column of this name.
func (f *frame) put(name string, column tensor.Tensor) error {
	n, err := f.columns()
	if err != nil {
		return err
	}
	at := n
	if is, err := f.place(name); err == nil {
		at, name = is, f.name(is)
	}
	return f.insert(at, column, []string{name})
}

// insert puts columns with these names in the place of the one at a number, or behind
// all. Made is a table of them, or one column where each is a tensor.
func (f *frame) insert(at int, made tensor.Tensor, names []string) error {
	n, err := f.columns()
	if err != nil {
		return err
	}
	end := min(at+1, n)
	alone := f.one() && n == 1 && at == 0
	if f.one() && !alone && (made.DType == tensor.Bytes) != (f.tensors[0].DType == tensor.Bytes) {
		if err := f.flat(); err != nil {
			return err
		}
	}
	if f.one() {
		return f.insertInto(at, end, made, names)
	}
	columns := []tensor.Tensor{made}
	if len(names) > 1 {
		if columns, err = made.Columns(); err != nil {
			return err
		}
	}
	shape := columns[0].Shape
	if at < len(f.tensors) && f.tensors[at].Len() == columns[0].Len() {
		shape = f.tensors[at].Shape
	} else if first := &f.tensors[0]; first.Rank() == 1 && first.Len() == columns[0].Len() {
		shape = first.Shape
	}
	for k := range columns {
		if columns[k], err = columns[k].Reshape(shape); err != nil {
			return err
		}
		columns[k].Name = names[k] //nolint:gosec // There are as many names as columns.
	}
	f.tensors = slices.Replace(slices.Clone(f.tensors), at, end, columns...)
	return nil
}

// insertInto puts columns into the one table.
func (f *frame) insertInto(at, end int, made tensor.Tensor, names []string) error {
	table, n := f.tensors[0], int(f.tensors[0].Shape[1])
	if err := f.take(oneHotBytes * int64(table.Len())); err != nil {
		return err
	}
	if made.DType == tensor.Bool {
		typed, err := table.Typed()
		if err == nil {
			made, err = made.As(typed.DType)
		}
		if err != nil {
			return err
		}
	}
	parts := []tensor.Tensor{made}
	if at > 0 {
		before, err := table.PickColumns(upTo(0, at))
		if err != nil {
			return err
		}
		parts = []tensor.Tensor{before, made}
	}
	if end < n {
		after, err := table.PickColumns(upTo(end, n))
		if err != nil {
			return err
		}
		parts = append(parts, after)
	}
	t, err := tensor.Beside(parts, false)
	if err != nil {
		return err
	}
	if len(f.names) > 0 || at == n {
		all := make([]string, n, n+len(names))
		for i := range all {
			all[i] = f.name(i)
		}
		f.names = slices.Replace(all, at, end, names...)
	}
	t.Name = table.Name
	f.tensors[0] = t
	return nil
}

// upTo is the numbers from one up to another.
func upTo(from, to int) []int {
	all := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

// columnBytes is what a column takes that is a tensor of its own.
const columnBytes = 512

// flat makes each column of a table a tensor of one dimension.
func (f *frame) flat() error {
	n, err := f.columns()
	if err != nil {
		return err
	}
	if err := f.take(columnBytes * int64(n)); err != nil {
		return err
	}
	columns, err := f.tensors[0].Columns()
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for i := range columns {
		name := f.name(i)
		if names[name] {
			return fmt.Errorf("two columns have the name %q", name)
		}
		names[name] = true
		if columns[i], err = columns[i].Reshape(columns[i].Shape[:1]); err != nil {
			return err
		}
		columns[i].Name = name
	}
	f.tensors, f.names = columns, nil
	return nil
}
