package openapi

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// strict is a model server of the tensorflow or the v2 protocol that tells
// what it takes and refuses everything else.
type strict struct {
	protocol        string
	inputs, outputs []tensor
}

// tensor is an input or output. Sizes of -1 are free.
type tensor struct {
	name, datatype string
	shape          []int
}

// dataTypes are TensorFlow's names.
var dataTypes = map[string]string{
	"FP32": "DT_FLOAT", "FP64": "DT_DOUBLE", "INT32": "DT_INT32", "INT64": "DT_INT64", "UINT8": "DT_UINT8", "BOOL": "DT_BOOL", "BYTES": "DT_STRING",
}

func (m strict) serve(s *stub.Server) {
	answer := m.v2
	if m.protocol == "tensorflow" {
		answer = m.tensorflow
	}
	s.Otherwise(func(c stub.Call) stub.Answer {
		path := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(c.Path, "/v1/models/m"), "/v2/models/m"), "/versions/1")
		value, err := answer(path, c.Body)
		if err != nil {
			text, _ := json.Marshal(object{"error": err.Error()})
			return stub.Answer{Status: http.StatusBadRequest, Body: text}
		}
		text, _ := json.Marshal(value)
		return stub.Answer{Body: text}
	})
}

func (m strict) tensorflow(path string, body []byte) (any, error) {
	switch path {
	case "":
		return object{"model_version_status": []any{object{"version": "1", "state": "AVAILABLE"}}}, nil
	case "/metadata":
		signature := object{"inputs": infos(m.inputs), "outputs": infos(m.outputs), "method_name": "tensorflow/serving/predict"}
		return object{
			"model_spec": object{"name": "m", "signature_name": "", "version": "1"},
			"metadata":   object{"signature_def": object{"signature_def": object{"serving_default": signature}}},
		}, nil
	case ":predict":
	default:
		return nil, fmt.Errorf("%s is not served", path)
	}
	var r struct {
		Instances []any
		Inputs    any
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, err
	}
	if r.Inputs != nil {
		return object{"outputs": named(m.outputs, false)}, m.fits(r.Inputs, false)
	}
	if len(r.Instances) == 0 {
		return nil, fmt.Errorf("no instances: %s", body)
	}
	var predictions []any
	for _, instance := range r.Instances {
		if err := m.fits(instance, true); err != nil {
			return nil, err
		}
		predictions = append(predictions, named(m.outputs, true))
	}
	return object{"predictions": predictions}, nil
}

// fits checks inputs by name, or the only one without; rows have no batch.
func (m strict) fits(v any, row bool) error {
	values, ok := v.(object)
	if !ok || len(m.inputs) == 1 && values[m.inputs[0].name] == nil {
		values = object{m.inputs[0].name: v}
	}
	if len(values) != len(m.inputs) {
		return fmt.Errorf("inputs are %v", values)
	}
	for _, t := range m.inputs {
		shape := t.shape
		if row {
			shape = shape[1:]
		}
		if err := t.holds(values[t.name], shape); err != nil {
			return err
		}
	}
	return nil
}

// holds checks a tensor as lists in lists.
func (t tensor) holds(v any, shape []int) error {
	if len(shape) == 0 {
		return t.element(v)
	}
	items, ok := v.([]any)
	if !ok || len(items) == 0 || shape[0] >= 0 && len(items) != shape[0] {
		return fmt.Errorf("%s: want a list of %d, got %d: %.100v", t.name, shape[0], len(items), v)
	}
	for _, item := range items {
		if err := t.holds(item, shape[1:]); err != nil {
			return err
		}
	}
	return nil
}

func (t tensor) element(v any) error {
	number, isNumber := v.(float64)
	_, isBool := v.(bool)
	_, isText := v.(string)
	var ok bool
	switch t.datatype {
	case "BOOL":
		ok = isBool
	case "BYTES":
		ok = isText || v.(object)["b64"] != nil
	case "FP32", "FP64":
		ok = isNumber
	default:
		ok = isNumber && number == math.Trunc(number)
	}
	if !ok {
		return fmt.Errorf("%s: %v is no %s", t.name, v, t.datatype)
	}
	return nil
}

func infos(all []tensor) object {
	o := object{}
	for _, t := range all {
		var dim []any
		for _, n := range t.shape {
			dim = append(dim, object{"size": fmt.Sprint(n), "name": ""})
		}
		o[t.name] = object{"dtype": dataTypes[t.datatype], "tensor_shape": object{"dim": dim, "unknown_rank": false}, "name": t.name + ":0"}
	}
	return o
}

// zero is a tensor of zeros and the like, with a batch of one.
func (t tensor) zero(shape []int) any {
	if len(shape) > 0 {
		var items []any
		for range max(shape[0], 1) {
			items = append(items, t.zero(shape[1:]))
		}
		return items
	}
	switch t.datatype {
	case "BOOL":
		return false
	case "BYTES":
		return "zero"
	}
	return 0
}

func named(all []tensor, row bool) any {
	o := object{}
	for _, t := range all {
		shape := t.shape
		if row {
			shape = shape[1:]
		}
		o[t.name] = t.zero(shape)
	}
	if len(all) == 1 {
		return o[all[0].name]
	}
	return o
}

func (m strict) v2(path string, body []byte) (any, error) {
	describe := func(all []tensor) []any {
		list := []any{}
		for _, t := range all {
			list = append(list, object{"name": t.name, "datatype": t.datatype, "shape": t.shape})
		}
		return list
	}
	switch path {
	case "/ready":
		return object{"name": "m", "ready": true}, nil
	case "":
		return object{"name": "m", "versions": []string{"1"}, "platform": "strict", "inputs": describe(m.inputs), "outputs": describe(m.outputs)}, nil
	case "/infer":
	default:
		return nil, fmt.Errorf("%s is not served", path)
	}
	var r struct {
		Inputs []struct {
			Name, Datatype string
			Shape          []int
			Data           []any
		}
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, err
	}
	if len(r.Inputs) != len(m.inputs) {
		return nil, fmt.Errorf("got %d inputs, want %d", len(r.Inputs), len(m.inputs))
	}
	for i, t := range m.inputs {
		in := r.Inputs[i]
		total := 1
		for _, n := range in.Shape {
			total *= n
		}
		fits := slices.EqualFunc(in.Shape, t.shape, func(got, want int) bool { return got == want || want < 0 && got > 0 })
		if in.Name != t.name || in.Datatype != t.datatype || !fits || len(in.Data) != total {
			return nil, fmt.Errorf("input is %s %s %v with %d elements, want %v", in.Name, in.Datatype, in.Shape, len(in.Data), t)
		}
		for _, e := range in.Data {
			if err := t.element(e); err != nil {
				return nil, err
			}
		}
	}
	var outputs []any
	for _, t := range m.outputs {
		shape := make([]int, len(t.shape))
		var data []any
		total := 1
		for i, n := range t.shape {
			shape[i] = max(n, 1)
			total *= shape[i]
		}
		for range total {
			data = append(data, t.zero(nil))
		}
		outputs = append(outputs, object{"name": t.name, "datatype": t.datatype, "shape": shape, "data": data})
	}
	return object{"model_name": "m", "model_version": "1", "outputs": outputs}, nil
}
