package openapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/executor/tensor"
)

func seldonWords() *words {
	return &words{
		title: "Seldon protocol", version: "1.0",
		schemas: seldonSchemas, predict: "Request", answer: "SeldonMessage",
		requests: seldonRequests, answers: seldonAnswers,
		namelessPath: "/api/v1.0/predictions",
	}
}

// seldonGeneral is a message for models that do not tell what they take.
var seldonGeneral = raw(`{"data":{"ndarray":[[1.0,2.0,3.0,4.0]]}}`)

func seldonRequests(b *builder) []example {
	general := []example{{"ndarray", "ndarray: a row of four numbers, as an example", seldonGeneral}}
	if len(b.example) == 0 {
		return general
	}
	inputs := b.example[0].Inputs
	if t, ok := ofRow(inputs); ok {
		return seldonRowForms(t)
	}
	switch {
	case ofTables(inputs):
		return seldonTables(inputs)
	case len(inputs) > 1 && b.inputNode().Columns:
		return []example{{"ndarray", "ndarray: a row of a table", seldonRow(inputs)}}
	case len(inputs) > 1:
		if !b.inputNode().Foreign {
			inputs = inputs[:1]
			break
		}
		return []example{{"jsonData", "jsonData: inputs by name", raw(`{"jsonData":` + byName(inputs, nestedValue) + `}`)}}
	}
	return seldonOne(b, inputs[0])
}

// seldonOne are the forms of one tensor, that which a component asked for
// before the others.
func seldonOne(b *builder, t Tensor) []example {
	if t.File {
		return []example{{"binData", "binData: bytes in base64", raw(`{"binData":"` + t.bytes() + `"}`)}}
	}
	switch t.Message {
	case "jsonData":
		return []example{{"jsonData", "jsonData: as the component wants it", raw(`{"jsonData":` + sample(t.Schema, 0) + `}`)}}
	case "strData":
		return []example{{"strData", "strData: text", raw(`{"strData":"text"}`)}}
	case "binData":
		return []example{{"binData", "binData: bytes in base64", raw(`{"binData":"dGV4dA=="}`)}}
	}
	large := count(t.Shape) > shownNumbers
	names := ""
	if len(t.Columns) > 0 {
		names = `"names":` + namesJSON(t.Columns) + `,`
	}
	var all []example
	if len(t.Shape) > 0 || t.Shape == nil {
		all = append(all, example{"ndarray", "ndarray: lists in lists", raw(`{"data":{` + names + `"ndarray":` + t.nested(large) + `}}`)})
	}
	if t.DType != tensor.Bytes && t.DType != tensor.Bool {
		all = append(all, example{"tensor", "tensor: shape and values", raw(
			`{"data":{` + names + `"tensor":{"shape":` + numbersJSON(t.sizes()) + `,"values":` + t.elements(large) + `}}}`)})
	}
	if large {
		return all[len(all)-1:]
	}
	if b.inputNode().Foreign && t.Name != "" {
		all = append(all, example{"jsonData", "jsonData: inputs by name", raw(`{"jsonData":` + byName([]Tensor{t}, nestedValue) + `}`)})
		if t.DType == tensor.Bytes && len(t.Shape) <= 1 {
			all = append(all, example{"strData", "strData: text", raw(`{"strData":` + t.element(false) + `}`)})
		}
	}
	if t.Message != "" {
		slices.SortStableFunc(all, func(x, y example) int { return first(x.name == t.Message) - first(y.name == t.Message) })
	}
	return all
}

// first orders what is wanted before what is not.
func first(wanted bool) int {
	if wanted {
		return 0
	}
	return 1
}

// known is a tensor's shape, or one number where it is not known.
func known(t Tensor) []int64 {
	if t.Shape == nil {
		return []int64{1}
	}
	return t.Shape
}

func nestedValue(t Tensor) string { return t.nested(false) }

