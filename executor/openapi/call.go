package openapi

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// call is the document's member x-call: how to ask for a prediction, for
// programs that print it. It has the path and the request that the page shows
// first; where it can be written, the method and the request over gRPC as JSON;
// and whether the request is made for this model or for any.
func (b *builder) call() object {
	o := object{
		{"path", b.predictionPath()},
		{"request", b.requests[0].value},
		{"known", b.graph.Request != nil || len(b.input) > 0 && !b.binaryAlone()},
	}
	if method, request := b.grpc(); request != "" {
		o = append(o, member{"grpc", object{{"method", method}, {"request", request}}})
	}
	return o
}

// PredictionPath is where clients of a graph should ask for a prediction. It needs
// nothing that servers tell.
func PredictionPath(g *Graph) string {
	b := &builder{graph: g, words: wordsOf(g.Protocol.Name)}
	b.model, b.single = b.requestModel()
	return b.predictionPath()
}

// predictionPath is where clients should ask.
func (b *builder) predictionPath() string {
	if b.single && b.words.predictPath != "" {
		return strings.ReplaceAll(b.words.predictPath, "{model}", b.model)
	}
	return b.words.namelessPath
}

// grpc is the same request over gRPC; empty: nobody knows how to write it.
func (b *builder) grpc() (method string, request raw) {
	i := slices.IndexFunc(b.graph.Protocol.Methods, func(m protocol.Method) bool { return m.Action == protocol.Predict })
	if i < 0 {
		return "", ""
	}
	m := b.graph.Protocol.Methods[i]
	model := ""
	if b.single {
		model = b.model
	}
	first, _ := b.requests[0].value.(raw)
	switch b.words.predictPath {
	case v2Words().predictPath:
		request = v2OverGRPC(model, first)
	case tensorflowWords().predictPath:
		request = b.tensorflowOverGRPC(model)
	default:
		request = first // Protobuf's own JSON.
	}
	return m.Service + "/" + m.Name, request
}

// tensorflowOverGRPC writes the preferred signature's inputs: one element stands
// for all where they are equal.
func (b *builder) tensorflowOverGRPC(model string) raw {
	if len(b.example) == 0 {
		return ""
	}
	s := b.example[0]
	var inputs []string
	for _, t := range s.Inputs {
		if t.Shape == nil {
			return ""
		}
		dtype := t.DType
		if dtype == tensor.Number {
			dtype = tensor.FP64
		}
		name, field := tensorflowField(dtype)
		if field == "" || t.Frame {
			return ""
		}
		values := "[" + wireElement(dtype) + "]"
		switch {
		case len(t.Row) > 0:
			values = wireElements(dtype, t.Row)
		case t.File:
			values = `["` + t.bytes() + `"]`
		}
		var dims []string
		for _, n := range t.sizes() {
			dims = append(dims, `{"size":`+strconv.FormatInt(n, 10)+"}")
		}
		inputs = append(inputs, quoted(t.wireName())+`:{"dtype":"`+name+`","tensor_shape":{"dim":[`+strings.Join(dims, ",")+`]},"`+field+`":`+values+`}`)
	}
	spec := `"name":` + quoted(model)
	if s.Name != "" {
		spec += `,"signature_name":` + quoted(s.Name)
	}
	return raw(`{"model_spec":{` + spec + `},"inputs":{` + strings.Join(inputs, ",") + `}}`)
}

// tensorflowField names a type as TensorFlow does, and the field of TensorProto
// that holds its elements; none for 16-bit floats, which are bits there.
func tensorflowField(d tensor.DType) (name, field string) {
	switch d {
	case tensor.FP32:
		return "DT_FLOAT", "float_val"
	case tensor.FP64:
		return "DT_DOUBLE", "double_val"
	case tensor.Bytes:
		return "DT_STRING", "string_val"
	case tensor.Bool:
		return "DT_BOOL", "bool_val"
	case tensor.Int64, tensor.Uint32, tensor.Uint64:
		return "DT_" + d.String(), strings.ToLower(d.String()) + "_val"
	case tensor.Int8, tensor.Int16, tensor.Int32, tensor.Uint8, tensor.Uint16:
		return "DT_" + d.String(), "int_val"
	}
	return "", ""
}

