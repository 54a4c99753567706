package translate

import (
	"encoding/json"
	"strconv"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// v2Dialect: servers that keep to strict JSON write NaN as null.
func v2Dialect() tensor.Dialect { return tensor.Dialect{Null: true} }

func v2Style() tensor.Style {
	return tensor.Style{NaN: "null", Infinity: "Infinity", Missing: "null"}
}

// mlserverStyle: its parser takes strict JSON alone, and NumPy reads the word
// in a string among numbers.
func mlserverStyle() tensor.Style {
	return tensor.Style{NaN: "null", Infinity: `"Infinity"`, Missing: "null"}
}

func decodeV2JSONRequest(p message.Message) (*content, error) {
	fields, tail, err := splitV2(p)
	if err != nil {
		return nil, err
	}
	m := &content{}
	if m.id, err = fields.Text("id"); err != nil {
		return nil, blame("", err)
	}
	parameters, err := readV2Parameters(fields.Value("parameters"))
	if err != nil {
		return nil, err
	}
	if parameters.BinaryDataOutput {
		m.layout = apart
	}
	m.asFrame(parameters.ContentType)
	if m.outputs, err = readV2Wanted(fields.Value("outputs"), m.layout); err != nil {
		return nil, err
	}
	m.tensors, err = readV2Tensors(fields.Value("inputs"), "inputs", tail)
	return m, err
}

// asFrame takes the word of MLServer and its clients for what the tensors are.
func (m *content) asFrame(contentType string) {
	m.contentType, m.table = contentType, contentType == frameContent
}

func decodeV2JSONResponse(p message.Message) (*content, error) {
	fields, tail, err := splitV2(p)
	if err != nil {
		return nil, err
	}
	if text, err := fields.Text("error"); err == nil && text != "" {
		return nil, refuse("", "the model server reports: %s", text)
	}
	m := &content{}
	if m.model, err = fields.Text("model_name"); err != nil {
		return nil, blame("", err)
	}
	if m.version, err = fields.Text("model_version"); err != nil {
		return nil, blame("", err)
	}
	if len(tail) > 0 {
		m.layout = apart
	}
	parameters, err := readV2Parameters(fields.Value("parameters"))
	if err != nil {
		return nil, err
	}
	m.contentType = parameters.ContentType
	m.tensors, err = readV2Tensors(fields.Value("outputs"), "outputs", tail)
	return m, err
}

// splitV2 parts the JSON from the elements behind it.
func splitV2(p message.Message) (fields jsontext.Fields, tail []byte, err error) {
	text := p.Body
	switch n := p.JSONLength; {
	case n < 0 || n > len(text):
		return nil, nil, refuse("", "the JSON is said to have %d bytes, the body has %d", n, len(text))
	case n > 0:
		text, tail = text[:n], text[n:]
	}
	if fields, err = jsontext.ParseObject(text); err != nil {
		return nil, nil, refuse("", "not an inference message: %s", reason(err))
	}
	return fields, tail, nil
}

type v2Parameters struct {
	BinaryDataSize   *int   `json:"binary_data_size"`
	BinaryDataOutput bool   `json:"binary_data_output"`
	ContentType      string `json:"content_type"`
}

func readV2Parameters(value []byte) (p v2Parameters, err error) {
	if value == nil {
		return p, nil
	}
	if err := json.Unmarshal(value, &p); err != nil {
		return p, refuse("", "parameters: %s", reason(err))
	}
	return p, nil
}

func readV2Wanted(value []byte, as layout) ([]wantedOutput, error) {
	if value == nil {
		return nil, nil
	}
	elements, err := jsontext.ParseArray(value)
	if err != nil {
		return nil, refuse("", "outputs: %s", reason(err))
	}
	wanted := make([]wantedOutput, 0, len(elements))
	for _, e := range elements {
		output := struct {
			Name       string
			Parameters struct {
				BinaryData *bool `json:"binary_data"`
			}
		}{}
		if err := json.Unmarshal(e, &output); err != nil {
			return nil, refuse("", "outputs: %s", reason(err))
		}
		w := wantedOutput{name: output.Name, binary: as == apart}
		if output.Parameters.BinaryData != nil {
			w.binary = *output.Parameters.BinaryData
		}
		wanted = append(wanted, w)
	}
	return wanted, nil
}

func readV2Tensors(value []byte, key string, tail []byte) ([]tensor.Tensor, error) {
	if value == nil {
		return nil, refuse("", "the message has no %s", key)
	}
	elements, err := jsontext.ParseArray(value)
	if err != nil {
		return nil, refuse("", "%s: %s", key, reason(err))
	}
	if len(elements) == 0 {
		return nil, refuse("", "%s is empty", key)
	}
	tensors := make([]tensor.Tensor, len(elements))
	for i, e := range elements {
		if tensors[i], tail, err = readV2Tensor(e, tail); err != nil {
			return nil, err
		}
	}
	if len(tail) > 0 {
		return nil, refuse("", "%d bytes are left behind the last tensor", len(tail))
	}
	return tensors, nil
}

// readV2Tensor reads one tensor and returns what is left of the binary part.
func readV2Tensor(value, tail []byte) (tensor.Tensor, []byte, error) {
	var none tensor.Tensor
	fields, err := jsontext.ParseObject(value)
	if err != nil {
		return none, nil, refuse("", "a tensor: %s", reason(err))
	}
	name, err := fields.Text("name")
	if err != nil {
		return none, nil, refuse("", "a tensor: %s", reason(err))
	}
	datatype, err := fields.Text("datatype")
	if err != nil {
		return none, nil, blame(name, err)
	}
	dtype, ok := tensor.ParseDType(datatype)
	if !ok {
		return none, nil, refuse(name, "unknown datatype %q", datatype)
	}
	shape, err := parseShape(fields.Value("shape"))
	if err != nil {
		return none, nil, blame(name, err)
	}
	parameters, err := readV2Parameters(fields.Value("parameters"))
	if err != nil {
		return none, nil, blame(name, err)
	}
	var t tensor.Tensor
	data := fields.Value("data")
	switch size := parameters.BinaryDataSize; {
	case size != nil && data != nil:
		return none, nil, refuse(name, "it has both data and binary_data_size")
	case size != nil && (*size < 0 || *size > len(tail)):
		return none, nil, refuse(name, "binary_data_size is %d, %d bytes are left", *size, len(tail))
	case size != nil:
		t, err = tensor.FromRaw(dtype, shape, tail[:*size:*size])
		tail = tail[*size:]
	case data == nil:
		return none, nil, refuse(name, "it has no data")
	case dtype == tensor.Bytes && parameters.ContentType == jsonContent:
		t, err = readJSONColumn(data, shape)
	default:
		t, err = readV2Data(data, dtype, shape)
	}
	if err != nil {
		return none, nil, blame(name, err)
	}
	t.Name = name
	return t, tail, nil
}

// readV2Data reads the elements of a tensor.
func readV2Data(data []byte, dtype tensor.DType, shape []int64) (tensor.Tensor, error) {
	dialect := v2Dialect()
	dialect.Words = dtype.IsFloat()
	t, err := tensor.ParseFlat(data, shape, dialect)
	if err == nil {
		t, err = t.As(dtype)
	}
	if err != nil && dtype == tensor.Bytes {
		return readTextOrNull(data, shape, err)
	}
	return t, err
}

// encodeV2JSONRequest puts after the JSON what JSON has no place for: byte
// strings that are not UTF-8 and, where the server says that it takes binary
// data, floats of 16 bits, NaN and the infinities. It then wants the answer so.
// A server that is not known to read a word for them gets none.
func encodeV2JSONRequest(m *content) (message.Message, error) {
	w := v2Writer{body: append(m.room, '{'), style: v2Style(), types: m.contentTypes}
	binary := notText
	switch {
	case m.mlserver:
		w.style = mlserverStyle()
	case m.layout != apart:
		w.style.Missing = ""
		for i := range m.tensors {
			if err := m.tensors[i].RefuseSpecial("has no spelling in JSON, and the server does not say that it takes binary data: call it over gRPC"); err != nil {
				return message.Message{}, blame(m.tensors[i].Name, err)
			}
		}
	}
	if m.layout == apart {
		w.body = append(w.body, `"parameters":{"binary_data_output":true},`...)
		binary = func(t *tensor.Tensor) bool {
			return t.DType == tensor.FP16 || t.DType == tensor.BF16 || t.HasSpecial() || notText(t)
		}
	}
	if m.id != "" {
		w.body = append(jsontext.AppendQuoted(append(w.body, `"id":`...), []byte(m.id)), ',')
	}
	if m.contentType != "" {
		w.body = jsontext.AppendQuoted(append(w.body, `"parameters":{"content_type":`...), []byte(m.contentType))
		w.body = append(w.body, "},"...)
	}
	if err := w.tensors("inputs", unnamedInput, m.tensors, binary); err != nil {
		return message.Message{}, err
	}
	if len(m.outputs) > 0 {
		w.body = append(w.body, `,"outputs":[`...)
		for i, o := range m.outputs {
			if i > 0 {
				w.body = append(w.body, ',')
			}
			w.body = jsontext.AppendQuoted(append(w.body, `{"name":`...), []byte(o.name))
			w.body = append(w.body, '}')
		}
		w.body = append(w.body, ']')
	}
	return w.payload(), nil
}

func encodeV2JSONResponse(m, asked *content) (message.Message, error) {
	w := v2Writer{body: append(m.room, `{"model_name":`...), style: v2Style()}
	if err := m.columnsAsOutputs(); err != nil {
		return message.Message{}, err
	}
	w.body = append(jsontext.AppendQuoted(w.body, []byte(m.model)), ',')
	if m.version != "" {
		w.body = append(jsontext.AppendQuoted(append(w.body, `"model_version":`...), []byte(m.version)), ',')
	}
	if asked.id != "" {
		w.body = append(jsontext.AppendQuoted(append(w.body, `"id":`...), []byte(asked.id)), ',')
	}
	binary := func(t *tensor.Tensor) bool {
		for _, o := range asked.outputs {
			if o.name == t.Name {
				return o.binary
			}
		}
		return asked.layout == apart
	}
	if err := w.tensors("outputs", unnamedOutput, m.tensors, binary); err != nil {
		return message.Message{}, err
	}
	return w.payload(), nil
}

// v2Writer writes the JSON of a message and the elements behind it.
type v2Writer struct {
	body, tail []byte
	hasTail    bool
	style      tensor.Style
	// types are content types by tensor; empty: none.
	types []string
}

func (w *v2Writer) payload() message.Message {
	w.body = append(w.body, '}')
	if !w.hasTail {
		return jsonPayload(w.body)
	}
	n := len(w.body)
	return message.Message{Body: append(w.body, w.tail...), Type: "application/octet-stream", JSONLength: n}
}

func (w *v2Writer) tensors(key, unnamed string, tensors []tensor.Tensor, binary func(*tensor.Tensor) bool) error {
	w.body = append(append(append(w.body, '"'), key...), `":[`...)
	for i := range tensors {
		t := tensors[i]
		if i > 0 {
			w.body = append(w.body, ',')
		}
		if t.Name == "" && len(tensors) == 1 {
			t.Name = unnamed
		}
		contentType := ""
		if i < len(w.types) {
			contentType = w.types[i]
		}
		if err := w.tensor(t, binary(&t), contentType); err != nil {
			return blame(t.Name, err)
		}
	}
	w.body = append(w.body, ']')
	return nil
}

func (w *v2Writer) tensor(t tensor.Tensor, binary bool, contentType string) error {
	t, err := t.Typed()
	if err != nil {
		return err
	}
	w.body = jsontext.AppendQuoted(append(w.body, `{"name":`...), []byte(t.Name))
	w.body = appendShape(append(w.body, `,"shape":`...), t.Shape)
	w.body = append(append(append(w.body, `,"datatype":"`...), t.DType.String()...), '"')
	if binary {
		raw, err := t.Raw()
		if err != nil {
			return err
		}
		w.hasTail = true
		w.tail = append(w.tail, raw...)
		w.body = strconv.AppendInt(append(w.body, `,"parameters":{"binary_data_size":`...), int64(len(raw)), 10)
		w.body = append(w.body, "}}"...)
		return nil
	}
	if contentType != "" {
		w.body = jsontext.AppendQuoted(append(w.body, `,"parameters":{"content_type":`...), []byte(contentType))
		w.body = append(w.body, '}')
	}
	if w.body, err = t.AppendFlat(append(w.body, `,"data":[`...), w.style); err != nil {
		return err
	}
	w.body = append(w.body, "]}"...)
	return nil
}
