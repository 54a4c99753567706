package translate

import (
	"slices"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// Names for tensors that neither message nor server name. Servers that take
// one input rarely look at its name.
const (
	unnamedInput  = "input-0"
	unnamedOutput = "output-0"
)

// Exchange is a translated request that waits for its answer: it remembers
// what the client asked for and how.
type Exchange struct {
	from, to Form
	options  Options
	asked    *content
	// contradicted says that the answer was not what the spec says.
	contradicted bool
}

// By is the exchange for a server whose metadata says something else than was
// known when the request was sent.
func (x *Exchange) By(s *Spec) *Exchange {
	y := *x
	y.options.Spec, y.contradicted = s, false
	return &y
}

// Contradicted reports whether the answer that was read last is not what the
// server's metadata says: of another version, or of other names or types.
func (x *Exchange) Contradicted() bool { return x.contradicted }

// Request rewrites a request from one form into another. The Exchange
// translates the answer back. Where both forms are the same the payload passes
// untouched. Errors are of type [*Error].
func Request(p message.Message, from, to Form, o Options) (message.Message, *Exchange, error) {
	x := &Exchange{from: from, to: to, options: o}
	if from == to {
		return p, x, nil
	}
	out, err := x.request(p)
	if err != nil {
		return message.Message{}, nil, located(err, o.Node)
	}
	return carry(out, p), x, nil
}

func (x *Exchange) request(p message.Message) (message.Message, error) {
	source, err := x.from.codec()
	if err != nil {
		return message.Message{}, err
	}
	target, err := x.to.codec()
	if err != nil {
		return message.Message{}, err
	}
	if len(p.Body) == 0 && x.from.text() {
		return message.Message{}, refuse("", "the request has no body")
	}
	m, err := source.decodeRequest(p)
	if err != nil {
		return message.Message{}, err
	}
	if x.options.Version != "" {
		m.version = x.options.Version
	}
	x.asked = m
	m.room = outcomeRoom(p)
	out, err := x.send(m, source, target)
	return out, byKnowledge(err)
}

// send writes what was read. Whatever fails here may do so by what is known of
// the server.
func (x *Exchange) send(m *content, source, target codec) (message.Message, error) {
	if target.protocol != tensorFlow && m.signature != "" && m.signature != defaultSignature {
		return message.Message{}, refuse("", "the model server's protocol has no signatures, and %q is asked for", m.signature)
	}
	sent := *m
	if m.field == dataJSON {
		out, ok, err := x.sendJSON(source, target, &sent)
		if ok || err != nil {
			return out, err
		}
	}
	if err := x.address(&sent, target.protocol); err != nil {
		return message.Message{}, err
	}
	// The request's elements need not stay in memory until the answer comes.
	m.tensors, m.value, m.room = nil, nil, nil
	return target.encodeRequest(&sent)
}

// address makes a message one for the node's server: its model, its names and
// its types.
func (x *Exchange) address(m *content, to protocol) error {
	o := &x.options
	m.model = o.Model
	if o.Version != "" {
		m.version = o.Version
	}
	if o.Signature != "" {
		m.signature = o.Signature
	}
	m.outputs = x.wanted()
	if to == bento {
		return x.addressBento(m)
	}
	m.tensors = slices.Clone(m.tensors)
	m.layout = byTensor
	if o.Spec != nil && o.Spec.Binary {
		m.layout = apart
	}
	if err := x.lay(m, to); err != nil {
		return err
	}
	for i := range m.tensors {
		t := &m.tensors[i]
		if o.Chained && len(m.tensors) == 1 && (o.Input != "" || o.Spec != nil && len(o.Spec.Inputs) == 1) {
			t.Name = ""
		}
		spec, err := x.input(t, len(m.tensors))
		if err != nil {
			return err
		}
		if t.Name == "" && len(m.tensors) == 1 {
			t.Name = o.Input
			if spec != nil {
				t.Name = spec.Name
			}
		}
		if spec == nil {
			continue
		}
		converted, err := t.As(spec.DType)
		if err != nil {
			return blame(t.Name, err)
		}
		*t = converted
	}
	return x.tell(m, x.to)
}

// splitColumns makes a column of each of an array. All have the type that the
// array as a whole has.
func (m *content) splitColumns() error {
	table, err := m.tensors[0].Typed()
	if err != nil {
		return blame("", err)
	}
	if m.tensors, err = table.Columns(); err != nil {
		return blame("", err)
	}
	m.table = true
	return nameColumns(m.tensors, m.names)
}

// input finds what the server's metadata says of an input; nil: nothing.
func (x *Exchange) input(t *tensor.Tensor, count int) (*TensorSpec, error) {
	spec := x.options.Spec
	if spec == nil || len(spec.Inputs) == 0 {
		return nil, nil
	}
	name := t.Name
	if name == "" {
		name = x.options.Input
	}
	if name == "" && count == 1 && len(spec.Inputs) == 1 {
		return &spec.Inputs[0], nil
	}
	if name == "" {
		help := ""
		if x.options.MLServer != NoRuntime {
			help = "; name its columns in data.names, or send jsonData"
		}
		return nil, refuse("", "the data has no name and the model takes several inputs: %s%s", nameList(spec.Inputs), help)
	}
	if s := x.specOf(name); s != nil {
		return s, nil
	}
	return nil, refuse(name, "the model has no such input; it takes %s", nameList(spec.Inputs))
}

// specOf is what the server's metadata says of an input by its name; nil:
// nothing.
func (x *Exchange) specOf(name string) *TensorSpec {
	if x.options.Spec == nil {
		return nil
	}
	for i := range x.options.Spec.Inputs {
		if s := &x.options.Spec.Inputs[i]; s.Name == name {
			return s
		}
	}
	return nil
}

// wanted is the outputs to ask the server for.
func (x *Exchange) wanted() []wantedOutput {
	o := &x.options
	switch {
	case len(x.asked.outputs) > 0:
		return x.asked.outputs
	case len(o.Outputs) > 0:
		var outputs []wantedOutput
		for _, name := range o.Outputs {
			outputs = append(outputs, wantedOutput{name: name})
		}
		return outputs
	case o.Output != "":
		return []wantedOutput{{name: o.Output}}
	}
	return nil
}

// Response rewrites the server's answer into the form of the request, in the
// field that the client used there. Errors are of type [*Error].
func (x *Exchange) Response(p message.Message) (message.Message, error) {
	if x.from == x.to {
		return p, nil
	}
	out, err := x.response(p)
	if err != nil {
		return message.Message{}, located(err, x.options.Node)
	}
	return carry(out, p), nil
}

func (x *Exchange) response(p message.Message) (message.Message, error) {
	source, err := x.to.codec()
	if err != nil {
		return message.Message{}, err
	}
	target, err := x.from.codec()
	if err != nil {
		return message.Message{}, err
	}
	var m *content
	if x.asked.field == dataJSON {
		m, err = x.answerJSON(source, p)
	} else if m, err = x.answer(source, p); err == nil && m.field == dataJSON && target.protocol != seldonProtocol {
		err = x.unwrap(m, source)
	}
	if err != nil {
		return message.Message{}, err
	}
	m.room = outcomeRoom(p)
	return target.encodeResponse(m, x.asked)
}

// answer decodes what the server sent.
func (x *Exchange) answer(source codec, p message.Message) (*content, error) {
	m, err := source.decodeResponse(p)
	if err != nil {
		return nil, err
	}
	if err := x.bentoColumns(m); err != nil {
		return nil, err
	}
	x.contradicted = x.options.Spec.contradicts(m, x.asked.version)
	if m.model == "" {
		m.model = x.options.Model
	}
	if m.version == "" {
		m.version = x.options.Version
	}
	return m, x.name(m, source.protocol)
}

// onlyOutput names the one output of an answer that does not name it.
func onlyOutput(spec *Spec, wanted []wantedOutput) string {
	switch {
	case spec != nil && len(spec.Outputs) == 1:
		return spec.Outputs[0].Name
	case len(wanted) == 1:
		return wanted[0].name
	}
	return unnamedOutput
}

// name gives outputs their names and types, and leaves those that were asked
// for.
func (x *Exchange) name(m *content, from protocol) error {
	wanted, spec := x.wanted(), x.options.Spec
	if len(m.tensors) == 1 && m.tensors[0].Name == "" {
		m.tensors[0].Name = onlyOutput(spec, wanted)
	}
	if from == v2 && x.frameAnswer(m) {
		m.table = true
	} else if err := m.choose(wanted); err != nil {
		return err
	}
	if m.table {
		if err := columnShape(m.tensors); err != nil {
			return err
		}
	}
	if err := x.certain(m); err != nil {
		return err
	}
	if len(m.tensors) == 0 && m.field != dataJSON {
		return refuse("", "the model server's answer holds no tensor")
	}
	if spec == nil {
		return nil
	}
	for i := range m.tensors {
		t := &m.tensors[i]
		for _, s := range spec.Outputs {
			if s.Name != t.Name || t.DType != tensor.Number && from != seldonProtocol {
				continue
			}
			typed, err := t.As(s.DType)
			if err != nil {
				return blame(t.Name, err)
			}
			*t = typed
		}
	}
	return nil
}
