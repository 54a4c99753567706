package translate

import (
	"slices"
	"strconv"

	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// A table is what people have: rows of numbers, text and booleans side by
// side, some of them missing. No tensor holds it, but its columns are tensors:
// each of one kind, of shape [rows], named or not.

// readTable reads jsonData that is a table, in the ways that pandas writes one:
// rows as objects ("records"), {"columns": [...], "data": [[...]]} ("split"), and
// columns of cells by the name of their row. ok is false for any other value.
func readTable(value []byte) (columns []tensor.Tensor, ok bool, err error) {
	switch jsontext.TypeOf(value) {
	case jsontext.Array:
		if value[jsontext.Space(value, 1)] == '{' {
			columns, err = readRecords(value)
			return columns, true, err
		}
	case jsontext.Object:
		fields, err := jsontext.ParseObject(value)
		if err != nil || len(fields) == 0 {
			return nil, false, nil
		}
		// So the scoring servers of MLflow are asked.
		for _, wrapper := range []string{"dataframe_split", "dataframe_records"} {
			if inner := fields.Value(wrapper); inner != nil {
				return readTable(inner)
			}
		}
		if names, data := fields.Value("columns"), fields.Value("data"); jsontext.TypeOf(names) == jsontext.Array && jsontext.TypeOf(data) == jsontext.Array {
			columns, err = readSplit(names, data)
			return columns, true, err
		}
		if numberedRows(fields[0].Value) {
			columns, err = readCells(fields)
			return columns, true, err
		}
	}
	return nil, false, nil
}

// readRecords reads rows that are objects. A row that lacks a name has nothing
// there, as pandas reads it.
func readRecords(value []byte) ([]tensor.Tensor, error) {
	rows, err := jsontext.ParseArray(value)
	if err != nil {
		return nil, refuse("", "jsonData: %s", reason(err))
	}
	var names []string
	cells := map[string][][]byte{}
	for i, row := range rows {
		if jsontext.TypeOf(row) != jsontext.Object {
			return nil, refuse("", "jsonData: row %d is not an object as the first one is", i)
		}
		fields, err := jsontext.ParseObject(row)
		if err != nil {
			return nil, refuse("", "jsonData: row %d: %s", i, reason(err))
		}
		for _, f := range fields {
			column, known := cells[f.Key]
			if !known {
				names = append(names, f.Key)
			}
			if len(column) > i {
				return nil, refuse(f.Key, "row %d has the name twice", i)
			}
			cells[f.Key] = append(padded(column, i), f.Value)
		}
	}
	if len(names) == 0 {
		return nil, refuse("", "the table has no columns")
	}
	columns := make([]tensor.Tensor, len(names))
	for k, name := range names {
		if columns[k], err = readColumn(name, padded(cells[name], len(rows))); err != nil {
			return nil, err
		}
	}
	return columns, nil
}

func padded(column [][]byte, rows int) [][]byte {
	for len(column) < rows {
		column = append(column, []byte("null"))
	}
	return column
}

func readSplit(names, data []byte) ([]tensor.Tensor, error) {
	elements, err := jsontext.ParseArray(names)
	if err != nil {
		return nil, refuse("", "jsonData: columns: %s", reason(err))
	}
	all := make([]string, len(elements))
	for i, e := range elements {
		text, err := jsontext.Unquote(e)
		if err != nil {
			return nil, refuse("", "jsonData: columns: %s is no name", e)
		}
		all[i] = string(text)
	}
	columns, err := readRows(data)
	if err != nil {
		return nil, refuse("", "jsonData: data: %s", reason(err))
	}
	return columns, nameColumns(columns, all)
}

// numberedRows tells a column of cells by the number of their row, as pandas
// writes one.
func numberedRows(value []byte) bool {
	if jsontext.TypeOf(value) != jsontext.Object {
		return false
	}
	cells, err := jsontext.ParseObject(value)
	if err != nil || len(cells) == 0 {
		return false
	}
	for i, c := range cells {
		if c.Key != strconv.Itoa(i) {
			return false
		}
	}
	return true
}

// readCells reads columns whose cells have the names of their rows:
// {"age": {"0": 41, "1": 29}, ...}.
func readCells(fields jsontext.Fields) ([]tensor.Tensor, error) {
	columns := make([]tensor.Tensor, len(fields))
	var rows []string
	for k, f := range fields {
		cells, err := jsontext.ParseObject(f.Value)
		if err != nil {
			return nil, refuse(f.Key, "the column is not an object as the first one is")
		}
		values := make([][]byte, len(cells))
		for i, c := range cells {
			if k == 0 {
				rows = append(rows, c.Key)
			}
			if i >= len(rows) || c.Key != rows[i] {
				return nil, refuse(f.Key, "its rows are not those of the first column")
			}
			values[i] = c.Value
		}
		if len(values) != len(rows) {
			return nil, refuse(f.Key, "its rows are not those of the first column")
		}
		if columns[k], err = readColumn(f.Key, values); err != nil {
			return nil, err
		}
	}
	return columns, nil
}

// readNamedColumns reads an object of lists of cells.
func readNamedColumns(value []byte) ([]tensor.Tensor, error) {
	fields, err := jsontext.ParseObject(value)
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 {
		return nil, refuse("", "the table has no columns")
	}
	columns := make([]tensor.Tensor, len(fields))
	for k, f := range fields {
		cells, err := jsontext.ParseArray(f.Value)
		if err != nil {
			return nil, blame(f.Key, err)
		}
		if columns[k], err = readColumn(f.Key, cells); err != nil {
			return nil, err
		}
		if columns[k].Shape[0] != columns[0].Shape[0] {
			return nil, refuse(f.Key, "the column has %d rows, %q has %d", columns[k].Shape[0], columns[0].Name, columns[0].Shape[0])
		}
	}
	return columns, nil
}

// readRows reads a list of rows that are lists.
func readRows(value []byte) ([]tensor.Tensor, error) {
	rows, err := jsontext.ParseArray(value)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, refuse("", "the table has no rows")
	}
	var cells [][][]byte
	for i, row := range rows {
		if jsontext.TypeOf(row) != jsontext.Array {
			return nil, refuse("", "row %d is not a list", i)
		}
		values, err := jsontext.ParseArray(row)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			if cells = make([][][]byte, len(values)); len(cells) == 0 {
				return nil, refuse("", "the table has no columns")
			}
		}
		if len(values) != len(cells) {
			return nil, refuse("", "row %d has %d cells, the first row %d", i, len(values), len(cells))
		}
		for k, v := range values {
			cells[k] = append(cells[k], v)
		}
	}
	columns := make([]tensor.Tensor, len(cells))
	for k := range cells {
		if columns[k], err = readColumn("", cells[k]); err != nil {
			return nil, refuse("", "column %d: %s", k, reason(err))
		}
	}
	return columns, nil
}