// wireElement is one element in protobuf's JSON, where bytes are base64.
func wireElement(d tensor.DType) string {
	if d == tensor.Bytes {
		return quoted(base64.StdEncoding.EncodeToString([]byte("text")))
	}
	return element(d, false)
}

func wireElements(d tensor.DType, cells []json.RawMessage) string {
	var all []string
	for _, cell := range cells {
		var text string
		if d == tensor.Bytes && json.Unmarshal(cell, &text) == nil {
			cell = json.RawMessage(quoted(base64.StdEncoding.EncodeToString([]byte(text))))
		}
		all = append(all, string(cell))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// v2Input is an input of a request over REST.
type v2Input struct {
	Name       string          `json:"name"`
	Datatype   string          `json:"datatype"`
	Shape      []int64         `json:"shape"`
	Parameters map[string]any  `json:"parameters"`
	Data       json.RawMessage `json:"data"`
}

// v2OverGRPC writes a request over REST as one over gRPC; empty: it has
// elements that only bytes can hold, or is none.
func v2OverGRPC(model string, request raw) raw {
	var r struct {
		Parameters map[string]any `json:"parameters"`
		Inputs     []v2Input      `json:"inputs"`
	}
	if json.Unmarshal([]byte(request), &r) != nil || len(r.Inputs) == 0 {
		return ""
	}
	var inputs []string
	for _, in := range r.Inputs {
		dtype, known := tensor.ParseDType(in.Datatype)
		field := v2Field(dtype)
		var cells []json.RawMessage
		if !known || field == "" || !flatten(in.Data, &cells) {
			return ""
		}
		inputs = append(inputs, `{"name":`+quoted(in.Name)+`,"datatype":"`+in.Datatype+`","shape":`+numbersJSON(in.Shape)+
			v2Parameters(in.Parameters)+`,"contents":{"`+field+`":`+wireElements(dtype, cells)+`}}`)
	}
	return raw(`{"model_name":` + quoted(model) + v2Parameters(r.Parameters) + `,"inputs":[` + strings.Join(inputs, ",") + `]}`)
}

func v2Field(d tensor.DType) string {
	switch d {
	case tensor.Bool:
		return "bool_contents"
	case tensor.Int8, tensor.Int16, tensor.Int32:
		return "int_contents"
	case tensor.Int64:
		return "int64_contents"
	case tensor.Uint8, tensor.Uint16, tensor.Uint32:
		return "uint_contents"
	case tensor.Uint64:
		return "uint64_contents"
	case tensor.FP32:
		return "fp32_contents"
	case tensor.FP64:
		return "fp64_contents"
	case tensor.Bytes:
		return "bytes_contents"
	}
	return ""
}

// v2Parameters are the texts and truths among the parameters.
func v2Parameters(all map[string]any) string {
	var parts []string
	for name, value := range all {
		switch v := value.(type) {
		case string:
			parts = append(parts, quoted(name)+`:{"string_param":`+quoted(v)+`}`)
		case bool:
			text, _ := scalar(v)
			parts = append(parts, quoted(name)+`:{"bool_param":`+text+`}`)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Sort(parts)
	return `,"parameters":{` + strings.Join(parts, ",") + `}`
}

// flatten appends the elements of lists in lists.
func flatten(data json.RawMessage, cells *[]json.RawMessage) bool {
	var list []json.RawMessage
	if len(data) == 0 || data[0] != '[' {
		*cells = append(*cells, data)
		return len(data) > 0
	}
	if json.Unmarshal(data, &list) != nil {
		return false
	}
	return !slices.ContainsFunc(list, func(item json.RawMessage) bool { return !flatten(item, cells) })
}
