package predictor

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"github.com/prime-radiant/radiant/executor/openapi"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
)

// serverSignatures reads what a server of the tensorflow or the v2 protocol
// tells over REST: the default signature first, which requests need not name.
func serverSignatures(form translate.Form, body []byte) (versions []string, all []openapi.Signature) {
	var told struct {
		Versions  []string `json:"versions"`
		ModelSpec struct {
			Version string `json:"version"`
		} `json:"model_spec"`
		Metadata struct {
			SignatureDef struct {
				SignatureDef map[string]struct {
					Method string `json:"method_name"`
				} `json:"signature_def"`
			} `json:"signature_def"`
		} `json:"metadata"`
	}
	if json.Unmarshal(body, &told) != nil {
		return nil, nil
	}
	versions = told.Versions
	if v := told.ModelSpec.Version; v != "" {
		versions = []string{v}
	}
	signatures := told.Metadata.SignatureDef.SignatureDef
	if spec, err := translate.ParseSpec(form, body, ""); err == nil {
		s := signature(spec)
		s.Method = signatures[defaultSignature].Method
		all = append(all, s)
	}
	for _, name := range slices.Sorted(maps.Keys(signatures)) {
		spec, err := translate.ParseSpec(form, body, name)
		if err != nil || name == defaultSignature {
			continue
		}
		s := signature(spec)
		s.Name, s.Method = name, signatures[name].Method
		same := func(o openapi.Signature) bool {
			return reflect.DeepEqual(o.Inputs, s.Inputs) && reflect.DeepEqual(o.Outputs, s.Outputs)
		}
		if !slices.ContainsFunc(all, same) {
			all = append(all, s)
		}
	}
	return versions, all
}

const defaultSignature = "serving_default"

// componentTensor is an input or output in the metadata of a component of the
// seldon protocol, in its own style or in that of the open inference protocol.
type componentTensor struct {
	Message  string          `json:"messagetype"`
	Schema   json.RawMessage `json:"schema"`
	Name     string          `json:"name"`
	Datatype string          `json:"datatype"`
	Shape    []int64         `json:"shape"`
}

// componentSignatures reads the metadata of a component that speaks the Seldon
// protocol. Authors write it by hand, so parts that cannot be understood are left
// out.
func componentSignatures(body []byte) (versions []string, all []openapi.Signature) {
	var told struct {
		Versions json.RawMessage `json:"versions"`
		Inputs   json.RawMessage `json:"inputs"`
		Outputs  json.RawMessage `json:"outputs"`
	}
	if json.Unmarshal(body, &told) != nil {
		return nil, nil
	}
	_ = json.Unmarshal(told.Versions, &versions)
	s := openapi.Signature{Inputs: componentTensors(told.Inputs), Outputs: componentTensors(told.Outputs)}
	if len(s.Inputs) == 0 && len(s.Outputs) == 0 {
		return versions, nil
	}
	return versions, []openapi.Signature{s}
}

func componentTensors(told json.RawMessage) []openapi.Tensor {
	var list []componentTensor
	if json.Unmarshal(told, &list) != nil {
		return nil
	}
	var all []openapi.Tensor
	for _, c := range list {
		t := openapi.Tensor{Message: c.Message, Schema: c.Schema}
		t.Name, t.Shape = c.Name, c.Shape
		t.DType, _ = tensor.ParseDType(c.Datatype)
		var table struct {
			Names []string `json:"names"`
			Shape []int64  `json:"shape"`
		}
		if json.Unmarshal(c.Schema, &table) == nil && c.Message != "jsonData" {
			t.Columns = table.Names
			if table.Shape != nil {
				t.Shape = table.Shape
			}
		}
		t.Shape = rows(t.Shape, len(t.Columns))
		all = append(all, t)
	}
	return all
}

// rows is the shape of a table, of which components often give the shape of
// one row, or the names of the columns alone.
func rows(shape []int64, columns int) []int64 {
	switch {
	case columns > 0 && len(shape) == 0:
		return []int64{-1, int64(columns)}
	case columns > 0 && len(shape) == 1 && shape[0] == int64(columns):
		return []int64{-1, shape[0]}
	}
	return shape
}
