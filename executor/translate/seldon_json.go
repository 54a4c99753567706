package translate

import (
	"encoding/json"
	"errors"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// protobuf's JSON spells what is not finite as strings.
func seldonStyle() tensor.Style {
	return tensor.Style{NaN: `"NaN"`, Infinity: `"Infinity"`, Missing: "null"}
}

// Seldon's Python wrapper reads strings among numbers as strings, bare words
// as numbers.
func seldonServerStyle() tensor.Style {
	return tensor.Style{NaN: "NaN", Infinity: "Infinity", Missing: "null"}
}

func decodeSeldonJSON(p message.Message) (*content, error) {
	read := seldonAhead{ahead: ahead{dialect: tensor.Dialect{Words: true}}}
	fields, err := read.read(p.Body)
	if err != nil {
		return nil, refuse("", "not a seldon message: %s", reason(err))
	}
	if err := seldonFailure(fields.Value("status")); err != nil {
		return nil, err
	}
	m := &content{}
	if err := m.readSeldonMeta(fields.Value("meta")); err != nil {
		return nil, err
	}
	found := ""
	for _, key := range []string{"data", "strData", "binData", "jsonData", "customData"} {
		if fields.Value(key) == nil {
			continue
		}
		if found != "" {
			return nil, refuse("", "the message has both %s and %s", found, key)
		}
		found = key
	}
	switch value := fields.Value(found); found {
	case "data":
		err = m.readSeldonData(value, &read)
	case "strData":
		m.field = dataString
		var text []byte
		if text, err = jsontext.Unquote(value); err == nil {
			m.tensors = oneString(text)
		}
	case "binData":
		m.field = dataBinary
		var bin []byte
		if bin, err = tensor.DecodeBase64(value); err == nil {
			m.tensors = oneString(bin)
		}
	case "jsonData":
		m.field, m.value = dataJSON, value
	case "customData":
		err = refuse("", "customData is known to the component alone")
	default:
		err = refuse("", "the message holds no data")
	}
	if err != nil {
		return nil, inField(found, err)
	}
	return m, nil
}

// inField says in which field of a message something is wrong.
func inField(field string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return refuse("", "%s: %v", field, err)
}

func oneString(s []byte) []tensor.Tensor {
	t, _ := tensor.NewBytes([]int64{1}, [][]byte{s})
	return []tensor.Tensor{t}
}

// seldonFailure is the error of a status that reports one. The executor and
// the Python wrapper spell the flag differently.
func seldonFailure(status []byte) error {
	if status == nil {
		return nil
	}
	var s struct {
		Info, Reason string
		Status       json.RawMessage
	}
	if err := json.Unmarshal(status, &s); err != nil {
		return refuse("", "status: %s", reason(err))
	}
	if flag := string(s.Status); flag != `"FAILURE"` && flag != "1" {
		return nil
	}
	return refuse("", "the message reports a failure: %s", s.Info+s.Reason)
}

func (m *content) readSeldonMeta(value []byte) error {
	if value == nil {
		return nil
	}
	fields, err := jsontext.ParseObject(value)
	if err != nil {
		return refuse("", "meta: %s", reason(err))
	}
	if m.id, err = fields.Text("puid"); err != nil {
		return refuse("", "meta: %s", reason(err))
	}
	for _, key := range []string{"metrics", "puid", "requestPath", "tags"} {
		if v := fields.Value(key); v != nil {
			if m.meta.json != nil {
				m.meta.json = append(m.meta.json, ',')
			}
			m.meta.json = append(jsontext.AppendQuoted(m.meta.json, []byte(key)), ':')
			m.meta.json = append(m.meta.json, v...)
		}
	}
	return nil
}

func (m *content) readSeldonData(value []byte, read *seldonAhead) error {
	fields, err := read.members(value)
	if err != nil {
		return err
	}
	if names := fields.Value("names"); names != nil {
		if err := json.Unmarshal(names, &m.names); err != nil {
			return refuse("", "data.names must be a list of strings")
		}
	}
	var t tensor.Tensor
	ndarray, dense, tf := fields.Value("ndarray"), fields.Value("tensor"), fields.Value("tftensor")
	switch {
	case ndarray != nil && dense == nil && tf == nil:
		m.field = dataNDArray
		if jsontext.TypeOf(ndarray) != jsontext.Array {
			return refuse("", "data.ndarray must be an array")
		}
		if err := m.readArrayOrTable(ndarray, &read.ahead); err != nil {
			return refuse("", "data: %s", reason(err))
		}
		return nil
	case dense != nil && ndarray == nil && tf == nil:
		m.field = dataTensor
		t, err = parseSeldonTensor(dense)
	case tf != nil && ndarray == nil && dense == nil:
		m.field = dataTFTensor
		var proto tensorflow.TensorProto
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(tf, &proto); err != nil {
			return refuse("", "data.tftensor: %s", reason(err))
		}
		t, err = fromTensorProto(&proto)
	default:
		return refuse("", "data must hold one of ndarray, tensor and tftensor")
	}
	if err != nil {
		return refuse("", "data: %s", reason(err))
	}
	m.tensors = []tensor.Tensor{t}
	return nil
}

func parseSeldonTensor(value []byte) (tensor.Tensor, error) {
	fields, err := jsontext.ParseObject(value)
	if err != nil {
		return tensor.Tensor{}, err
	}
	values, shapeText := fields.Value("values"), fields.Value("shape")
	if values == nil {
		values = []byte("[]")
	}
	if shapeText == nil {
		return tensor.Parse(values, tensor.Dialect{Words: true})
	}
	shape, err := parseShape(shapeText)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return tensor.ParseFlat(values, shape, tensor.Dialect{Words: true})
}

// parseShape reads a list of integers, which protobuf's JSON allows to be
// strings.
func parseShape(text []byte) ([]int64, error) {
	elements, err := jsontext.ParseArray(text)
	if err != nil {
		return nil, refuse("", "shape: %s", reason(err))
	}
	shape := make([]int64, len(elements))
	for i, e := range elements {
		if len(e) > 2 && e[0] == '"' {
			e = e[1 : len(e)-1]
		}
		if shape[i], err = strconv.ParseInt(string(e), 10, 64); err != nil || shape[i] < 0 {
			return nil, refuse("", "shape: %s is no dimension", e)
		}
	}
	return shape, nil
}

func appendShape(dst []byte, shape []int64) []byte {
	dst = append(dst, '[')
	for i, d := range shape {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, d, 10)
	}
	return append(dst, ']')
}

