package translate

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// ParseSpec reads what a model server says of its model: the body of
// GET /v1/models/{m}/metadata or a GetModelMetadataResponse, the body of
// GET /v2/models/{m} or a ModelMetadataResponse, the body of a Bento's GET
// /schema.json. The signature counts for the TensorFlow forms, where empty means the
// default one, and for a Bento, where it is the route and empty means the only one. Tensors of a type that
// has no translation are of type Number.
func ParseSpec(form Form, body []byte, signature string) (*Spec, error) {
	switch form {
	case TensorFlowJSON:
		return parseTensorFlowJSONSpec(body, signature)
	case TensorFlowProto:
		return parseTensorFlowProtoSpec(body, signature)
	case V2JSON:
		return parseV2JSONSpec(body)
	case V2Proto:
		return parseV2ProtoSpec(body)
	case BentoJSON:
		return parseBentoSpec(body, signature)
	}
	return nil, refuse("", "a server of this protocol does not describe its tensors")
}

// chooseSignature finds a signature by name, the default one, or the only one.
func chooseSignature[T any](signatures map[string]T, name string) (T, error) {
	var none T
	names := slices.Sorted(maps.Keys(signatures))
	names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "__") })
	if name == "" {
		if name = defaultSignature; len(names) == 1 {
			name = names[0]
		}
	}
	if s, ok := signatures[name]; ok {
		return s, nil
	}
	return none, refuse("", "the model has no signature %q; it has %q", name, names)
}

type jsonTensorInfo struct {
	DType string `json:"dtype"`
	Shape struct {
		Dim []struct {
			Size json.RawMessage `json:"size"`
		} `json:"dim"`
		UnknownRank bool `json:"unknown_rank"`
	} `json:"tensor_shape"`
}

type jsonSignature struct {
	Inputs  map[string]jsonTensorInfo `json:"inputs"`
	Outputs map[string]jsonTensorInfo `json:"outputs"`
}

