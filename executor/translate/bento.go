package translate

import (
	"bytes"
	"mime"
	"mime/multipart"
	"net/textproto"
	"slices"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// bentoArgument is what a parameter of a Bento gets: one tensor, or the columns of a
// table, or a value that is JSON already.
type bentoArgument struct {
	*bentoParameter
	tensors []tensor.Tensor
	table   bool
	value   []byte
}

func bentoStyle() tensor.Style { return tensor.Style{NaN: "NaN", Infinity: "Infinity"} }

// addressBento gives the parameters of a Bento's route what a request brings: by name;
// what has no name is the one parameter that has to be given; and what bears none of
// the names is columns of the data frame among the parameters.
func (x *Exchange) addressBento(m *content) error {
	route, err := x.route()
	if err != nil {
		return err
	}
	m.tensors, m.route = slices.Clone(m.tensors), route
	if len(m.tensors) == 1 && !m.table && (m.tensors[0].Name == "" || x.options.Chained && route.parameter(m.tensors[0].Name) == nil) {
		p, err := x.only(route)
		if err != nil {
			return err
		}
		return route.settle(m, []bentoArgument{route.whole(p, m)})
	}
	var all []bentoArgument
	var rest []tensor.Tensor
	for _, t := range m.tensors {
		if p := route.parameter(t.Name); p != nil && t.Name != "" {
			all = append(all, bentoArgument{bentoParameter: p, tensors: []tensor.Tensor{t}})
		} else {
			rest = append(rest, t)
		}
	}
	if len(rest) > 0 {
		p, err := x.tableOf(route, all, rest)
		if err != nil {
			return err
		}
		all = append(all, bentoArgument{bentoParameter: p, tensors: rest, table: true})
	}
	return route.settle(m, all)
}

// route is the one that requests go to.
func (x *Exchange) route() (*BentoRoute, error) {
	if x.options.Spec == nil || x.options.Spec.Route == nil {
		return nil, refuse("", "nothing is known of the Bento's routes: it did not tell its schema.json")
	}
	return x.options.Spec.Route, nil
}

func (r *BentoRoute) parameter(name string) *bentoParameter {
	for i := range r.parameters {
		if r.parameters[i].name == name {
			return &r.parameters[i]
		}
	}
	return nil
}

// only is the parameter that data without a name is for.
func (x *Exchange) only(r *BentoRoute) (*bentoParameter, error) {
	if name := x.options.Input; name != "" {
		if p := r.parameter(name); p != nil {
			return p, nil
		}
		return nil, refuse(name, "the route %s has no such parameter, which model_input names; it takes %s", r.Path, r.names())
	}
	var found *bentoParameter
	for i := range r.parameters {
		if p := &r.parameters[i]; p.required || len(r.parameters) == 1 {
			if found != nil {
				return nil, refuse("", "the data has no name and the route %s takes several parameters: %s", r.Path, r.names())
			}
			found = p
		}
	}
	if found == nil {
		return nil, refuse("", "the data has no name, and no parameter of the route %s has to be given; it takes %s", r.Path, r.names())
	}
	return found, nil
}

// whole is one tensor for a parameter. A table of numbers for a data frame has the
// names of its columns, if the request or the Bento says them.
func (r *BentoRoute) whole(p *bentoParameter, m *content) bentoArgument {
	a := bentoArgument{bentoParameter: p, tensors: m.tensors}
	if p.kind != bentoTable || m.tensors[0].Rank() != 2 {
		return a
	}
	names := m.names
	if len(names) == 0 {
		names = p.columns
	}
	if int64(len(names)) != m.tensors[0].Shape[1] {
		return a
	}
	if columns, err := m.tensors[0].Columns(); err == nil && nameColumns(columns, names) == nil {
		a.tensors, a.table = columns, true
	}
	return a
}

// tableOf is the parameter whose table has tensors as its columns that are named like
// no parameter.
func (x *Exchange) tableOf(r *BentoRoute, given []bentoArgument, columns []tensor.Tensor) (*bentoParameter, error) {
	for i := range r.parameters {
		p := &r.parameters[i]
		taken := slices.ContainsFunc(given, func(a bentoArgument) bool { return a.bentoParameter == p })
		if p.kind != bentoTable || taken {
			continue
		}
		if len(columnList(columns)) == 0 && len(p.columns) == len(columns) {
			return p, nameColumns(columns, p.columns)
		}
		if len(columnList(columns)) == 0 {
			return nil, refuse(p.name, "the columns of the table have no names; name them in data.names, or send jsonData")
		}
		return p, nil
	}
	if columns[0].Name == "" {
		return nil, refuse("", "the data is a table, and the route %s takes none; it takes %s", r.Path, r.names())
	}
	return nil, refuse(columns[0].Name, "the route %s has no such parameter; it takes %s", r.Path, r.names())
}

// settle checks what each parameter gets, and that none is missing.
func (r *BentoRoute) settle(m *content, all []bentoArgument) error {
	for i := range all {
		if err := all[i].fit(); err != nil {
			return err
		}
	}
	for i := range r.parameters {
		p := &r.parameters[i]
		if p.required && !slices.ContainsFunc(all, func(a bentoArgument) bool { return a.bentoParameter == p }) {
			return refuse(p.name, "the route %s wants this parameter, and the request does not bring it", r.Path)
		}
	}
	m.arguments, m.tensors = all, nil
	return nil
}

// fit makes tensors what their parameter takes, or says why they are not.
func (a *bentoArgument) fit() error {
	switch {
	case a.value != nil:
		return nil
	case a.table:
		return columnShape(a.tensors)
	}
	t := &a.tensors[0]
	converted, err := t.As(a.dtype)
	if err != nil {
		return blame(a.name, err)
	}
	*t = converted
	switch a.kind {
	case bentoOne, bentoText, bentoFile:
		if t.Len() != 1 {
			return refuse(a.name, "the parameter is one %s, and the request brings %d of them", a.word(), t.Len())
		}
	case bentoArray:
		if !a.takes(t.Shape) {
			return refuse(a.name, "the data has the shape %v, and the parameter takes %v", t.Shape, a.shape)
		}
	}
	if t.DType == tensor.Bytes && a.kind != bentoFile && notText(t) {
		return refuse(a.name, "the bytes are not UTF-8, and the parameter takes text")
	}
	return nil
}

// word is what a single value is called.
func (t *bentoType) word() string {
	switch t.kind {
	case bentoText:
		return "text"
	case bentoFile:
		return "file"
	}
	return t.dtype.String()
}

// takes reports whether an array may have this shape. A Bento gives data another
// shape where that has as many elements, so that what is there is told apart here.
func (t *bentoType) takes(shape []int64) bool {
	return t.shape == nil || slices.EqualFunc(t.shape, shape, func(want, is int64) bool { return want < 0 || want == is })
}

func encodeBentoRequest(m *content) (message.Message, error) {
	if slices.ContainsFunc(m.arguments, func(a bentoArgument) bool { return a.kind == bentoFile }) && !m.route.alone {
		return encodeBentoForm(m.arguments)
	}
	if !m.route.alone {
		body, err := appendArguments(append(m.room, '{'), m.arguments)
		return jsonPayload(append(body, '}')), err
	}
	if len(m.arguments) == 0 {
		return jsonPayload([]byte("{}")), nil
	}
	a := &m.arguments[0]
	if a.kind == bentoFile || a.kind == bentoText && a.tensors != nil {
		return message.Message{Body: a.tensors[0].Elems()[0], Type: a.mediaType()}, nil
	}
	body, err := a.append(m.room)
	return jsonPayload(body), err
}

func (t *bentoType) mediaType() string {
	if t.kind == bentoText {
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// appendArguments appends the members of an object.
func appendArguments(dst []byte, all []bentoArgument) ([]byte, error) {
	for i := range all {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendQuoted(dst, []byte(all[i].name)), ':')
		var err error
		if dst, err = all[i].append(dst); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// append appends the value as JSON.
func (a *bentoArgument) append(dst []byte) ([]byte, error) {
	switch {
	case a.value != nil:
		return append(dst, a.value...), nil
	case a.table && a.byColumn:
		return appendByName(dst, a.tensors, recordStyle())
	case a.table:
		return appendRecords(dst, a.tensors)
	}
	t, style := a.tensors[0], bentoStyle()
	if a.kind == bentoOne || a.kind == bentoText {
		var err error
		if t, err = t.Reshape([]int64{}); err != nil {
			return dst, blame(a.name, err)
		}
	}
	if a.kind == bentoTable {
		style = recordStyle()
	}
	dst, err := t.AppendNested(dst, style)
	if err != nil {
		return dst, blame(a.name, err)
	}
	return dst, nil
}

// recordStyle writes a missing number as null, which pandas reads so.
func recordStyle() tensor.Style {
	return tensor.Style{NaN: "null", Infinity: "Infinity", Missing: "null"}
}

// appendRecords appends rows that are objects by the names of columns.
func appendRecords(dst []byte, columns []tensor.Tensor) ([]byte, error) {
	cells := make([][]tensor.Tensor, len(columns))
	style := recordStyle()
	for k := range columns {
		var err error
		if cells[k], err = columns[k].Rows(); err != nil {
			return dst, blame(columns[k].Name, err)
		}
	}
	dst = append(dst, '[')
	for r := range cells[0] {
		if r > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		for k := range columns {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = append(jsontext.AppendQuoted(dst, []byte(columns[k].Name)), ':')
			var err error
			if dst, err = cells[k][r].AppendNested(dst, style); err != nil {
				return dst, blame(columns[k].Name, err)
			}
		}
		dst = append(dst, '}')
	}
	return append(dst, ']'), nil
}

// encodeBentoForm writes parameters of which some are files as a form.
func encodeBentoForm(all []bentoArgument) (message.Message, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, a := range all {
		header := textproto.MIMEHeader{}
		disposition := map[string]string{"name": a.name}
		header.Set("Content-Type", "application/json")
		var text []byte
		if a.kind == bentoFile {
			disposition["filename"] = a.name
			header.Set("Content-Type", a.mediaType())
			text = a.tensors[0].Elems()[0]
		} else {
			var err error
			if text, err = a.append(nil); err != nil {
				return message.Message{}, err
			}
		}
		header.Set("Content-Disposition", mime.FormatMediaType("form-data", disposition))
		part, err := form.CreatePart(header)
		if err == nil {
			_, err = part.Write(text)
		}
		if err != nil {
			return message.Message{}, blame(a.name, err)
		}
	}
	if err := form.Close(); err != nil {
		return message.Message{}, blame("", err)
	}
	return message.Message{Body: body.Bytes(), Type: form.FormDataContentType()}, nil
}

// passBento makes jsonData the request: an object of parameters by name, or the value
// of the only one, if that may be any JSON. It declines what else is there: a table, or
// tensors by the names of columns.
func passBento(value []byte, o *Options) (message.Message, bool, error) {
	x := Exchange{options: *o}
	route, err := x.route()
	if err != nil {
		return message.Message{}, false, err
	}
	m := &content{route: route}
	var all []bentoArgument
	if fields, err := jsontext.ParseObject(value); err == nil && !route.alone && route.named(fields) {
		for _, f := range fields {
			p := route.parameter(f.Key)
			if p == nil {
				return message.Message{}, false, refuse(f.Key, "the route %s has no such parameter; it takes %s", route.Path, route.names())
			}
			a, err := p.argument(f.Value)
			if err != nil {
				return message.Message{}, false, err
			}
			all = append(all, a)
		}
	} else {
		p, err := x.only(route)
		if err != nil || p.kind != bentoAny {
			return message.Message{}, false, err
		}
		all = []bentoArgument{{bentoParameter: p, value: value}}
	}
	if err := route.settle(m, all); err != nil {
		return message.Message{}, false, err
	}
	out, err := encodeBentoRequest(m)
	return out, err == nil, err
}

// named reports whether some member is a parameter by its name.
func (r *BentoRoute) named(fields jsontext.Fields) bool {
	return slices.ContainsFunc(fields, func(f jsontext.Field) bool { return r.parameter(f.Key) != nil })
}

// argument is a value of jsonData for its parameter.
func (p *bentoParameter) argument(value []byte) (bentoArgument, error) {
	a := bentoArgument{bentoParameter: p}
	if p.kind == bentoAny || p.kind == bentoTable || jsontext.TypeOf(value) == jsontext.Null && !p.required {
		a.value = value
		return a, nil
	}
	t, err := tensor.Parse(value, tensor.Dialect{Words: p.dtype != tensor.Bytes})
	if err != nil {
		return a, blame(p.name, err)
	}
	a.tensors = []tensor.Tensor{t}
	return a, nil
}
