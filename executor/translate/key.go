package translate

import (
	"encoding/json"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// Tags are what a message that is not compressed says beside its data: meta.tags of
// seldon's forms, parameters of v2's. Values are those of JSON: float64, bool,
// string, lists and maps of them, nil; and int64 in v2. TensorFlow's forms have none.
func Tags(form Form, m message.Message) (map[string]any, error) {
	m = m.Whole()
	switch form {
	case SeldonJSON, V2JSON:
		text, _ := splitJSON(m)
		return tagsOfJSON(form, text)
	case SeldonProto:
		var in seldon.SeldonMessage
		if err := proto.Unmarshal(m.Body, &in); err != nil {
			return nil, refuse("", "not a SeldonMessage: %s", reason(err))
		}
		tags := map[string]any{}
		for name, v := range in.GetMeta().GetTags() {
			tags[name] = v.AsInterface()
		}
		return tags, nil
	case V2Proto:
		// A request and an answer have their parameters in one field.
		var in inference.ModelInferRequest
		if m.Answer {
			var out inference.ModelInferResponse
			if err := proto.Unmarshal(m.Body, &out); err != nil {
				return nil, refuse("", "not a ModelInferResponse: %s", reason(err))
			}
			in.Parameters = out.Parameters
		} else if err := proto.Unmarshal(m.Body, &in); err != nil {
			return nil, refuse("", "not a ModelInferRequest: %s", reason(err))
		}
		return tagsOfParameters(in.Parameters), nil
	}
	return nil, nil
}

func tagsOfJSON(form Form, body []byte) (map[string]any, error) {
	way := []string{"parameters"}
	if form == SeldonJSON {
		way = []string{"meta", "tags"}
	}
	for _, name := range way {
		fields, err := jsontext.ParseObject(body)
		if err != nil {
			return nil, refuse("", "%s", reason(err))
		}
		if body = fields.Value(name); body == nil || jsontext.TypeOf(body) != jsontext.Object {
			return nil, nil
		}
	}
	var tags map[string]any
	if err := json.Unmarshal(body, &tags); err != nil {
		return nil, refuse("", "%s: %s", way[len(way)-1], reason(err))
	}
	return tags, nil
}

func tagsOfParameters(all map[string]*inference.InferParameter) map[string]any {
	tags := map[string]any{}
	for name, p := range all {
		switch v := p.GetParameterChoice().(type) {
		case *inference.InferParameter_BoolParam:
			tags[name] = v.BoolParam
		case *inference.InferParameter_Int64Param:
			tags[name] = v.Int64Param
		case *inference.InferParameter_StringParam:
			tags[name] = v.StringParam
		case *inference.InferParameter_DoubleParam:
			tags[name] = v.DoubleParam
		}
	}
	return tags
}

// Keys are what a message says under names, for who asks for several: it is read when
// the first of them is asked for. They are for one goroutine.
type Keys struct {
	form    Form
	message message.Message
	tags    map[string]any
	in      *content
	// alike are the tensors that were looked into, by their number.
	alike map[int]tensor.Tensor
}

// NewKeys are those of a message that is not compressed.
func NewKeys(form Form, m message.Message) *Keys { return &Keys{form: form, message: m} }

// Text is what the message says under a name, as text that is the same in each form:
// the tag of the name ([Tags]); or else the member of jsonData, the cell in the first
// row of the column, or the first element of the tensor. Empty: there is none, or it is
// no text, number or boolean.
func (k *Keys) Text(name string) (text string, err error) {
	if k.tags == nil {
		if k.tags, err = Tags(k.form, k.message); err != nil {
			return "", err
		}
		if k.tags == nil {
			k.tags = map[string]any{}
		}
	}
	if v, ok := k.tags[name]; ok {
		return KeyText(v), nil
	}
	if err := k.read(); err != nil {
		return "", err
	}
	return k.beside(name)
}

// Rows is the first dimension of the first tensor: 1 of a scalar, 0 where there is no
// tensor.
func (k *Keys) Rows() (int, error) {
	if err := k.read(); err != nil {
		return 0, err
	}
	tensors := k.in.tensors
	if k.in.field == dataJSON {
		c, err := k.form.codec()
		if err != nil {
			return 0, err
		}
		if tensors, err = readJSONData(k.in.value, c, c); err != nil {
			return 0, err
		}
	}
	switch {
	case len(tensors) == 0:
		return 0, nil
	case tensors[0].Rank() == 0:
		return 1, nil
	}
	return int(tensors[0].Shape[0]), nil
}

// read decodes the message, once.
func (k *Keys) read() error {
	if k.in != nil {
		return nil
	}
	c, err := k.form.codec()
	if err != nil {
		return err
	}
	decode := c.decodeRequest
	if k.message.Answer {
		decode = c.decodeResponse
	}
	k.in, err = decode(k.message)
	return err
}

// beside is what the message says under a name beside its tags.
func (k *Keys) beside(name string) (string, error) {
	in := k.in
	if in.field == dataJSON {
		return keyOfJSON(in.value, name), nil
	}
	for i := range in.tensors {
		t := in.tensors[i]
		at := in.place(&t, name)
		if at < 0 {
			continue
		}
		looked, ok := k.alike[i]
		if !ok {
			alike, err := tensor.Alike([]tensor.Tensor{t})
			if err != nil {
				return "", err
			}
			if looked = alike[0]; k.alike == nil {
				k.alike = map[int]tensor.Tensor{}
			}
			k.alike[i] = looked
		}
		if at >= looked.Len() {
			return "", nil
		}
		return looked.Text(at), nil
	}
	return "", nil
}

// place is the flat index of what a tensor says under a name: its first element, or
// the cell of a column in its first row; -1: nothing.
func (m *content) place(t *tensor.Tensor, name string) int {
	if t.Name == name {
		return 0
	}
	if at := slices.Index(m.names, name); len(m.tensors) == 1 && at < width(t) {
		return at
	}
	return -1
}

func keyOfJSON(value []byte, name string) string {
	fields, err := jsontext.ParseObject(value)
	if err != nil {
		return ""
	}
	var v any
	if json.Unmarshal(fields.Value(name), &v) != nil {
		return ""
	}
	return KeyText(v)
}

// KeyText is a tag as text; empty: it is no text, number or boolean.
func KeyText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool, int64:
		return fmt.Sprint(v)
	case float64:
		return tensor.FloatText(v)
	}
	return ""
}