// readColumn reads cells of one kind: numbers, of which null is NaN; true and
// false; or strings, of which null is none.
func readColumn(name string, cells [][]byte) (tensor.Tensor, error) {
	t, err := columnOf(cells)
	if err != nil {
		return t, blame(name, err)
	}
	t.Name = name
	return t, nil
}

func columnOf(cells [][]byte) (tensor.Tensor, error) {
	if slices.ContainsFunc(cells, isText) {
		elems := make([][]byte, len(cells))
		for i, cell := range cells {
			switch jsontext.TypeOf(cell) {
			case jsontext.String:
				text, err := jsontext.Unquote(cell)
				if err != nil {
					return tensor.Tensor{}, err
				}
				elems[i] = text
			case jsontext.Null:
			default:
				return tensor.Tensor{}, refuse("", "row %d: %s stands among strings", i, cell)
			}
		}
		return tensor.NewColumn(elems), nil
	}
	truths := slices.ContainsFunc(cells, func(c []byte) bool { return jsontext.TypeOf(c) == jsontext.Bool })
	list := []byte{'['}
	for i, cell := range cells {
		if i > 0 {
			list = append(list, ',')
		}
		switch jsontext.TypeOf(cell) {
		case jsontext.Array, jsontext.Object:
			return tensor.Tensor{}, refuse("", "row %d: a cell is a number, a string, true, false or null", i)
		case jsontext.Null:
			if truths {
				return tensor.Tensor{}, refuse("", "row %d: null stands among true and false", i)
			}
		}
		list = append(list, cell...)
	}
	return tensor.Parse(append(list, ']'), tensor.Dialect{Null: true, Words: true})
}

// isText tells a string from the words that stand for numbers.
func isText(cell []byte) bool {
	if jsontext.TypeOf(cell) != jsontext.String {
		return false
	}
	switch string(cell) {
	case `"NaN"`, `"Infinity"`, `"-Infinity"`:
		return false
	}
	return true
}

// nameColumns gives columns the names of a table.
func nameColumns(columns []tensor.Tensor, names []string) error {
	if len(names) == 0 {
		return nil
	}
	if len(names) != len(columns) {
		return refuse("", "data has %d names for %d columns", len(names), len(columns))
	}
	seen := map[string]bool{}
	for k, name := range names {
		if seen[name] {
			return refuse(name, "two columns have the name")
		}
		seen[name] = true
		columns[k].Name = name
	}
	return nil
}

