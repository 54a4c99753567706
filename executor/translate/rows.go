package translate

import (
	"fmt"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// Rows is a request whose rows can be sent with those of others.
type Rows struct {
	// Like is equal for requests whose rows can be joined.
	Like string
	// Count is the number of rows, at least 1.
	Count int64

	form  Form
	asked *content
	// behind is true where elements came behind the JSON.
	behind bool
}

// ReadRows reads a request that a server of its own protocol is sent, whole and not
// compressed. It is nil for one that has no rows, or says more than a joined request
// could: a meta, parameters, or fields that are not known.
func ReadRows(form Form, p message.Message) *Rows {
	c, err := form.codec()
	if err != nil || !plain(form, p) {
		return nil
	}
	m, err := c.decodeRequest(p)
	if err != nil || len(m.tensors) == 0 || m.table && c.protocol != seldonProtocol || m.contentType != "" {
		return nil
	}
	switch m.field {
	case dataString, dataBinary, dataJSON:
		return nil
	}
	r := &Rows{form: form, asked: m, behind: p.JSONLength > 0}
	for i := range m.tensors {
		t := &m.tensors[i]
		if t.Rank() == 0 || t.Shape[0] < 1 || i > 0 && t.Shape[0] != r.Count {
			return nil
		}
		r.Count = t.Shape[0]
	}
	r.Like = like(m, r.behind)
	return r
}

// like sums up what all of a joined request have to be equal in.
func like(m *content, behind bool) string {
	b := fmt.Appendf(nil, "%d %t %t %d %q %q %q %q %#v;", m.field, m.table, behind, m.layout, m.model, m.version, m.signature, m.names, m.outputs)
	for i := range m.tensors {
		b = m.tensors[i].AppendLike(b)
	}
	return string(b)
}

// JoinRows makes one request of the rows of several that are alike.
func JoinRows(all []*Rows) (message.Message, error) {
	first := all[0]
	m := *first.asked
	m.id, m.meta = "", meta{}
	m.tensors = make([]tensor.Tensor, len(first.asked.tensors))
	parts := make([]tensor.Tensor, len(all))
	for i := range m.tensors {
		for k, r := range all {
			parts[k] = r.asked.tensors[i]
		}
		var err error
		if m.tensors[i], err = tensor.Concat(parts); err != nil {
			return message.Message{}, blame(parts[0].Name, err)
		}
	}
	switch first.form {
	case SeldonJSON:
		return seldonWriter{field: m.field, style: seldonServerStyle(), names: m.names}.write(&m)
	case SeldonProto:
		return writeSeldonProto(&seldon.SeldonMessage{Meta: &seldon.Meta{}}, m.field, m.names, &m)
	case V2JSON:
		return joinedV2JSON(&m, first.behind)
	}
	c, err := first.form.codec()
	if err != nil {
		return message.Message{}, err
	}
	return c.encodeRequest(&m)
}

// joinedV2JSON has the elements behind the JSON where the requests had them there,
// and asks for outputs as they did.
func joinedV2JSON(m *content, behind bool) (message.Message, error) {
	w := v2Writer{body: []byte{'{'}, style: v2Style()}
	if m.layout == apart {
		w.body = append(w.body, `"parameters":{"binary_data_output":true},`...)
	}
	if err := w.tensors("inputs", unnamedInput, m.tensors, func(*tensor.Tensor) bool { return behind }); err != nil {
		return message.Message{}, err
	}
	for i, o := range m.outputs {
		if i == 0 {
			w.body = append(w.body, `,"outputs":[`...)
		} else {
			w.body = append(w.body, ',')
		}
		w.body = jsontext.AppendQuoted(append(w.body, `{"name":`...), []byte(o.name))
		w.body = fmt.Appendf(w.body, `,"parameters":{"binary_data":%t}}`, o.binary)
	}
	if len(m.outputs) > 0 {
		w.body = append(w.body, ']')
	}
	return w.payload(), nil
}

// SplitRows gives each request its rows of an answer to all of them.
func SplitRows(all []*Rows, p message.Message) ([]message.Message, error) {
	c, err := all[0].form.codec()
	if err != nil {
		return nil, err
	}
	m, err := c.decodeResponse(p)
	if err != nil {
		return nil, err
	}
	if len(m.tensors) == 0 {
		return nil, refuse("", "the answer to a joined request holds no rows")
	}
	counts := make([]int64, len(all))
	for i, r := range all {
		counts[i] = r.Count
	}
	parts := make([]content, len(all))
	for i := range m.tensors {
		pieces, err := m.tensors[i].Cut(counts)
		if err != nil {
			return nil, blame(m.tensors[i].Name, err)
		}
		for k := range parts {
			parts[k].tensors = append(parts[k].tensors, pieces[k])
		}
	}
	answers := make([]message.Message, len(all))
	for k, r := range all {
		part := *m
		part.tensors = parts[k].tensors
		answer, err := r.answer(&part, c)
		if err != nil {
			return nil, err
		}
		answers[k] = carry(answer, p)
	}
	return answers, nil
}

// answer writes the rows of one request in the field that the server used.
func (r *Rows) answer(m *content, c codec) (message.Message, error) {
	switch r.form {
	case SeldonJSON:
		return seldonWriter{field: m.field, style: seldonStyle(), names: m.names, meta: m.meta.json}.write(m)
	case SeldonProto:
		out := &seldon.SeldonMessage{Meta: m.meta.proto}
		if out.Meta == nil {
			out.Meta = &seldon.Meta{}
		}
		return writeSeldonProto(out, m.field, m.names, m)
	}
	return c.encodeResponse(m, r.asked)
}