func encodeSeldonJSONRequest(m *content) (message.Message, error) {
	if len(m.tensors) == 0 {
		return message.Message{}, refuse("", "the message holds no tensor")
	}
	k, err := dataJSON, error(nil)
	switch {
	case m.table:
		k = dataNDArray
	case len(m.tensors) == 1:
		if k, err = sentField(&m.tensors[0]); err != nil {
			return message.Message{}, err
		}
	}
	w := seldonWriter{field: k, style: seldonServerStyle(), names: []string{}}
	if m.table {
		w.names = columnList(m.tensors)
		if mixed(m.tensors) {
			w.style.NaN = "null"
		}
	}
	if m.id != "" {
		w.meta = append([]byte(`"puid":`), jsontext.AppendQuoted(nil, []byte(m.id))...)
	}
	return w.write(m)
}

func encodeSeldonJSONResponse(m, asked *content) (message.Message, error) {
	w := seldonWriter{field: dataJSON, style: seldonStyle(), meta: asked.meta.json}
	switch {
	case m.field == dataJSON:
	case m.table:
		w.field, w.names = dataNDArray, columnList(m.tensors)
	case len(m.tensors) == 1:
		var err error
		if w.field, err = answerField(asked.field, &m.tensors[0]); err != nil {
			return message.Message{}, err
		}
		w.names = answerNames(m)
	}
	return w.write(m)
}

// seldonWriter writes one seldon message.
type seldonWriter struct {
	field dataField
	style tensor.Style
	names []string
	meta  []byte // the members of meta
}

func (w seldonWriter) write(m *content) (message.Message, error) {
	body, err := w.data(append(m.room, '{'), m)
	if err != nil {
		return message.Message{}, err
	}
	body = append(body, `,"meta":{`...)
	body = append(body, w.meta...)
	return jsonPayload(append(body, "}}"...)), nil
}

func (w seldonWriter) data(dst []byte, m *content) ([]byte, error) {
	switch w.field {
	case dataJSON:
		dst = append(dst, `"jsonData":`...)
		if m.value != nil {
			return append(dst, m.value...), nil
		}
		return appendByName(dst, m.tensors, w.style)
	case dataString:
		return jsontext.AppendQuoted(append(dst, `"strData":`...), m.tensors[0].Elems()[0]), nil
	case dataBinary:
		return tensor.AppendBase64(append(dst, `"binData":`...), m.tensors[0].Elems()[0]), nil
	}
	dst = append(dst, `"data":{"names":[`...)
	for i, name := range w.names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsontext.AppendQuoted(dst, []byte(name))
	}
	dst = append(dst, "],"...)
	var err error
	if m.table {
		dst, err = appendRows(append(dst, `"ndarray":`...), m.tensors, w.style)
	} else if dst, err = w.array(dst, &m.tensors[0]); err != nil {
		err = blame(m.tensors[0].Name, err)
	}
	if err != nil {
		return nil, err
	}
	return append(dst, '}'), nil
}

func (w seldonWriter) array(dst []byte, t *tensor.Tensor) ([]byte, error) {
	switch w.field {
	case dataTensor:
		if t.DType == tensor.Bool {
			numbers, err := t.As(tensor.Uint8)
			if err != nil {
				return nil, err
			}
			t = &numbers
		}
		dst = append(appendShape(append(dst, `"tensor":{"shape":`...), t.Shape), `,"values":[`...)
		dst, err := t.AppendFlat(dst, w.style)
		return append(dst, "]}"...), err
	case dataTFTensor:
		return appendTFTensorJSON(append(dst, `"tftensor":`...), t)
	}
	return t.AppendNested(append(dst, `"ndarray":`...), w.style)
}

// appendTFTensorJSON appends protobuf's JSON of a TensorProto: its elements in
// tensorContent, as TensorFlow's own Python writes arrays.
func appendTFTensorJSON(dst []byte, t *tensor.Tensor) ([]byte, error) {
	proto, err := toTensorProto(t)
	if err != nil {
		return nil, err
	}
	dst = append(dst, `{"dtype":"`...)
	dst = append(dst, proto.Dtype.String()...)
	dst = append(dst, `","tensorShape":{"dim":[`...)
	for i, d := range t.Shape {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, `{"size":"`...), d, 10)
		dst = append(dst, `"}`...)
	}
	dst = append(dst, "]}"...)
	if t.DType == tensor.Bytes {
		dst = append(dst, `,"stringVal":[`...)
		for i, e := range t.Elems() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = tensor.AppendBase64(dst, e)
		}
		return append(dst, "]}"...), nil
	}
	dst = append(dst, `,"tensorContent":`...)
	return append(tensor.AppendBase64(dst, proto.TensorContent), '}'), nil
}
