package translate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// Tag is something that a node says of a message beside its data.
type Tag struct {
	Name string
	// Value is a bool, a finite float64, a string or a list of whole numbers; in JSON
	// it may be a json.RawMessage.
	Value any
}

// Tagged writes tags into a message that is not compressed: into meta.tags of
// seldon's forms, into the parameters of v2's. A tag that is there already is
// written over. All other bytes stay as they are. It reports whether the form
// has a place for tags: TensorFlow's have none.
func Tagged(form Form, m message.Message, tags []Tag) (message.Message, bool, error) {
	var err error
	m = m.Whole()
	switch form {
	case SeldonJSON:
		m.Body, err = withMembers(m.Body, []string{"meta", "tags"}, tags)
	case V2JSON:
		head, tail := splitJSON(m)
		if head, err = withMembers(head, []string{"parameters"}, flat(tags)); err == nil {
			if m.JSONLength > 0 {
				m.JSONLength = len(head)
			}
			m.Body = append(head, tail...)
		}
	case SeldonProto, V2Proto:
		// Messages within messages, and entries of maps, are merged with those
		// that are further behind.
		var field []byte
		if field, err = tagField(form, tags); err == nil {
			m.Body = append(bytes.Clone(m.Body), field...)
		}
	default:
		return m, false, nil
	}
	if err != nil {
		return m, false, refuse("", "%s", reason(err))
	}
	return m, true, nil
}

// splitJSON is the JSON of a message, and what is behind it; nil: nothing can be.
func splitJSON(m message.Message) (text, tail []byte) {
	if m.JSONLength > 0 && m.JSONLength <= len(m.Body) {
		return m.Body[:m.JSONLength], m.Body[m.JSONLength:]
	}
	return m.Body, nil
}

// withParameters writes the parameters of another v2 message into one. Other forms
// have none.
func withParameters(form Form, m, from message.Message) (message.Message, error) {
	from = from.Whole()
	switch form {
	case V2JSON:
		return withJSONParameters(m, from)
	case V2Proto:
		const parameters protowire.Number = 4 // Of a request and of an answer.
		err := eachField(from.Body, func(number protowire.Number, _ protowire.Type, field, _ []byte) {
			if number == parameters {
				m.Body = append(m.Body, field...)
			}
		})
		return m, err
	}
	return m, nil
}

func withJSONParameters(m, from message.Message) (message.Message, error) {
	text, _ := splitJSON(from)
	fields, err := jsontext.ParseObject(text)
	if err != nil {
		return m, refuse("", "%s", reason(err))
	}
	text = fields.Value("parameters")
	if text == nil || jsontext.TypeOf(text) != jsontext.Object {
		return m, nil
	}
	if fields, err = jsontext.ParseObject(text); err != nil || len(fields) == 0 {
		return m, err
	}
	tags := make([]Tag, len(fields))
	for i, f := range fields {
		tags[i] = Tag{Name: f.Key, Value: json.RawMessage(f.Value)}
	}
	m, _, err = Tagged(V2JSON, m, tags)
	return m, err
}

// withMembers writes members into the object that is the way down from the
// object in text, and makes what is missing of the way.
func withMembers(text []byte, way []string, tags []Tag) ([]byte, error) {
	fields, err := jsontext.ParseObject(text)
	if err != nil {
		return nil, err
	}
	set := map[string][]byte{}
	var order []string
	if len(way) > 0 {
		inner := fields.Value(way[0])
		if inner == nil {
			inner = []byte("{}")
		}
		if inner, err = withMembers(inner, way[1:], tags); err != nil {
			return nil, fmt.Errorf("%s: %w", way[0], err)
		}
		set[way[0]], order = inner, way[:1]
	}
	for i := 0; len(way) == 0 && i < len(tags); i++ {
		if set[tags[i].Name], err = json.Marshal(tags[i].Value); err != nil {
			return nil, fmt.Errorf("tag %q: %w", tags[i].Name, err)
		}
		order = append(order, tags[i].Name)
	}
	out := append(make([]byte, 0, len(text)+64), '{')
	member := func(key, value []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, key...), ':'), value...)
	}
	for _, f := range fields {
		if _, replaced := set[f.Key]; !replaced {
			member(text[f.KeyStart:f.KeyEnd], f.Value)
		}
	}
	for _, name := range order {
		member(jsontext.AppendQuoted(nil, []byte(name)), set[name])
	}
	return append(out, '}'), nil
}

// flat are tags whose values are no lists, which v2 does not have.
func flat(tags []Tag) []Tag {
	out := make([]Tag, len(tags))
	for i, t := range tags {
		if list, ok := t.Value.([]int); ok {
			t.Value = strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ","), "[]")
		}
		out[i] = t
	}
	return out
}

// tagField is a message of the form that holds nothing but tags.
func tagField(form Form, tags []Tag) ([]byte, error) {
	if form == V2Proto {
		parameters := map[string]*inference.InferParameter{}
		for _, t := range flat(tags) {
			p := &inference.InferParameter{}
			switch v := t.Value.(type) {
			case bool:
				p.ParameterChoice = &inference.InferParameter_BoolParam{BoolParam: v}
			case float64:
				p.ParameterChoice = &inference.InferParameter_DoubleParam{DoubleParam: v}
			case string:
				p.ParameterChoice = &inference.InferParameter_StringParam{StringParam: v}
			default:
				return nil, fmt.Errorf("tag %q is of the type %T", t.Name, v)
			}
			parameters[t.Name] = p
		}
		return proto.Marshal(&inference.ModelInferResponse{Parameters: parameters})
	}
	values := map[string]*structpb.Value{}
	for _, t := range tags {
		value := t.Value
		if list, ok := value.([]int); ok {
			all := make([]any, len(list))
			for i, n := range list {
				all[i] = n
			}
			value = all
		}
		v, err := structpb.NewValue(value)
		if err != nil {
			return nil, fmt.Errorf("tag %q: %w", t.Name, err)
		}
		values[t.Name] = v
	}
	return proto.Marshal(&seldon.SeldonMessage{Meta: &seldon.Meta{Tags: values}})
}
