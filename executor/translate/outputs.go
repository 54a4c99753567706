package translate

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// The outputs that a client asks for are those of the graph's answer. They
// leave the request before the first node is asked, and are asked of the node
// whose answer is the graph's.

// Fields of the requests that name outputs.
const (
	inferOutputs protowire.Number = 6 // ModelInferRequest
	outputFilter protowire.Number = 3 // PredictRequest
)

// AsksOutputs is the way to a name of an output in a request of a protobuf
// form, by field numbers; none: it asks for none.
func AsksOutputs(form Form) []protowire.Number {
	switch form {
	case V2Proto:
		return []protowire.Number{inferOutputs, 1}
	case TensorFlowProto:
		return []protowire.Number{outputFilter}
	}
	return nil
}

// TakeOutputs takes the outputs that a request asks for out of it. They are as
// the form writes them; nil: the request asks for none. What is no request of
// the form stays as it is, for the node to refuse.
func TakeOutputs(form Form, m message.Message) (rest message.Message, outputs []byte) {
	if form == V2JSON {
		return takeJSONOutputs(m)
	}
	way := AsksOutputs(form)
	if way == nil {
		return m, nil
	}
	m = m.Whole()
	asked := way[0]
	err := eachField(m.Body, func(number protowire.Number, _ protowire.Type, field, _ []byte) {
		if number == asked {
			outputs = append(outputs, field...)
		}
	})
	if err != nil || outputs == nil {
		return m, nil
	}
	kept := make([]byte, 0, len(m.Body)-len(outputs))
	_ = eachField(m.Body, func(number protowire.Number, _ protowire.Type, field, _ []byte) {
		if number != asked {
			kept = append(kept, field...)
		}
	})
	m.Body = kept
	return m, outputs
}

func takeJSONOutputs(m message.Message) (message.Message, []byte) {
	if !bytes.Contains(m.Body, []byte(`"outputs"`)) {
		return m, nil
	}
	fields, _, err := splitV2(m)
	if err != nil || fields.Value("inputs") == nil {
		return m, nil
	}
	if _, ok := fields.Find("outputs"); !ok {
		return m, nil
	}
	rest, outputs := m, []byte(nil)
	for _, f := range slices.Backward(fields) {
		if f.Key != "outputs" {
			continue
		}
		if outputs == nil { // Of a name given twice the last one counts.
			outputs = bytes.Clone(f.Value)
		}
		rest = withoutMember(rest, f)
	}
	return rest, outputs
}

// withoutMember takes a member out of the JSON of a message. The comma behind it
// goes with it, or else the one before it.
func withoutMember(m message.Message, f jsontext.Field) message.Message {
	start, end := f.KeyStart, f.End
	if i := end + len(m.Body[end:]) - len(bytes.TrimLeft(m.Body[end:], " \t\r\n")); i < len(m.Body) && m.Body[i] == ',' {
		end = i + 1
	} else if before := bytes.TrimRight(m.Body[:start], " \t\r\n"); len(before) > 0 && before[len(before)-1] == ',' {
		start = len(before) - 1
	}
	rest := m
	rest.Body = append(bytes.Clone(m.Body[:start]), m.Body[end:]...)
	if m.JSONLength > 0 {
		rest.JSONLength -= end - start
	}
	return rest
}

// GiveOutputs asks for outputs that [TakeOutputs] took.
func GiveOutputs(form Form, m message.Message, outputs []byte) message.Message {
	m = m.Whole()
	if form != V2JSON {
		m.Body = append(bytes.Clone(m.Body), outputs...)
		return m
	}
	open := bytes.IndexByte(m.Body, '{')
	if open < 0 {
		return m
	}
	member := append(append([]byte(`"outputs":`), outputs...), ',')
	body := append(make([]byte, 0, len(m.Body)+len(member)), m.Body[:open+1]...)
	m.Body = append(append(body, member...), m.Body[open+1:]...)
	if m.JSONLength > 0 {
		m.JSONLength += len(member)
	}
	return m
}
