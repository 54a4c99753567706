package translate

import (
	"encoding/json"
	"math"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// Branch is the child that a router's answer names: -1 for all of them, -2
// for none. A seldon answer is read as strictly as the reference reads it: an
// unknown field makes it no message, and text behind it does not count. A
// fraction is cut off. Routers written for
// Seldon Core v1 answer a seldon message over HTTP, whatever protocol the graph
// speaks: it is understood in every JSON form.
func Branch(form Form, p message.Message) (int, error) {
	branch, err := ownBranch(form, p)
	if err != nil && form.text() && form != SeldonJSON {
		if branch, err := seldonJSONBranch(p.Body); err == nil {
			return branch, nil
		}
	}
	return branch, err
}

// ownBranch reads an answer in the form itself.
func ownBranch(form Form, p message.Message) (int, error) {
	switch form {
	case SeldonJSON:
		return seldonJSONBranch(p.Body)
	case SeldonProto:
		var m seldon.SeldonMessage
		if err := proto.Unmarshal(p.Body, &m); err != nil {
			return 0, refuse("", "the router's answer is not a seldon message: %s", reason(err))
		}
		return seldonBranch(&m)
	}
	c, err := form.codec()
	if err != nil {
		return 0, err
	}
	m, err := c.decodeResponse(p)
	if err != nil {
		return 0, err
	}
	if len(m.tensors) != 1 {
		return 0, refuse("", "a router answers one tensor, not %d", len(m.tensors))
	}
	values, err := m.tensors[0].Float64s()
	if err != nil {
		return 0, blame(m.tensors[0].Name, err)
	}
	return firstBranch(values)
}

func seldonJSONBranch(body []byte) (int, error) {
	if branch, ok := usualBranch(body); ok {
		return branch, nil
	}
	return anyJSONBranch(body)
}

// anyJSONBranch reads what [usualBranch] does not.
func anyJSONBranch(body []byte) (int, error) {
	text := body
	if end, err := jsontext.Skip(body, jsontext.Space(body, 0)); err == nil {
		text = body[:end]
	}
	var m seldon.SeldonMessage
	err := protojson.Unmarshal(text, &m)
	if err == nil {
		return seldonBranch(&m)
	}
	var list []int
	if json.Unmarshal(body, &list) != nil {
		return 0, refuse("", "the router's answer names no child: %s", reason(err))
	}
	if len(list) == 0 {
		return 0, refuse("", "the router's answer is an empty list")
	}
	return list[0], nil
}

func seldonBranch(m *seldon.SeldonMessage) (int, error) {
	if m.GetData() == nil {
		return 0, refuse("", "the router's answer holds no data")
	}
	switch data := m.GetData().GetDataOneof().(type) {
	case *seldon.DefaultData_Ndarray:
		return listBranch(data.Ndarray)
	case *seldon.DefaultData_Tensor:
		return firstBranch(data.Tensor.GetValues())
	case *seldon.DefaultData_Tftensor:
		t, err := fromTensorProto(data.Tftensor)
		if err != nil {
			return 0, refuse("", "the router's answer: %s", reason(err))
		}
		values, err := t.Float64s()
		if err != nil {
			return 0, refuse("", "the router's answer: %s", reason(err))
		}
		return firstBranch(values)
	}
	return -1, nil
}

// listBranch takes the first element, or that of the first element. What is no
// number counts as 0.
func listBranch(list *structpb.ListValue) (int, error) {
	for depth := 0; ; depth++ {
		if len(list.GetValues()) == 0 {
			return 0, refuse("", "the router's answer is an empty list")
		}
		first := list.Values[0]
		inner, ok := first.GetKind().(*structpb.Value_ListValue)
		if !ok || depth == 1 {
			return firstBranch([]float64{first.GetNumberValue()})
		}
		list = inner.ListValue
	}
}

func firstBranch(values []float64) (int, error) {
	if len(values) == 0 {
		return 0, refuse("", "the router's answer is an empty list")
	}
	if f := values[0]; math.Abs(f) < math.MaxInt32 {
		return int(f), nil
	}
	return 0, refuse("", "the router's answer %v is no child's number", values[0])
}
