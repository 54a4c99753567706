package translate

import (
	"encoding/base64"
	"unicode/utf8"

	"github.com/prime-radiant/radiant/executor/tensor"
)

// The content types by which MLServer is told what to make of a request, or of
// an input: one array, a data frame whose columns are the inputs, text, and
// bytes that are base64 on the wire.
const (
	arrayContent  = "np"
	frameContent  = "pd"
	textContent   = "str"
	base64Content = "base64"
	// Elements are JSON, as MLServer answers columns of several kinds.
	jsonContent = "pd_json"
)

// mlserver reports whether the server is MLServer, as the node or the server
// itself says.
func (x *Exchange) mlserver() bool {
	o := &x.options
	return o.MLServer != NoRuntime || o.Spec != nil && o.Spec.MLServer
}

// lay makes a message's tensors those that the target's protocol has a place
// for: a table is rows to a seldon component, and columns by name to all
// others.
func (x *Exchange) lay(m *content, to protocol) error {
	m.mlserver = x.mlserver()
	switch to {
	case v2:
		return x.layColumns(m)
	case seldonProtocol:
		if m.table {
			return columnShape(m.tensors)
		}
	case tensorFlow:
		if m.table && len(columnList(m.tensors)) == 0 {
			return m.noTable()
		}
	}
	return nil
}

// layColumns makes the columns of a table the inputs of a v2 server.
func (x *Exchange) layColumns(m *content) error {
	o := &x.options
	switch {
	case m.table:
	case x.splits(m):
		if err := m.splitColumns(); err != nil {
			return err
		}
	case o.MLServer != NoRuntime && x.likeTable(m):
		m.table = true
	default:
		return nil
	}
	if len(columnList(m.tensors)) == 0 {
		switch {
		case x.described():
			return refuse("", "the data is a table, and the model takes its columns by name: %s; name them in data.names, or send jsonData", nameList(o.Spec.Inputs))
		case o.MLServer == NoRuntime:
			return m.noTable()
		}
		numbered(m.tensors)
	}
	if err := columnShape(m.tensors, 1); err != nil {
		return err
	}
	if o.Columns || o.MLServer != NoRuntime && !x.takesTensors() {
		m.contentType = frameContent
	}
	return nil
}

// described reports whether the server tells what the model takes.
func (x *Exchange) described() bool {
	return x.options.Spec != nil && len(x.options.Spec.Inputs) > 0
}

// takesTensors reports whether the model's inputs are arrays and no columns.
func (x *Exchange) takesTensors() bool {
	if !x.described() {
		return false
	}
	for _, s := range x.options.Spec.Inputs {
		if len(s.Shape) != 2 || s.Shape[1] != 1 {
			return true
		}
	}
	return false
}

// splits reports whether one array is a table to the server: of text, which
// only a data frame holds in two dimensions whatever the transport, or one
// whose columns the model takes by name.
func (x *Exchange) splits(m *content) bool {
	o := &x.options
	if len(m.tensors) != 1 || m.tensors[0].Rank() != 2 {
		return false
	}
	named := len(m.names) > 0
	if named && o.Columns {
		return true
	}
	if m.tensors[0].DType == tensor.Bytes && o.MLServer != NoRuntime && !x.takesTensors() {
		return true
	}
	return named && x.takesColumns(m.names)
}

// takesColumns reports whether all these names are inputs of one column.
func (x *Exchange) takesColumns(names []string) bool {
	if !x.described() || x.takesTensors() {
		return false
	}
	for _, name := range names {
		if x.specOf(name) == nil {
			return false
		}
	}
	return true
}

// likeTable reports whether tensors by name are the columns of one table: a
// model behind MLServer takes several inputs as nothing else, unless it says
// otherwise.
func (x *Exchange) likeTable(m *content) bool {
	if len(columnList(m.tensors)) == 0 || x.takesTensors() || len(m.tensors) == 1 && x.options.MLServer != AsTold {
		return false
	}
	rows := m.tensors[0].Len()
	for _, t := range m.tensors {
		if t.Rank() == 0 || t.Rank() > 2 || t.Rank() == 2 && t.Shape[1] != 1 || t.Len() != rows {
			return false
		}
	}
	return true
}

// tell says what MLServer is to make of a request and its text. Without a word
// it hands the whole request to a model of MLflow that has no signature, and
// gives Python's bytes to a model that was trained on text.
func (x *Exchange) tell(m *content, to Form) error {
	o := &x.options
	if o.MLServer == NoRuntime {
		return nil
	}
	if !m.table && len(m.tensors) == 1 && o.MLServer == AsTold && o.Spec != nil && !x.described() {
		m.contentType = contentOf(m.tensors[0].DType)
	}
	m.contentTypes = make([]string, len(m.tensors))
	for i := range m.tensors {
		t := &m.tensors[i]
		if t.DType != tensor.Bytes {
			continue
		}
		known := ""
		if s := x.specOf(t.Name); s != nil {
			known = s.ContentType
		}
		switch {
		case known == base64Content:
			if x.asked.field == dataBinary || x.from.protocol() == tensorFlow || notText(t) {
				m.tensors[i] = asBase64(t)
			}
		case known != "" && known != arrayContent:
		case notText(t):
			m.tensors[i], m.contentTypes[i] = asBase64(t), base64Content
		case m.table || t.Rank() < 2:
			m.contentTypes[i] = textContent
		case to == V2Proto:
			return refuse(t.Name, "MLServer takes text of %d dimensions over REST alone; name the columns in data.names, or send jsonData", t.Rank())
		}
	}
	return nil
}

// contentOf is the content type of a tensor that no model describes.
func contentOf(dtype tensor.DType) string {
	if dtype == tensor.Bytes {
		return textContent
	}
	return arrayContent
}

func notText(t *tensor.Tensor) bool {
	for _, e := range t.Elems() {
		if !utf8.Valid(e) {
			return true
		}
	}
	return false
}

// asBase64 spells bytes as MLServer reads them.
func asBase64(t *tensor.Tensor) tensor.Tensor {
	elems := make([][]byte, len(t.Elems()))
	for i, e := range t.Elems() {
		if e != nil {
			elems[i] = base64.StdEncoding.AppendEncode([]byte{}, e)
		}
	}
	out := tensor.NewColumn(elems)
	out.Name, out.Shape = t.Name, t.Shape
	return out
}

// frameAnswer tells an answer that is a data frame: the server says so, or
// answers columns where one output was asked for by habit.
func (x *Exchange) frameAnswer(m *content) bool {
	o := &x.options
	if len(x.asked.outputs) > 0 || o.Output != "" {
		return false
	}
	if m.contentType == frameContent {
		return len(o.Outputs) == 0 || o.MLServer != NoRuntime
	}
	if o.MLServer == NoRuntime || len(o.Outputs) == 0 {
		return false
	}
	for _, t := range m.tensors {
		for _, name := range o.Outputs {
			if t.Name == name {
				return false
			}
		}
		if t.Rank() != 2 || t.Shape[1] != 1 || t.Shape[0] != m.tensors[0].Shape[0] {
			return false
		}
	}
	return len(m.tensors) > 0
}

// certain refuses an answer whose numbers are not certain: MLServer writes
// null in JSON for NaN and for the infinities alike.
func (x *Exchange) certain(m *content) error {
	if !x.mlserver() || x.to != V2JSON {
		return nil
	}
	for i := range m.tensors {
		if err := m.tensors[i].RefuseNaN("null is what MLServer writes over REST for NaN and for the infinities alike: call it over gRPC"); err != nil {
			return blame(m.tensors[i].Name, err)
		}
	}
	return nil
}
