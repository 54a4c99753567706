package openapi

import (
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/executor/tensor"
)

func tensorflowWords() *words {
	return &words{
		title: "protocol of TensorFlow Serving", version: "1",
		schemas: tensorflowSchemas, predict: "Request", answer: "Answer",
		requests: tensorflowRequests, answers: tensorflowAnswers,
		predictPath: "/v1/models/{model}:predict", namelessPath: "/v1/models/:predict",
	}
}

// shownSignatures bounds the examples of models with many signatures.
const shownSignatures = 4

const predictMethod = "tensorflow/serving/predict"

var tensorflowGeneral = raw(`{"instances":[[1.0,2.0,3.0,4.0]]}`)

func tensorflowRequests(b *builder) []example {
	var all []example
	for _, s := range b.example {
		if s.Method != "" && s.Method != predictMethod {
			continue
		}
		if len(all) >= 2*shownSignatures {
			break
		}
		if t, ok := ofRow(s.Inputs); ok {
			return tensorflowRowForms(t)
		}
		all = append(all, tensorflowExamples(s)...)
	}
	if len(all) == 0 {
		return []example{{"instances", "instances: a row of four numbers, as an example", tensorflowGeneral}}
	}
	return all
}

// tensorflowExamples are the two forms of a request by one signature.
func tensorflowExamples(s Signature) []example {
	start, suffix, of := "{", "", ""
	if s.Name != "" {
		start, suffix, of = `{"signature_name":`+quoted(s.Name)+",", "-"+identifier(s.Name), ", signature "+s.Name
	}
	large := total(s.Inputs) > shownNumbers
	columns := func(t Tensor) string { return tensorflowValues(t, large) }
	row := func(t Tensor) string {
		if len(t.Row) > 1 {
			return t.cells()
		}
		return nested(t.Shape[1:], tensorflowElement(t, large))
	}
	inputs, instance := byName(s.Inputs, columns), ""
	if len(s.Inputs) == 1 {
		inputs = columns(s.Inputs[0])
	}
	if batched(s.Inputs) {
		if instance = byName(s.Inputs, row); len(s.Inputs) == 1 {
			instance = row(s.Inputs[0])
		}
	}
	var all []example
	if instance != "" {
		all = append(all, example{"instances" + suffix, "instances: row by row" + of, raw(start + `"instances":[` + instance + `]}`)})
	}
	if instance == "" || !large {
		all = append(all, example{"inputs" + suffix, "inputs: input by input" + of, raw(start + `"inputs":` + inputs + `}`)})
	}
	return all
}

// batched reports whether all tensors have a batch as their first dimension,
// so that a request can be written row by row.
func batched(all []Tensor) bool {
	for _, t := range all {
		if len(t.Shape) == 0 || t.Shape[0] >= 0 {
			return false
		}
	}
	return true
}

// tensorflowElement writes an element of t. TensorFlow Serving wants base64 in an
// object for inputs whose names end in "_bytes".
func tensorflowElement(t Tensor, many bool) string {
	if t.DType == tensor.Bytes && (t.File || strings.HasSuffix(t.Name, "_bytes")) {
		return `{"b64":"` + t.bytes() + `"}`
	}
	return t.element(many)
}

func tensorflowValues(t Tensor, many bool) string {
	if len(t.Row) > 1 {
		return t.nested(many)
	}
	return nested(known(t), tensorflowElement(t, many))
}

func tensorflowAnswers(b *builder) []example {
	outputs := b.outputs()
	const summary = "the form of an answer, not its values"
	if len(outputs) == 0 || total(outputs) > shownNumbers {
		return []example{{"predictions", summary, raw(`{"predictions":[[0.5]]}`)}}
	}
	value := func(t Tensor) string { return nested(known(t), tensorflowElement(t, false)) }
	columns := byName(outputs, value)
	if len(outputs) == 1 {
		columns = value(outputs[0])
	}
	all := []example{{"outputs", "to inputs: " + summary, raw(`{"outputs":` + columns + `}`)}}
	if !batched(outputs) {
		return all
	}
	row := func(t Tensor) string { return nested(t.Shape[1:], tensorflowElement(t, false)) }
	instance := byName(outputs, row)
	if len(outputs) == 1 {
		instance = row(outputs[0])
	}
	return append([]example{{"predictions", "to instances: " + summary, raw(`{"predictions":[` + instance + `]}`)}}, all...)
}