// byName is an object of tensors.
func byName(all []Tensor, value func(Tensor) string) string {
	var parts []string
	for _, t := range all {
		parts = append(parts, quoted(t.Name)+":"+value(t))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func namesJSON(names []string) string {
	var all []string
	for _, n := range names {
		all = append(all, quoted(n))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// seldonRow is a table of one row in which each input is a column.
func seldonRow(inputs []Tensor) raw {
	var names, row []string
	for _, t := range inputs {
		names = append(names, t.Name)
		row = append(row, t.element(false))
	}
	return raw(`{"data":{"names":` + namesJSON(names) + `,"ndarray":[[` + strings.Join(row, ",") + `]]}}`)
}

func seldonAnswers(b *builder) []example {
	outputs := b.outputs()
	foreign := b.graph.Nodes[b.graph.Outputs].Foreign
	value := raw(`{"data":{"ndarray":[[0.5]]},"meta":{}}`)
	switch {
	case len(outputs) == 0 || total(outputs) > shownNumbers:
	case len(outputs) > 1 && foreign:
		value = raw(`{"jsonData":` + byName(outputs, nestedValue) + `,"meta":{}}`)
	case outputs[0].Shape != nil && len(outputs[0].Shape) == 0:
		value = raw(`{"data":{"tensor":{"shape":[],"values":[0.5]}},"meta":{}}`)
	default:
		t := outputs[0]
		names := ""
		if n := len(t.Shape); foreign && n > 1 && t.Shape[n-1] > 0 {
			var columns []string
			for i := range t.Shape[n-1] {
				columns = append(columns, fmt.Sprintf("t:%d", i))
			}
			names = `"names":` + namesJSON(columns) + `,`
		}
		value = raw(`{"data":{` + names + `"ndarray":` + nestedValue(t) + `},"meta":{}}`)
	}
	return []example{{"message", "the form of an answer, not its values", value}}
}

// seldonSchemas are the messages of the protocol, under the names that they
// have in Seldon Core's own document; Request is what this graph takes.
func seldonSchemas(b *builder) object {
	text, number := object{{"type", "string"}}, object{{"type", "number"}}
	whole := object{{"type", "integer"}, {"format", "int32"}}
	ndarray := about("lists in lists", object{{"type", "array"}, {"items", object{}}})
	wanted := ndarray
	if len(b.input) > 0 {
		wanted = seldonArray(b.input[0].Inputs, ndarray)
	}
	return object{
		{"Request", seldonMessage(object{{"type", "object"}, {"properties", seldonData(wanted)}})},
		{"SeldonMessage", seldonMessage(ref("schemas/DefaultData")).with(member{"description", "Data of one of the kinds, and what is known about it."})},
		{"DefaultData", object{{"type", "object"}, {"properties", seldonData(ndarray)}}},
		{"Tensor", record(member{"shape", arrayOf(whole)}, member{"values", arrayOf(number)})},
		{"Meta", record(
			member{"puid", text}, member{"tags", mapOf(object{})}, member{"routing", mapOf(whole)},
			member{"requestPath", mapOf(text)}, member{"metrics", arrayOf(ref("schemas/Metric"))})},
		{"Metric", record(
			member{"key", text}, member{"type", object{{"type", "string"}, {"enum", list{"COUNTER", "GAUGE", "TIMER"}}}},
			member{"value", number}, member{"tags", mapOf(text)})},
		{"Status", record(
			member{"code", whole}, member{"info", text}, member{"reason", text},
			member{"status", about("SUCCESS or FAILURE; some components write a number", object{{"anyOf", list{text, whole}}})})},
		{"Feedback", record(
			member{"request", ref("schemas/SeldonMessage")}, member{"response", ref("schemas/SeldonMessage")},
			member{"reward", number}, member{"truth", ref("schemas/SeldonMessage")})},
		{"Failure", record(member{"status", ref("schemas/Status")}).with(member{"required", list{"status"}})},
		{"Anything", object{}},
		modelMetadata(),
		{"GraphMetadata", record(
			member{"name", text}, member{"models", mapOf(ref("schemas/ModelMetadata"))},
			member{"graphinputs", anyArray()}, member{"graphoutputs", anyArray()})},
	}
}

// seldonArray is the schema of ndarray where there is one tensor in it.
func seldonArray(inputs []Tensor, otherwise object) object {
	t := inputs[0]
	if len(inputs) != 1 || len(t.Shape) == 0 || t.Table != "" || t.File || t.Message != "" && t.Message != "ndarray" && t.Message != "tensor" {
		return otherwise
	}
	shape := t.Shape
	if total(inputs) > sentNumbers {
		shape = slices.Repeat([]int64{-1}, len(shape))
	}
	return about(strings.TrimSpace(t.Name+" "+t.DType.String()+" "+shapeText(t.Shape)), nestedSchema(shape, elementSchema(t.DType)))
}

func seldonMessage(data object) object {
	text := object{{"type", "string"}}
	return record(
		member{"data", data},
		member{"strData", text},
		member{"binData", object{{"type", "string"}, {"format", "byte"}}},
		member{"jsonData", about("any JSON", object{})},
		member{"customData", object{{"type", "object"}}},
		member{"meta", ref("schemas/Meta")},
		member{"status", ref("schemas/Status")},
	)
}

func seldonData(ndarray object) object {
	return object{
		{"names", arrayOf(object{{"type", "string"}})},
		{"ndarray", ndarray},
		{"tensor", ref("schemas/Tensor")},
		{"tftensor", about("a TensorProto of TensorFlow, as JSON", object{{"type", "object"}})},
	}
}
