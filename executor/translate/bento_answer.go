package translate

import (
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// decodeBentoResponse reads a bare value: JSON, text, or bytes of any other type.
func decodeBentoResponse(p message.Message) (*content, error) {
	kind, _, _ := mime.ParseMediaType(p.Type)
	switch {
	case kind != "application/json" && !strings.HasPrefix(kind, "text/"):
		return &content{tensors: oneString(p.Body)}, nil
	case kind != "application/json":
		if !utf8.Valid(p.Body) {
			return nil, refuse("", "the Bento's answer is of type %q and is not UTF-8", p.Type)
		}
		return &content{tensors: oneString(p.Body)}, nil
	}
	value, err := jsontext.Value(p.Body)
	if err != nil {
		return nil, refuse("", "the Bento's answer: %s", reason(err))
	}
	m := &content{}
	switch jsontext.TypeOf(value) {
	case jsontext.Null:
		return nil, refuse("", "the Bento answers null")
	case jsontext.Object:
		m.field, m.value = dataJSON, value
		return m, nil
	case jsontext.Array:
		m.readBentoList(value)
		return m, nil
	}
	t, err := tensor.Parse(value, tensor.Dialect{Words: true})
	if err == nil {
		t, err = t.Reshape([]int64{1})
	}
	if err != nil {
		return nil, refuse("", "the Bento's answer: %s", reason(err))
	}
	m.tensors = []tensor.Tensor{t}
	return m, nil
}

// readBentoList reads records of a table, an array, or rows of a table. Any other
// list is JSON that only a seldon client has a place for.
func (m *content) readBentoList(value []byte) {
	if value[jsontext.Space(value, 1)] == '{' {
		columns, err := readRecords(value)
		if m.tensors, m.table = columns, err == nil; err != nil {
			m.tensors, m.field, m.value = nil, dataJSON, value
		}
		return
	}
	read := ahead{dialect: tensor.Dialect{Words: true, Null: true}}
	if err := m.readArrayOrTable(value, &read); err != nil {
		m.field, m.value = dataJSON, value
	}
}

// bentoColumns makes a table of an answer that is one by its schema.
func (x *Exchange) bentoColumns(m *content) error {
	s := x.options.Spec
	if s == nil || s.Route == nil || m.field != dataJSON || s.Route.output.kind != bentoTable || !s.Route.output.byColumn {
		return nil
	}
	columns, err := readNamedColumns(m.value)
	if err != nil {
		return refuse("", "the Bento's answer: %s", reason(err))
	}
	m.tensors, m.table, m.field, m.value = columns, true, dataNone, nil
	return nil
}

// Clients speak to no Bento: nothing is read as its requests, or written as its answers.
func undecodedBento(message.Message) (*content, error) {
	return nil, refuse("", "no client speaks the protocol of a Bento")
}

func unencodedBento(_, _ *content) (message.Message, error) {
	return message.Message{}, refuse("", "no client speaks the protocol of a Bento")
}