// tensorflowSchemas have the shapes of the tensors where one signature alone
// says what a request is.
func tensorflowSchemas(b *builder) object {
	text := object{{"type", "string"}}
	instances := arrayOf(object{})
	inputs := object{}
	if len(b.input) == 1 && total(b.input[0].Inputs) <= sentNumbers {
		columns := object{}
		rows := object{}
		for _, t := range b.input[0].Inputs {
			columns = append(columns, member{t.Name, b.tensorflowSchema(t, t.Shape)})
			if batched(b.input[0].Inputs) {
				rows = append(rows, member{t.Name, b.tensorflowSchema(t, t.Shape[1:])})
			}
		}
		needed := wanted(b.input[0].Inputs)
		inputs = one(columns, needed)
		if len(rows) > 0 {
			instances = arrayOf(one(rows, needed))
		}
	}
	return object{
		{"Request", record(
			member{"signature_name", about("which signature of the model; without it the default one", text)},
			member{"instances", about("a value for each row", instances)},
			member{"inputs", about("a value for each input", inputs)},
		).with(member{"anyOf", list{object{{"required", list{"instances"}}}, object{{"required", list{"inputs"}}}}})},
		{"Answer", record(
			member{"predictions", about("to instances", object{})},
			member{"outputs", about("to inputs", object{})},
		).with(member{"anyOf", list{object{{"required", list{"predictions"}}}, object{{"required", list{"outputs"}}}}})},
		{"Examples", record(
			member{"signature_name", text}, member{"context", object{{"type", "object"}}},
			member{"examples", arrayOf(object{{"type", "object"}})},
		).with(member{"required", list{"examples"}})},
		{"Feedback", object{{"type", "object"}}},
		plainFailure(),
		{"Anything", object{}},
		{"ModelMetadata", record(
			member{"model_spec", record(member{"name", text}, member{"signature_name", text}, member{"version", text})},
			member{"metadata", object{{"type", "object"}}})},
	}
}

// tensorflowSchema allows what stands for a tensor: lists in lists, or the
// value by the name of the only input. In front of a server of another protocol the
// executor takes null for a missing number, and the values of one column bare.
func (b *builder) tensorflowSchema(t Tensor, shape []int64) object {
	if t.Shape == nil {
		return object{}
	}
	e := elementSchema(t.DType)
	foreign := b.inputNode().Foreign
	switch {
	case t.DType == tensor.Bytes:
		e = object{{"anyOf", list{e, record(member{"b64", object{{"type", "string"}, {"format", "byte"}}})}}}
	case foreign && t.DType.IsFloat():
		e = e.with(member{"nullable", true})
	}
	s := nestedSchema(shape, e)
	if last := len(shape) - 1; foreign && len(t.Shape) == 2 && t.Shape[1] == 1 {
		s = object{{"anyOf", list{s, nestedSchema(shape[:last], e)}}}
	}
	return about(t.DType.String()+" "+shapeText(t.Shape), s)
}

// one allows a tensor to stand without its name if it is the only one that is needed.
func one(tensors object, needed []Tensor) object {
	named := record(tensors...)
	i := slices.IndexFunc(tensors, func(m member) bool { return m.key == needed[0].Name })
	if len(needed) != 1 || i < 0 {
		return named
	}
	return object{{"anyOf", list{tensors[i].value, named}}}
}

// plainFailure is that of all protocols but seldon.
func plainFailure() member {
	text := object{{"type", "string"}}
	return member{"Failure", record(
		member{"error", text},
		member{"status", record(member{"code", object{{"type", "integer"}}}, member{"info", text}, member{"status", text})},
	)}
}