func parseTensorFlowJSONSpec(body []byte, name string) (*Spec, error) {
	var in struct {
		ModelSpec struct {
			Version json.RawMessage `json:"version"`
		} `json:"model_spec"`
		Metadata struct {
			SignatureDef struct {
				SignatureDef map[string]jsonSignature `json:"signature_def"`
			} `json:"signature_def"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, refuse("", "reading model metadata: %s", reason(err))
	}
	signature, err := chooseSignature(in.Metadata.SignatureDef.SignatureDef, name)
	if err != nil {
		return nil, err
	}
	s := &Spec{Inputs: fromJSONInfos(signature.Inputs), Outputs: fromJSONInfos(signature.Outputs)}
	if version := strings.Trim(string(in.ModelSpec.Version), `"`); version != "" && version != "null" {
		s.Versions = []string{version}
	}
	return s, nil
}

func fromJSONInfos(infos map[string]jsonTensorInfo) []TensorSpec {
	specs := make([]TensorSpec, 0, len(infos))
	for _, name := range slices.Sorted(maps.Keys(infos)) {
		info := infos[name]
		spec := TensorSpec{Name: name}
		spec.DType, _ = fromDataType(tensorflow.DataType(tensorflow.DataType_value[info.DType]))
		if !info.Shape.UnknownRank {
			spec.Shape = make([]int64, len(info.Shape.Dim))
			for i, d := range info.Shape.Dim {
				size, err := strconv.ParseInt(strings.Trim(string(d.Size), `"`), 10, 64)
				if err != nil {
					size = -1
				}
				spec.Shape[i] = size
			}
		}
		specs = append(specs, spec)
	}
	return specs
}

func parseTensorFlowProtoSpec(body []byte, name string) (*Spec, error) {
	var in tensorflow.GetModelMetadataResponse
	if err := proto.Unmarshal(body, &in); err != nil {
		return nil, refuse("", "reading model metadata: %s", reason(err))
	}
	var signatures tensorflow.SignatureDefMap
	if err := proto.Unmarshal(in.GetMetadata()["signature_def"].GetValue(), &signatures); err != nil {
		return nil, refuse("", "reading model metadata: signature_def: %s", reason(err))
	}
	signature, err := chooseSignature(signatures.SignatureDef, name)
	if err != nil {
		return nil, err
	}
	s := &Spec{Inputs: fromInfos(signature.GetInputs()), Outputs: fromInfos(signature.GetOutputs())}
	if version := in.GetModelSpec().GetVersion(); version != nil {
		s.Versions = []string{strconv.FormatInt(version.GetValue(), 10)}
	}
	return s, nil
}

func fromInfos(infos map[string]*tensorflow.TensorInfo) []TensorSpec {
	specs := make([]TensorSpec, 0, len(infos))
	for _, name := range slices.Sorted(maps.Keys(infos)) {
		info := infos[name]
		spec := TensorSpec{Name: name}
		spec.DType, _ = fromDataType(info.GetDtype())
		if shape := info.GetTensorShape(); !shape.GetUnknownRank() {
			spec.Shape = make([]int64, len(shape.GetDim()))
			for i, d := range shape.GetDim() {
				spec.Shape[i] = d.GetSize()
			}
		}
		specs = append(specs, spec)
	}
	return specs
}

func parseV2JSONSpec(body []byte) (*Spec, error) {
	type tensorMetadata struct {
		Name       string       `json:"name"`
		Datatype   string       `json:"datatype"`
		Shape      []int64      `json:"shape"`
		Parameters v2Parameters `json:"parameters"`
	}
	var in struct {
		Versions json.RawMessage  `json:"versions"`
		Inputs   []tensorMetadata `json:"inputs"`
		Outputs  []tensorMetadata `json:"outputs"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, refuse("", "reading model metadata: %s", reason(err))
	}
	convert := func(list []tensorMetadata) []TensorSpec {
		var specs []TensorSpec
		for _, m := range list {
			specs = append(specs, v2Spec(m.Name, m.Datatype, m.Shape, m.Parameters.ContentType))
		}
		return specs
	}
	s := &Spec{Inputs: convert(in.Inputs), Outputs: convert(in.Outputs)}
	// Versions that are no text say nothing.
	_ = json.Unmarshal(in.Versions, &s.Versions)
	return s, nil
}

func parseV2ProtoSpec(body []byte) (*Spec, error) {
	var in inference.ModelMetadataResponse
	if err := proto.Unmarshal(body, &in); err != nil {
		return nil, refuse("", "reading model metadata: %s", reason(err))
	}
	convert := func(list []*inference.ModelMetadataResponse_TensorMetadata) []TensorSpec {
		var specs []TensorSpec
		for _, m := range list {
			specs = append(specs, v2Spec(m.GetName(), m.GetDatatype(), m.GetShape(), contentTypeOf(m)))
		}
		return specs
	}
	return &Spec{Inputs: convert(in.Inputs), Outputs: convert(in.Outputs), Versions: in.Versions}, nil
}

// contentTypeOf finds the content type in the parameters that MLServer's metadata
// has for a tensor, where the open inference protocol has no field. They are
// the parameters of an input of a request.
func contentTypeOf(m *inference.ModelMetadataResponse_TensorMetadata) string {
	var input inference.ModelInferRequest_InferInputTensor
	if proto.Unmarshal(m.ProtoReflect().GetUnknown(), &input) != nil {
		return ""
	}
	return input.Parameters["content_type"].GetStringParam()
}

func v2Spec(name, datatype string, shape []int64, contentType string) TensorSpec {
	dtype, _ := tensor.ParseDType(datatype)
	return TensorSpec{Name: name, DType: dtype, Shape: shape, ContentType: contentType}
}

// ReadServer reads the body of GET /v2: what the server says of itself. A body
// that says nothing leaves the spec as it is.
func (s *Spec) ReadServer(body []byte) {
	var in struct {
		Name       string   `json:"name"`
		Extensions []string `json:"extensions"`
	}
	if json.Unmarshal(body, &in) == nil {
		s.Binary, s.MLServer = slices.Contains(in.Extensions, "binary_tensor_data"), in.Name == "mlserver"
	}
}

// Same reports whether two specs say the same of what is sent and answered,
// whatever the model's version. Both may be nil.
func (s *Spec) Same(o *Spec) bool {
	if s == nil || o == nil {
		return s == o
	}
	same := func(a, b TensorSpec) bool {
		return a.Name == b.Name && a.DType == b.DType && a.ContentType == b.ContentType && slices.Equal(a.Shape, b.Shape)
	}
	return s.Binary == o.Binary && s.MLServer == o.MLServer && reflect.DeepEqual(s.Route, o.Route) && slices.EqualFunc(s.Inputs, o.Inputs, same) && slices.EqualFunc(s.Outputs, o.Outputs, same)
}

// contradicts reports whether an answer is not what the spec says. Version is
// the one that was asked for, if any.
func (s *Spec) contradicts(answer *content, version string) bool {
	if s == nil {
		return false
	}
	if version == "" && answer.version != "" && len(s.Versions) > 0 && !slices.Contains(s.Versions, answer.version) {
		return true
	}
	for i := range answer.tensors {
		t := &answer.tensors[i]
		if t.Name == "" || len(s.Outputs) == 0 {
			continue
		}
		told := slices.IndexFunc(s.Outputs, func(o TensorSpec) bool { return o.Name == t.Name })
		if told < 0 {
			return true
		}
		if kind := s.Outputs[told].DType; kind != tensor.Number && t.DType != tensor.Number && kind != t.DType {
			return true
		}
	}
	return false
}
