package translate

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// plain reports whether a request says nothing but its data, and what is equal in
// requests that are joined. What is no request of the form is not plain.
func plain(form Form, p message.Message) bool {
	switch form {
	case SeldonJSON:
		return plainSeldonJSON(p.Body)
	case TensorFlowJSON:
		return has(p.Body, "signature_name", "instances", "inputs")
	case V2JSON:
		return plainV2JSON(p)
	case SeldonProto:
		return plainSeldonProto(p.Body)
	case TensorFlowProto:
		return hasFields(p.Body, requestModelSpec, requestInputs, outputFilter)
	case V2Proto:
		return plainV2Proto(p.Body)
	}
	return false
}

// has reports whether a JSON object has no other members than these.
func has(text []byte, members ...string) bool {
	fields, err := jsontext.ParseObject(text)
	return err == nil && only(fields, members...)
}

func only(fields jsontext.Fields, members ...string) bool {
	for _, f := range fields {
		if !slices.Contains(members, f.Key) {
			return false
		}
	}
	return true
}

// hasOrNone is [has] of a member that need not be there.
func hasOrNone(value []byte, members ...string) bool { return value == nil || has(value, members...) }

func plainSeldonJSON(body []byte) bool {
	fields, err := jsontext.ParseObject(body)
	return err == nil && only(fields, "data", "meta") &&
		hasOrNone(fields.Value("meta")) && has(fields.Value("data"), "names", "ndarray", "tensor", "tftensor")
}

func plainSeldonProto(body []byte) bool {
	const data, metaField protowire.Number = 3, 2
	if !hasFields(body, data, metaField) {
		return false
	}
	var m seldon.SeldonMessage
	return proto.Unmarshal(body, &m) == nil && proto.Size(m.GetMeta()) == 0
}

func plainV2JSON(p message.Message) bool {
	fields, _, err := splitV2(p)
	return err == nil && only(fields, "id", "parameters", "inputs", "outputs") &&
		hasOrNone(fields.Value("parameters"), "binary_data_output") &&
		eachPlain(fields.Value("inputs"), "binary_data_size", "name", "shape", "datatype", "data") &&
		eachPlain(fields.Value("outputs"), "binary_data", "name")
}

// eachPlain reports whether each of a list of tensors has these members alone, and
// this parameter alone.
func eachPlain(list []byte, parameter string, members ...string) bool {
	if list == nil {
		return true
	}
	elements, err := jsontext.ParseArray(list)
	if err != nil {
		return false
	}
	for _, e := range elements {
		fields, err := jsontext.ParseObject(e)
		if err != nil || !only(fields, append(members, "parameters")...) || !hasOrNone(fields.Value("parameters"), parameter) {
			return false
		}
	}
	return true
}

// hasFields reports whether a protobuf message has no other fields than these.
func hasFields(body []byte, numbers ...protowire.Number) bool {
	fits := true
	err := eachField(body, func(number protowire.Number, _ protowire.Type, _, _ []byte) {
		fits = fits && slices.Contains(numbers, number)
	})
	return err == nil && fits
}

// plainV2Proto looks for parameters of the request, its inputs and its outputs.
func plainV2Proto(body []byte) bool {
	const id, inputs protowire.Number = 3, 5
	fits := hasFields(body, inferModelName, inferModelVersion, id, inputs, inferOutputs, rawInputs)
	err := eachField(body, func(number protowire.Number, kind protowire.Type, _, value []byte) {
		inner, n := value, 0
		if kind == protowire.BytesType {
			if inner, n = protowire.ConsumeBytes(value); n < 0 {
				fits = false
				return
			}
		}
		switch number {
		case inputs:
			fits = fits && hasFields(inner, 1, 2, 3, 5) // not parameters
		case inferOutputs:
			fits = fits && hasFields(inner, 1)
		}
	})
	return err == nil && fits
}
