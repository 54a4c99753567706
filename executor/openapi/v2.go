package openapi

import (
	"strings"

	"github.com/prime-radiant/radiant/executor/tensor"
)

func v2Words() *words {
	return &words{
		title: "Open Inference Protocol, version 2", version: "2",
		schemas: v2Schemas, predict: "Request", answer: "Answer",
		requests: v2Requests, answers: v2Answers,
		predictPath: "/v2/models/{model}/infer", namelessPath: "/v2/models/infer",
	}
}

var v2General = raw(`{"inputs":[{"name":"input-0","shape":[1,4],"datatype":"FP32","data":[1.0,2.0,3.0,4.0]}]}`)

func v2Requests(b *builder) []example {
	if len(b.example) == 0 {
		return []example{{"inputs", "a row of four numbers, as an example", v2General}}
	}
	if t, ok := ofRow(b.example[0].Inputs); ok {
		return v2RowForms(t)
	}
	if b.binaryAlone() {
		return []example{{"inputs", "a row of four numbers, as an example: a picture comes as binary data", v2General}}
	}
	return []example{{"inputs", "all inputs", raw(`{"inputs":` + v2Tensors(b.example[0].Inputs) + `}`)}}
}

func v2Answers(b *builder) []example {
	outputs := b.outputs()
	if len(outputs) == 0 || total(outputs) > shownNumbers {
		outputs = []Tensor{{}}
		outputs[0].Name, outputs[0].DType, outputs[0].Shape = "output-0", tensor.FP32, []int64{-1, 1}
	}
	name := b.graph.Nodes[b.graph.Outputs].Name
	return []example{{"outputs", "the form of an answer, not its values", raw(`{"model_name":` + quoted(name) + `,"outputs":` + v2Tensors(outputs) + `}`)}}
}

func v2Tensors(all []Tensor) string {
	large := total(all) > shownNumbers
	var parts []string
	for _, t := range all {
		if t.DType == tensor.Number {
			t.DType = tensor.FP32
		}
		parts = append(parts, `{"name":`+quoted(t.wireName())+`,"shape":`+numbersJSON(t.sizes())+`,"datatype":"`+t.DType.String()+
			`","data":`+t.elements(large)+`}`)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func v2Schemas(b *builder) object {
	text := object{{"type", "string"}}
	parameters := about("free", object{{"type", "object"}})
	whole := object{{"type", "integer"}, {"format", "int64"}}
	data := about("the elements, flat or as lists in lists", arrayOf(object{}))
	properties := func(name, datatype object) []member {
		return []member{{"name", name}, {"shape", arrayOf(whole)}, {"datatype", datatype}, {"parameters", parameters}, {"data", data}}
	}
	var datatypes list
	for d := tensor.Bool; d <= tensor.Bytes; d++ {
		datatypes = append(datatypes, d.String())
	}
	datatype := object{{"type", "string"}, {"enum", datatypes}}
	input := arrayOf(record(properties(text, datatype)...).with(member{"required", list{"name", "shape", "datatype"}}))
	if len(b.input) > 0 {
		input = arrayOf(object{{"anyOf", v2Inputs(b.input[0].Inputs, properties)}})
	}
	wanted := record(member{"name", text}, member{"parameters", parameters}).with(member{"required", list{"name"}})
	return object{
		{"Request", record(
			member{"id", about("is repeated in the answer", text)}, member{"parameters", parameters},
			member{"inputs", input}, member{"outputs", about("which outputs are wanted; without it all", arrayOf(wanted))},
		).with(member{"required", list{"inputs"}})},
		{"Answer", record(
			member{"id", text.with(member{"nullable", true})}, member{"model_name", text},
			member{"model_version", text.with(member{"nullable", true})},
			member{"parameters", parameters.with(member{"nullable", true})},
			member{"outputs", arrayOf(record(properties(text, text)...))},
		).with(member{"required", list{"outputs"}})},
		plainFailure(),
		{"Anything", object{}},
		modelMetadata(),
		{"ServerMetadata", record(member{"name", text}, member{"version", text}, member{"extensions", arrayOf(text)})},
	}
}

// v2Inputs are the schemas of the inputs one by one.
func v2Inputs(inputs []Tensor, properties func(name, datatype object) []member) list {
	var all list
	for _, t := range inputs {
		datatype, text := object{{"type", "string"}}, t.DType.String()+" "+shapeText(t.Shape)
		if others := otherNumbers(t.DType); len(others) > 0 {
			text += ", or numbers of another type where the server converts them"
			datatype = datatype.with(member{"enum", append(list{t.DType.String()}, others...)})
		} else if t.DType != tensor.Number {
			datatype = datatype.with(member{"enum", list{t.DType.String()}})
		}
		name := object{{"type", "string"}}
		if t.Name != "" { // Else any name will do.
			name = name.with(member{"enum", list{t.Name}})
		}
		s := record(properties(name, datatype)...)
		s = s.with(member{"required", list{"name", "shape", "datatype"}}, member{"description", text})
		all = append(all, s)
	}
	return all
}

// otherNumbers are the datatypes of numbers besides this one; none for what is no
// number.
func otherNumbers(d tensor.DType) (all list) {
	if d == tensor.Number || d == tensor.Bytes || d == tensor.Bool {
		return nil
	}
	for other := tensor.Bool + 1; other < tensor.Bytes; other++ {
		if other != d {
			all = append(all, other.String())
		}
	}
	return all
}