// readArrayOrTable reads a list as an array, or else as rows of a table.
func (m *content) readArrayOrTable(value []byte, read *ahead) error {
	t, err := read.parse(value)
	if err == nil {
		m.tensors = []tensor.Tensor{t}
		return nil
	}
	if jsontext.TypeOf(value) != jsontext.Array || value[jsontext.Space(value, 1)] != '[' {
		return err
	}
	columns, notTable := readRows(value)
	if notTable != nil {
		return err
	}
	if err := nameColumns(columns, m.names); err != nil {
		return err
	}
	m.tensors, m.table, m.notArray = columns, true, err
	return nil
}

// noTable refuses a table where only an array can go.
func (m *content) noTable() error {
	if !m.table {
		return nil
	}
	if m.notArray != nil {
		return refuse("", "data: %s", reason(m.notArray))
	}
	return refuse("", "the data is a table of %d columns, for which there is no place", len(m.tensors))
}

// columnShape gives each column the shape that a server wants: [rows] or
// [rows, 1].
func columnShape(columns []tensor.Tensor, shape ...int64) error {
	for k := range columns {
		c := &columns[k]
		t, err := c.Reshape(append([]int64{int64(c.Len())}, shape...))
		if err != nil {
			return blame(c.Name, err)
		}
		if rows := columns[0].Len(); c.Len() != rows {
			return refuse(c.Name, "the column has %d rows, %q has %d", c.Len(), columns[0].Name, rows)
		}
		columns[k] = t
	}
	return nil
}

// columnsAsOutputs makes the columns of an answer outputs by name.
func (m *content) columnsAsOutputs() error {
	if !m.table {
		return nil
	}
	if len(columnList(m.tensors)) == 0 {
		return m.noTable()
	}
	return columnShape(m.tensors, 1)
}

// appendRows appends columns of shape [rows] as a list of rows.
func appendRows(dst []byte, columns []tensor.Tensor, style tensor.Style) ([]byte, error) {
	cells := make([][]tensor.Tensor, len(columns))
	for k := range columns {
		var err error
		if cells[k], err = columns[k].Rows(); err != nil {
			return nil, blame(columns[k].Name, err)
		}
	}
	dst = append(dst, '[')
	for r := range cells[0] {
		if r > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '[')
		for k := range cells {
			if k > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = cells[k][r].AppendNested(dst, style); err != nil {
				return nil, blame(columns[k].Name, err)
			}
		}
		dst = append(dst, ']')
	}
	return append(dst, ']'), nil
}

// mixed reports whether not all columns are numbers. Python makes text of all
// that stands beside text in a table with NaN, and leaves it as it is beside
// null.
func mixed(columns []tensor.Tensor) bool {
	return slices.ContainsFunc(columns, func(c tensor.Tensor) bool { return c.DType == tensor.Bytes || c.DType == tensor.Bool })
}

// columnList are the names of columns, which may have none.
func columnList(columns []tensor.Tensor) []string {
	names := make([]string, 0, len(columns))
	for _, c := range columns {
		if c.Name == "" {
			return []string{}
		}
		names = append(names, c.Name)
	}
	return names
}

// numbered names columns by their place, as pandas does.
func numbered(columns []tensor.Tensor) {
	for k := range columns {
		columns[k].Name = strconv.Itoa(k)
	}
}

// readTextOrNull reads strings of which some may be missing; otherwise the
// error stays.
func readTextOrNull(data []byte, shape []int64, otherwise error) (tensor.Tensor, error) {
	cells, err := jsontext.ParseArray(data)
	if err != nil {
		return tensor.Tensor{}, otherwise
	}
	t, err := columnOf(cells)
	if err != nil || t.DType != tensor.Bytes {
		return tensor.Tensor{}, otherwise
	}
	return t.Reshape(shape)
}

// readJSONColumn reads cells each of which is the text of a JSON value.
func readJSONColumn(data []byte, shape []int64) (tensor.Tensor, error) {
	texts, err := jsontext.ParseArray(data)
	if err != nil {
		return tensor.Tensor{}, err
	}
	cells := make([][]byte, len(texts))
	for i, text := range texts {
		inner, err := jsontext.Unquote(text)
		if err == nil {
			cells[i], err = jsontext.Value(inner)
		}
		if err != nil {
			return tensor.Tensor{}, refuse("", "element %d is no JSON: %v", i, err)
		}
	}
	t, err := columnOf(cells)
	if err != nil {
		return t, err
	}
	return t.Reshape(shape)
}
