package translate

import (
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// defaultSignature is the one that TensorFlow takes where none is named.
const defaultSignature = "serving_default"

func tensorFlowDialect() tensor.Dialect { return tensor.Dialect{Base64: true} }

func tensorFlowStyle() tensor.Style {
	return tensor.Style{NaN: "NaN", Infinity: "Infinity", Base64: tensor.Base64Binary}
}

func decodeTensorFlowJSONRequest(p message.Message) (*content, error) {
	read := ahead{dialect: tensorFlowDialect()}
	fields, err := read.rows(p.Body, "instances")
	if err != nil {
		return nil, refuse("", "not a TensorFlow request: %s", reason(err))
	}
	m := &content{}
	if m.signature, err = fields.Text("signature_name"); err != nil {
		return nil, blame("", err)
	}
	if m.tensors, m.layout, err = read.rowsOrColumns(fields, "instances", "inputs"); err != nil {
		m.notArray = err
		if m.tensors, m.table = readTensorFlowTable(fields); m.table {
			err = nil
		}
	}
	return m, err
}

// readTensorFlowTable reads a request that is no array but rows or columns of
// a table.
func readTensorFlowTable(fields jsontext.Fields) ([]tensor.Tensor, bool) {
	rows, columns := fields.Value("instances"), fields.Value("inputs")
	switch {
	case rows != nil && columns != nil:
		return nil, false
	case columns != nil:
		all, err := readNamedColumns(columns)
		return all, err == nil
	case jsontext.TypeOf(rows) != jsontext.Array:
		return nil, false
	case rows[jsontext.Space(rows, 1)] == '{':
		all, err := readRecords(rows)
		return all, err == nil
	}
	all, err := readRows(rows)
	return all, err == nil
}

func decodeTensorFlowJSONResponse(p message.Message) (*content, error) {
	read := ahead{dialect: tensorFlowDialect()}
	fields, err := read.rows(p.Body, "predictions")
	if err != nil {
		return nil, refuse("", "not a TensorFlow answer: %s", reason(err))
	}
	if text, err := fields.Text("error"); err == nil && text != "" {
		return nil, refuse("", "the model server reports: %s", text)
	}
	m := &content{}
	m.tensors, m.layout, err = read.rowsOrColumns(fields, "predictions", "outputs")
	return m, err
}

// rows parses a message whose rows are a member.
func (a *ahead) rows(text []byte, member string) (jsontext.Fields, error) {
	return jsontext.ParseTaking(text, func(key string, start int) int {
		if key != member {
			return 0
		}
		return a.read(text, start)
	})
}

// rowsOrColumns reads the two ways to write tensors: a list of rows, or
// each tensor whole.
func (a *ahead) rowsOrColumns(fields jsontext.Fields, rowKey, columnKey string) (tensors []tensor.Tensor, in layout, err error) {
	rows, columns := fields.Value(rowKey), fields.Value(columnKey)
	switch {
	case rows != nil && columns != nil:
		return nil, byTensor, refuse("", "the message has both %s and %s", rowKey, columnKey)
	case rows != nil:
		tensors, err = a.parseRows(rows, rowKey)
		return tensors, byRow, err
	case columns != nil:
		tensors, err = a.parseColumns(columns, columnKey)
		return tensors, byTensor, err
	}
	return nil, byTensor, refuse("", "the message has neither %s nor %s", rowKey, columnKey)
}

// isBase64 tells {"b64": ...} from an object of named tensors.
func isBase64(value []byte) bool {
	fields, err := jsontext.ParseObject(value)
	return err == nil && len(fields) == 1 && fields[0].Key == "b64"
}

func (a *ahead) parseColumns(value []byte, key string) ([]tensor.Tensor, error) {
	if jsontext.TypeOf(value) == jsontext.Object && !isBase64(value) {
		fields, err := jsontext.ParseObject(value)
		if err != nil {
			return nil, refuse("", "%s: %s", key, reason(err))
		}
		return parseNamed(fields, tensorFlowDialect())
	}
	t, err := a.parse(value)
	if err != nil {
		return nil, refuse("", "%s: %s", key, reason(err))
	}
	return []tensor.Tensor{t}, nil
}

func (a *ahead) parseRows(value []byte, key string) ([]tensor.Tensor, error) {
	if jsontext.TypeOf(value) != jsontext.Array {
		return nil, refuse("", "%s must be an array", key)
	}
	first := jsontext.Space(value, 1)
	if value[first] != '{' {
		return a.parseColumns(value, key)
	}
	rows, err := jsontext.ParseArray(value)
	if err != nil {
		return nil, refuse("", "%s: %s", key, reason(err))
	}
	if isBase64(rows[0]) {
		return a.parseColumns(value, key)
	}
	return stackRows(rows, key)
}

// stackRows makes tensors of rows that are objects of the same names.
func stackRows(rows [][]byte, key string) ([]tensor.Tensor, error) {
	var names []string
	columns := map[string][]tensor.Tensor{}
	for i, row := range rows {
		fields, err := jsontext.ParseObject(row)
		if err != nil {
			return nil, refuse("", "%s[%d]: %s", key, i, reason(err))
		}
		cells, err := parseNamed(fields, tensorFlowDialect())
		if err != nil {
			return nil, refuse("", "%s[%d]: %s", key, i, reason(err))
		}
		for _, c := range cells {
			if i == 0 {
				names = append(names, c.Name)
			}
			columns[c.Name] = append(columns[c.Name], c)
			if len(columns[c.Name]) != i+1 {
				return nil, refuse(c.Name, "%s: not every row has it", key)
			}
		}
		if len(cells) != len(names) {
			return nil, refuse("", "%s[%d] does not have the names of the first row", key, i)
		}
	}
	tensors := make([]tensor.Tensor, len(names))
	for i, name := range names {
		t, err := tensor.Stack(columns[name])
		if err != nil {
			return nil, refuse(name, "%s: %s", key, reason(err))
		}
		tensors[i] = t
	}
	return tensors, nil
}

// encodeTensorFlowJSONRequest lists a single tensor without a name as
// instances; inputs by name allow any shapes.
func encodeTensorFlowJSONRequest(m *content) (message.Message, error) {
	if len(m.tensors) == 0 {
		return message.Message{}, refuse("", "the message holds no tensor")
	}
	body := append(m.room, '{')
	if m.signature != "" {
		body = append(jsontext.AppendQuoted(append(body, `"signature_name":`...), []byte(m.signature)), ',')
	}
	var err error
	t := &m.tensors[0]
	switch {
	case len(m.tensors) > 1 || t.Name != "":
		body, err = appendByName(append(body, `"inputs":`...), m.tensors, tensorFlowStyle())
	case t.Rank() == 0:
		body, err = t.AppendNested(append(body, `"inputs":`...), tensorFlowStyle())
	default:
		body, err = t.AppendNested(append(body, `"instances":`...), tensorFlowStyle())
	}
	if err != nil {
		return message.Message{}, inField("inputs", err)
	}
	return jsonPayload(append(body, '}')), nil
}

// encodeTensorFlowJSONResponse answers instances with predictions, inputs with
// outputs.
func encodeTensorFlowJSONResponse(m, asked *content) (message.Message, error) {
	body, err := appendTensorFlowAnswer(append(m.room, '{'), m.tensors, asked.layout)
	if err != nil {
		return message.Message{}, err
	}
	return jsonPayload(append(body, '}')), nil
}

func appendTensorFlowAnswer(dst []byte, tensors []tensor.Tensor, as layout) ([]byte, error) {
	if len(tensors) == 0 {
		return nil, refuse("", "the answer holds no tensor")
	}
	if as == byRow {
		return appendPredictions(append(dst, `"predictions":`...), tensors)
	}
	dst = append(dst, `"outputs":`...)
	if len(tensors) > 1 {
		return appendByName(dst, tensors, tensorFlowStyle())
	}
	dst, err := tensors[0].AppendNested(dst, outputStyle(&tensors[0]))
	if err != nil {
		return nil, blame(tensors[0].Name, err)
	}
	return dst, nil
}

// outputStyle writes outputs whose name says that they are bytes as base64:
// TensorFlow Serving's rule.
func outputStyle(t *tensor.Tensor) tensor.Style {
	style := tensorFlowStyle()
	if n := len(t.Name); n > 6 && t.Name[n-6:] == "_bytes" {
		style.Base64 = tensor.Base64All
	}
	return style
}

// appendPredictions appends a list of rows: bare values for one tensor,
// objects by name for several.
func appendPredictions(dst []byte, tensors []tensor.Tensor) ([]byte, error) {
	columns := make([][]tensor.Tensor, len(tensors))
	for i := range tensors {
		t := &tensors[i]
		if t.Rank() == 0 || t.Shape[0] != tensors[0].Shape[0] {
			return nil, refuse(t.Name, "the shape %v does not divide into predictions; ask with inputs instead of instances", t.Shape)
		}
		if len(tensors) == 1 {
			dst, err := t.AppendNested(dst, outputStyle(t))
			if err != nil {
				return nil, blame(t.Name, err)
			}
			return dst, nil
		}
		var err error
		if columns[i], err = t.Rows(); err != nil {
			return nil, blame(t.Name, err)
		}
	}
	dst = append(dst, '[')
	for r := range columns[0] {
		if r > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		for i := range tensors {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(jsontext.AppendQuoted(dst, []byte(tensors[i].Name)), ':')
			var err error
			if dst, err = columns[i][r].AppendNested(dst, outputStyle(&tensors[i])); err != nil {
				return nil, blame(tensors[i].Name, err)
			}
		}
		dst = append(dst, '}')
	}
	return append(dst, ']'), nil
}

func hasRowsOrColumns(fields jsontext.Fields) bool {
	return fields.Value("instances") != nil || fields.Value("inputs") != nil
}
