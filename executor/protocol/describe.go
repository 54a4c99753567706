package protocol

import (
	"cmp"
	"encoding/json"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/prime-radiant/radiant/apis/inference"
	seldonpb "github.com/prime-radiant/radiant/apis/seldon"
	tensorflowpb "github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
)

// Model descriptions: what a protocol says of a model whose server speaks
// another one.

// Description is what is known of a model.
type Description struct {
	// Name is the model's, Platform the protocol of its server.
	Name, Platform string
	// Version is the one that is described, and Versions are all that there are; empty
	// where they are not known.
	Version  string
	Versions []string
	// Spec is nil where the server does not tell.
	Spec *translate.Spec
}

// versions are all, in a list that is never null.
func (d Description) versions() []string { return append([]string{}, d.Versions...) }

func (d Description) inputs() []translate.TensorSpec {
	if d.Spec == nil {
		return nil
	}
	return d.Spec.Inputs
}

func (d Description) outputs() []translate.TensorSpec {
	if d.Spec == nil {
		return nil
	}
	return d.Spec.Outputs
}

// tensorJSON is a tensor's metadata in the open inference protocol, and in
// seldon metadata of the same style.
type tensorJSON struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"`
	Shape    []int64 `json:"shape"`
}

func tensorsJSON(specs []translate.TensorSpec) []tensorJSON {
	all := []tensorJSON{}
	for _, s := range specs {
		all = append(all, tensorJSON{s.Name, s.DType.String(), shape(s)})
	}
	return all
}

func shape(s translate.TensorSpec) []int64 {
	if s.Shape == nil {
		return []int64{-1}
	}
	return s.Shape
}

// describeJSON is the metadata of seldon and of the open inference protocol,
// which agree on it.
func describeJSON(d Description) ([]byte, error) {
	return json.Marshal(struct {
		Name     string       `json:"name"`
		Versions []string     `json:"versions"`
		Platform string       `json:"platform"`
		Inputs   []tensorJSON `json:"inputs"`
		Outputs  []tensorJSON `json:"outputs"`
	}{d.Name, d.versions(), d.Platform, tensorsJSON(d.inputs()), tensorsJSON(d.outputs())})
}

func describeSeldon(d Description) ([]byte, error) {
	list := func(specs []translate.TensorSpec) (all []*seldonpb.SeldonMessageMetadata) {
		for _, s := range specs {
			all = append(all, &seldonpb.SeldonMessageMetadata{Name: s.Name, Datatype: s.DType.String(), Shape: shape(s)})
		}
		return all
	}
	return proto.Marshal(&seldonpb.SeldonModelMetadata{Name: d.Name, Versions: d.Versions, Platform: d.Platform, Inputs: list(d.inputs()), Outputs: list(d.outputs())})
}

func describeV2(d Description) ([]byte, error) {
	list := func(specs []translate.TensorSpec) (all []*inference.ModelMetadataResponse_TensorMetadata) {
		for _, s := range specs {
			all = append(all, &inference.ModelMetadataResponse_TensorMetadata{Name: s.Name, Datatype: s.DType.String(), Shape: shape(s)})
		}
		return all
	}
	return proto.Marshal(&inference.ModelMetadataResponse{Name: d.Name, Versions: d.Versions, Platform: d.Platform, Inputs: list(d.inputs()), Outputs: list(d.outputs())})
}

// tensorflowType names a type as TensorFlow does.
func tensorflowType(d tensor.DType) string {
	switch d {
	case tensor.FP16:
		return "DT_HALF"
	case tensor.BF16:
		return "DT_BFLOAT16"
	case tensor.FP32:
		return "DT_FLOAT"
	case tensor.FP64:
		return "DT_DOUBLE"
	case tensor.Bytes:
		return "DT_STRING"
	}
	return "DT_" + d.String()
}

const defaultSignature = "serving_default"

// describeTensorFlowJSON writes as TensorFlow Serving does: int64 as strings,
// the map of signatures twice wrapped.
func describeTensorFlowJSON(d Description) ([]byte, error) {
	type object = map[string]any
	list := func(specs []translate.TensorSpec) object {
		all := object{}
		for _, s := range specs {
			dims := []object{}
			for _, n := range s.Shape {
				dims = append(dims, object{"size": strconv.FormatInt(n, 10), "name": ""})
			}
			all[s.Name] = object{"dtype": tensorflowType(s.DType), "tensor_shape": object{"dim": dims, "unknown_rank": s.Shape == nil}, "name": s.Name}
		}
		return all
	}
	signature := object{"inputs": list(d.inputs()), "outputs": list(d.outputs()), "method_name": "tensorflow/serving/predict"}
	return json.Marshal(object{
		"model_spec": object{"name": d.Name, "signature_name": "", "version": cmp.Or(d.Version, "1")},
		"metadata":   object{"signature_def": object{"signature_def": object{defaultSignature: signature}}},
	})
}

func describeTensorFlow(d Description) ([]byte, error) {
	list := func(specs []translate.TensorSpec) map[string]*tensorflowpb.TensorInfo {
		all := map[string]*tensorflowpb.TensorInfo{}
		for _, s := range specs {
			dims := &tensorflowpb.TensorShapeProto{UnknownRank: s.Shape == nil}
			for _, n := range s.Shape {
				dims.Dim = append(dims.Dim, &tensorflowpb.TensorShapeProto_Dim{Size: n})
			}
			dtype := tensorflowpb.DataType(tensorflowpb.DataType_value[tensorflowType(s.DType)])
			all[s.Name] = &tensorflowpb.TensorInfo{Dtype: dtype, TensorShape: dims, Encoding: &tensorflowpb.TensorInfo_Name{Name: s.Name}}
		}
		return all
	}
	signatures, err := anypb.New(&tensorflowpb.SignatureDefMap{SignatureDef: map[string]*tensorflowpb.SignatureDef{
		defaultSignature: {Inputs: list(d.inputs()), Outputs: list(d.outputs()), MethodName: "tensorflow/serving/predict"},
	}})
	if err != nil {
		return nil, err
	}
	spec := &tensorflowpb.ModelSpec{Name: d.Name}
	if n := number(d.Version); n > 0 {
		spec.VersionChoice = &tensorflowpb.ModelSpec_Version{Version: wrapperspb.Int64(n)}
	}
	return proto.Marshal(&tensorflowpb.GetModelMetadataResponse{
		ModelSpec: spec, Metadata: map[string]*anypb.Any{"signature_def": signatures},
	})
}

// What each protocol says of a model that is there, over each transport.

func upSeldonJSON(string) ([]byte, error) {
	return []byte(`{"data":{"names":[],"ndarray":["ok"]}}`), nil
}

func upTensorFlowJSON(string) ([]byte, error) {
	return []byte(`{"model_version_status":[{"version":"1","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]}`), nil
}

func upTensorFlow(string) ([]byte, error) {
	return proto.Marshal(&tensorflowpb.GetModelStatusResponse{ModelVersionStatus: []*tensorflowpb.ModelVersionStatus{
		{Version: 1, State: tensorflowpb.ModelVersionStatus_AVAILABLE},
	}})
}

func upV2JSON(model string) ([]byte, error) {
	return json.Marshal(map[string]any{"name": model, "ready": true})
}

func upV2(string) ([]byte, error) { return True(1), nil }
