package translate

import (
	"encoding/json"
	"slices"
	"strings"

	bentoml "github.com/prime-radiant/radiant/bento"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// BentoRoute is one of the routes that a Bento, a service of BentoML, tells of in its
// schema.json: where requests are posted, and what its parameters are.
type BentoRoute struct {
	// Path begins with a slash.
	Path string
	// alone says that the body is the value of the one parameter, without its name.
	alone      bool
	parameters []bentoParameter
	output     bentoType
}

// bentoParameter is a parameter of a route. One that is not required has a default.
type bentoParameter struct {
	name     string
	required bool
	// example is a value that the Bento says works, as JSON; nil: it says none.
	example json.RawMessage
	bentoType
}

// bentoKind is what a value of a Bento is in JSON.
type bentoKind uint8

const (
	// bentoAny is any JSON: an object, a list of objects, or what says nothing.
	bentoAny bentoKind = iota
	// bentoArray is a list of numbers, texts or truths, or lists in lists.
	bentoArray
	// bentoTable is a data frame: a list of records, or lists by the name of a column.
	bentoTable
	// bentoOne is one number or truth.
	bentoOne
	// bentoText is one text.
	bentoText
	// bentoFile is bytes, such as a picture.
	bentoFile
)

// bentoType is the type of a parameter or an answer. Number and a nil shape are not
// known; dimensions of -1 are free.
type bentoType struct {
	kind    bentoKind
	dtype   tensor.DType
	shape   []int64
	columns []string
	// byColumn says that a table is lists by the names of its columns.
	byColumn bool
	// image says that a file is a picture.
	image bool
}

// bentoSchema is the part of a JSON schema that is understood.
type bentoSchema struct {
	Type       any               `json:"type"`
	Format     string            `json:"format"`
	DType      string            `json:"dtype"`
	Shape      []int64           `json:"shape"`
	Orient     string            `json:"orient"`
	Columns    []string          `json:"columns"`
	Items      *bentoSchema      `json:"items"`
	AnyOf      []bentoSchema     `json:"anyOf"`
	Default    json.RawMessage   `json:"default"`
	Examples   []json.RawMessage `json:"examples"`
	Properties json.RawMessage   `json:"properties"`
	Required   []string          `json:"required"`
	Root       bool              `json:"root_input"`
}

// parseBentoSpec reads the body of GET /schema.json. API names the route; empty is the
// only one.
func parseBentoSpec(body []byte, api string) (*Spec, error) {
	routes, err := bentoml.Routes(body)
	if err != nil {
		return nil, refuse("", "%s", reason(err))
	}
	chosen, err := bentoml.Choose(routes, api)
	if err != nil {
		return nil, refuse("", "%s", reason(err))
	}
	var input, output bentoSchema
	for _, part := range []struct {
		of   json.RawMessage
		into *bentoSchema
	}{{chosen.Input, &input}, {chosen.Output, &output}} {
		if len(part.of) == 0 {
			continue
		}
		if err := json.Unmarshal(part.of, part.into); err != nil {
			return nil, refuse("", "reading schema.json of the Bento: route %s: %s", chosen.Name, reason(err))
		}
	}
	route := &BentoRoute{Path: "/" + strings.TrimPrefix(chosen.Path, "/"), output: output.read()}
	if err := route.take(&input); err != nil {
		return nil, err
	}
	return &Spec{Route: route, Inputs: route.inputs(), Outputs: route.outputs()}, nil
}

// take reads the parameters of a route.
func (r *BentoRoute) take(input *bentoSchema) error {
	if input.Root {
		r.alone = true
		r.parameters = []bentoParameter{{"body", input.Default == nil, input.example(), input.read()}}
		return nil
	}
	if input.Properties == nil {
		return nil
	}
	fields, err := jsontext.ParseObject(input.Properties)
	if err != nil {
		return refuse("", "reading schema.json of the Bento: properties: %s", reason(err))
	}
	for _, f := range fields {
		var s bentoSchema
		if err := json.Unmarshal(f.Value, &s); err != nil {
			return refuse(f.Key, "reading schema.json of the Bento: %s", reason(err))
		}
		r.parameters = append(r.parameters, bentoParameter{f.Key, slices.Contains(input.Required, f.Key), s.example(), s.read()})
	}
	return nil
}

// example is a value that works.
func (s *bentoSchema) example() json.RawMessage {
	if len(s.Examples) == 0 {
		return nil
	}
	return s.Examples[0]
}

// read understands a schema.
func (s *bentoSchema) read() bentoType {
	// A value that may be left out is one of its type, or null.
	for i := range s.AnyOf {
		if kind, _ := s.AnyOf[i].Type.(string); kind != "null" {
			return s.AnyOf[i].read()
		}
	}
	kind, _ := s.Type.(string)
	switch kind {
	case "tensor":
		return bentoType{kind: bentoArray, dtype: numpyType(s.DType), shape: s.Shape}
	case "dataframe":
		return bentoType{kind: bentoTable, columns: s.Columns, byColumn: s.Orient == "columns"}
	case "array":
		return s.list()
	case "string":
		return bentoType{kind: bentoText, dtype: tensor.Bytes, shape: []int64{}}
	case "file":
		return bentoType{kind: bentoFile, dtype: tensor.Bytes, shape: []int64{}, image: s.Format == "image"}
	case "integer":
		return bentoType{kind: bentoOne, dtype: tensor.Int64, shape: []int64{}}
	case "number":
		return bentoType{kind: bentoOne, dtype: tensor.FP64, shape: []int64{}}
	case "boolean":
		return bentoType{kind: bentoOne, dtype: tensor.Bool, shape: []int64{}}
	}
	return bentoType{}
}

// list understands a list of Python's, which has a dimension for each list in it.
func (s *bentoSchema) list() bentoType {
	if s.Items == nil || s.Items.Type == nil && s.Items.AnyOf == nil {
		return bentoType{kind: bentoArray}
	}
	inner := s.Items.read()
	switch inner.kind {
	case bentoOne, bentoText, bentoArray:
		if inner.shape == nil {
			return bentoType{kind: bentoArray, dtype: inner.dtype}
		}
		return bentoType{kind: bentoArray, dtype: inner.dtype, shape: append([]int64{-1}, inner.shape...)}
	}
	return bentoType{}
}

// numpyType is the type that NumPy, or another library of tensors, calls so; Number:
// none is known.
func numpyType(name string) tensor.DType {
	switch name = strings.TrimSuffix(name, "_"); name {
	case "float16", "float32", "float64":
		name = "FP" + name[len("float"):]
	case "bfloat16":
		name = "BF16"
	case "str", "string":
		name = "BYTES"
	}
	dtype, _ := tensor.ParseDType(strings.ToUpper(name))
	return dtype
}

// outputs is the answer as a tensor, if it is one.
func (r *BentoRoute) outputs() []TensorSpec {
	switch r.output.kind {
	case bentoAny, bentoTable:
		return nil
	}
	shape := r.output.shape
	if shape != nil && len(shape) == 0 {
		shape = []int64{1}
	}
	return []TensorSpec{{Name: unnamedOutput, DType: r.output.dtype, Shape: shape}}
}

// names lists parameters for a message.
func (r *BentoRoute) names() string {
	specs := make([]TensorSpec, len(r.parameters))
	for i, p := range r.parameters {
		specs[i].Name = p.name
	}
	return nameList(specs)
}
