package translate

import (
	"cmp"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// jsonData is what a form makes of seldon's jsonData, which may be any JSON.
type jsonData struct {
	// numbers is the type of the numbers in a message of this form:
	// protobuf's are doubles, whatever their spelling.
	numbers tensor.DType
	// native tells a request in the protocol's own JSON. nil: it has none.
	native func([]byte) bool
	// pass makes the value the request as it stands, and passAnswer an answer
	// the value as it stands. Both may decline; nil: always.
	pass       func([]byte, *Options) (p message.Message, ok bool, err error)
	passAnswer func(message.Message) (value []byte, ok bool, err error)
	// read finds the tensors in a value, write makes a value of tensors.
	read  func([]byte) ([]tensor.Tensor, error)
	write func(m, asked *content) ([]byte, error)
}

// sendJSON makes jsonData the request as it stands, or finds the tensors in it.
// The answer to a request in the server's own JSON is the server's own JSON; any
// other is answered like tensors.
func (x *Exchange) sendJSON(source, target codec, sent *content) (p message.Message, ok bool, err error) {
	if target.json.native != nil && target.json.native(sent.value) {
		if listsRows(sent.value) {
			x.asked.layout = byRow
		}
	} else {
		x.asked.field = dataNone
	}
	if target.json.pass != nil {
		if p, ok, err = target.json.pass(sent.value, &x.options); ok || err != nil {
			return p, ok, err
		}
	}
	sent.field = dataNone
	if target.protocol == v2 || target.protocol == bento {
		if sent.tensors, sent.table, err = readTable(sent.value); sent.table || err != nil {
			return message.Message{}, false, cmp.Or(err, numbersAs(sent.tensors, source.json.numbers))
		}
	}
	sent.tensors, err = readJSONData(sent.value, source, target)
	return message.Message{}, false, err
}

// answerJSON answers jsonData: by the server's JSON, whatever is in it, or by
// the JSON that the server would have answered.
func (x *Exchange) answerJSON(source codec, p message.Message) (*content, error) {
	if source.json.passAnswer != nil {
		value, ok, err := source.json.passAnswer(p)
		if ok || err != nil {
			return &content{field: dataJSON, value: value}, err
		}
	}
	m, err := x.answer(source, p)
	if err != nil || m.field == dataJSON {
		return m, err
	}
	m.field = dataJSON
	m.value, err = source.json.write(m, x.asked)
	return m, err
}

// unwrap finds the tensors in the jsonData that a seldon component answered.
func (x *Exchange) unwrap(m *content, source codec) (err error) {
	if m.tensors, err = readJSONData(m.value, source, source); err != nil {
		return err
	}
	m.field = dataNone
	return x.name(m, source.protocol)
}

// readJSONData reads the tensors in the jsonData of a message of one form, as
// another form understands them.
func readJSONData(value []byte, of, as codec) ([]tensor.Tensor, error) {
	tensors, err := as.json.read(value)
	if err != nil {
		return nil, err
	}
	return tensors, numbersAs(tensors, of.json.numbers)
}

// passBody declines where elements are behind the JSON.
func passBody(p message.Message) (value []byte, ok bool, err error) {
	if p.JSONLength > 0 && p.JSONLength < len(p.Body) {
		return nil, false, nil
	}
	if value, err = jsontext.Value(p.Body); err != nil {
		return nil, false, refuse("", "the model server's answer: %s", reason(err))
	}
	return value, true, nil
}

// readTensors reads jsonData: an object of tensors by name, which is how a
// message with one place for data holds several, or one tensor.
func readTensors(value []byte, dialect tensor.Dialect) ([]tensor.Tensor, error) {
	dialect.Words = true
	if jsontext.TypeOf(value) == jsontext.Object && !isBase64(value) {
		fields, err := jsontext.ParseObject(value)
		if err != nil {
			return nil, refuse("", "jsonData: %s", reason(err))
		}
		return parseNamed(fields, dialect)
	}
	t, err := tensor.Parse(value, dialect)
	if err != nil {
		return nil, refuse("", "jsonData: %s", reason(err))
	}
	return []tensor.Tensor{t}, nil
}

func readSeldonValue(value []byte) ([]tensor.Tensor, error) {
	return readTensors(value, tensor.Dialect{})
}

func writeTensorsByName(m, _ *content) ([]byte, error) {
	return appendByName(nil, m.tensors, seldonStyle())
}

// isTensorFlowRequest tells a value that TensorFlow Serving takes as it stands.
func isTensorFlowRequest(value []byte) bool {
	fields, err := jsontext.ParseObject(value)
	return err == nil && hasRowsOrColumns(fields)
}

// listsRows tells a request whose answer lists predictions.
func listsRows(value []byte) bool {
	fields, err := jsontext.ParseObject(value)
	return err == nil && fields.Value("instances") != nil
}

// passTensorFlowJSON makes jsonData that is a request the request.
func passTensorFlowJSON(value []byte, o *Options) (message.Message, bool, error) {
	fields, err := jsontext.ParseObject(value)
	if err != nil || !hasRowsOrColumns(fields) {
		return message.Message{}, false, nil
	}
	if o.Signature == "" || fields.Value("signature_name") != nil {
		return jsonPayload(value), true, nil
	}
	body := append(jsontext.AppendQuoted([]byte(`{"signature_name":`), []byte(o.Signature)), ',')
	return jsonPayload(append(body, value[1:]...)), true, nil
}

// readTensorFlowValue reads the tensors of a jsonData value.
func readTensorFlowValue(value []byte) ([]tensor.Tensor, error) {
	if fields, err := jsontext.ParseObject(value); err == nil && hasRowsOrColumns(fields) {
		read := ahead{dialect: tensorFlowDialect()}
		tensors, _, err := read.rowsOrColumns(fields, "instances", "inputs")
		return tensors, err
	}
	if jsontext.TypeOf(value) == jsontext.Array && value[jsontext.Space(value, 1)] == '{' {
		read := ahead{dialect: tensorFlowDialect()}
		return read.parseRows(value, "jsonData")
	}
	return readTensors(value, tensorFlowDialect())
}

// writeTensorFlowValue makes tensors the value of jsonData: the answer that
// TensorFlow Serving would give in JSON.
func writeTensorFlowValue(m, asked *content) ([]byte, error) {
	body, err := appendTensorFlowAnswer([]byte{'{'}, m.tensors, asked.layout)
	return append(body, '}'), err
}

// isV2Request tells a value that a v2 server takes as it stands.
func isV2Request(value []byte) bool {
	fields, err := jsontext.ParseObject(value)
	if err != nil {
		return false
	}
	inputs := fields.Value("inputs")
	if jsontext.TypeOf(inputs) != jsontext.Array {
		return false
	}
	return inputs[jsontext.Space(inputs, 1)] == '{'
}

func passV2JSON(value []byte, _ *Options) (message.Message, bool, error) {
	return jsonPayload(value), isV2Request(value), nil
}

// readV2Value reads the tensors of a jsonData value: of a v2 request, or by
// name.
func readV2Value(value []byte) ([]tensor.Tensor, error) {
	if !isV2Request(value) {
		return readTensors(value, v2Dialect())
	}
	fields, err := jsontext.ParseObject(value)
	if err != nil {
		return nil, refuse("", "jsonData: %s", reason(err))
	}
	return readV2Tensors(fields.Value("inputs"), "inputs", nil)
}

// writeV2Value makes tensors the value of jsonData: the answer that a v2 server
// would give in JSON.
func writeV2Value(m, _ *content) ([]byte, error) {
	out, err := encodeV2JSONResponse(m, &content{})
	return out.Body, err
}
