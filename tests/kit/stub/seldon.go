package stub

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/prime-radiant/radiant/apis/seldon"
)

// seldonJSON is a message with the numbers in data.ndarray or data.tensor.
type seldonJSON struct {
	Data *struct {
		NDArray any `json:"ndarray,omitempty"`
		Tensor  *struct {
			Shape  []int     `json:"shape"`
			Values []float64 `json:"values"`
		} `json:"tensor,omitempty"`
	} `json:"data,omitempty"`
	Meta json.RawMessage `json:"meta,omitempty"`
}

func (j seldonJSON) numbers() ([]float64, error) {
	switch {
	case j.Data == nil:
		return nil, fmt.Errorf("message has no data")
	case j.Data.Tensor != nil:
		return j.Data.Tensor.Values, nil
	}
	return numbers(j.Data.NDArray), nil
}

// digits gives each call of the protocol the digit that it appends.
func (m Model) digits(call string) (digit int, ok bool) {
	switch call {
	case "predict", "transform-input", "aggregate", "Predict", "TransformInput", "Aggregate":
		return m.Digit, true
	case "transform-output", "TransformOutput":
		if m.Out != 0 {
			return m.Out, true
		}
		return m.Digit, true
	}
	return 0, false
}

func (m Model) seldon(c Call) (Answer, error) {
	if c.GRPC {
		return m.seldonGRPC(c)
	}
	call := last(c.Path)
	switch c.Path {
	case "/metadata":
		return marshalled(map[string]any{
			"name": "model of " + m.Name, "platform": "stub", "versions": []string{"v1"},
			"inputs":  []any{map[string]any{"messagetype": "ndarray", "schema": map[string]any{"name": "in of " + m.Name}}},
			"outputs": []any{map[string]any{"messagetype": "ndarray", "schema": map[string]any{"name": "out of " + m.Name}}},
			"ignored": true,
		})
	case "/health/status", "/api/v1.0/health/status":
		return Answer{Body: []byte(`{"data":{"names":[],"ndarray":["ok"]}}`)}, nil
	case "/send-feedback":
		return Answer{Body: fmt.Appendf(nil, `{"meta":{"tags":{"feedback":%q}}}`, m.Name)}, nil
	case "/route":
		return Answer{Body: fmt.Appendf(nil, `{"data":{"ndarray":[[%d]]}}`, m.Route)}, nil
	}
	digit, ok := m.digits(call)
	if !ok || c.Path != "/"+call {
		return m.notFound(c), nil
	}
	xs, meta, err := seldonNumbers(c.Body, call == "aggregate")
	if err != nil {
		return Answer{}, err
	}
	out := map[string]any{"data": map[string]any{"names": []string{}, "ndarray": inRows(m.append(xs, digit), rowsOf(c.Body))}}
	if meta != nil {
		out["meta"] = meta
	}
	return marshalled(out)
}

// rowsOf is the number of rows that a message's ndarray has; 1 if it has none.
func rowsOf(body []byte) int {
	var j struct{ Data struct{ NDArray []any } }
	if json.Unmarshal(body, &j) != nil || len(j.Data.NDArray) == 0 {
		return 1
	}
	return len(j.Data.NDArray)
}

// inRows are numbers as so many rows of one length.
func inRows(xs []float64, n int) [][]float64 {
	if n < 1 || len(xs)%n != 0 {
		n = 1
	}
	rows := make([][]float64, n)
	for i := range rows {
		width := len(xs) / n
		rows[i] = xs[i*width : (i+1)*width]
	}
	return rows
}

func seldonNumbers(body []byte, list bool) (xs []float64, meta json.RawMessage, err error) {
	if !list {
		var j seldonJSON
		if err := json.Unmarshal(body, &j); err != nil {
			return nil, nil, err
		}
		xs, err = j.numbers()
		return xs, j.Meta, err
	}
	var js []seldonJSON
	if err := json.Unmarshal(body, &js); err != nil || len(js) == 0 {
		return nil, nil, fmt.Errorf("want a list of messages: %w", err)
	}
	var lists [][]float64
	for _, j := range js {
		xs, err := j.numbers()
		if err != nil {
			return nil, nil, err
		}
		lists = append(lists, xs)
	}
	return sum(lists...), js[0].Meta, nil
}

func (m Model) seldonGRPC(c Call) (Answer, error) {
	switch c.Path {
	case "/seldon.protos.Model/Metadata":
		return encoded(&seldon.SeldonModelMetadata{
			Name: "model of " + m.Name, Platform: "stub", Versions: []string{"v1"},
			Inputs:  []*seldon.SeldonMessageMetadata{{Messagetype: "ndarray", Name: "in of " + m.Name}},
			Outputs: []*seldon.SeldonMessageMetadata{{Messagetype: "ndarray", Name: "out of " + m.Name}},
		})
	case "/seldon.protos.Model/SendFeedback":
		return encoded(&seldon.SeldonMessage{Meta: &seldon.Meta{Tags: map[string]*structpb.Value{"feedback": structpb.NewStringValue(m.Name)}}})
	case "/seldon.protos.Router/Route":
		return encoded(seldonMessage([]float64{float64(m.Route)}))
	case "/seldon.protos.Combiner/Aggregate":
		var list seldon.SeldonMessageList
		if err := proto.Unmarshal(c.Body, &list); err != nil || len(list.SeldonMessages) == 0 {
			return Answer{}, fmt.Errorf("want a list of messages: %w", err)
		}
		var all [][]float64
		for _, one := range list.SeldonMessages {
			all = append(all, SeldonNumbers(one))
		}
		return encoded(seldonMessage(m.append(sum(all...), m.Digit)))
	}
	digit, ok := m.digits(last(c.Path))
	if !ok {
		return m.notFound(c), nil
	}
	var in seldon.SeldonMessage
	if err := proto.Unmarshal(c.Body, &in); err != nil {
		return Answer{}, err
	}
	n := int(max(1, append(in.GetData().GetTensor().GetShape(), 1)[0]))
	out := seldonMessage(inRows(m.append(SeldonNumbers(&in), digit), n)...)
	out.Meta = in.Meta
	return encoded(out)
}

func seldonMessage(all ...[]float64) *seldon.SeldonMessage {
	rows := &structpb.ListValue{}
	for _, xs := range all {
		row := &structpb.ListValue{}
		for _, x := range xs {
			row.Values = append(row.Values, structpb.NewNumberValue(x))
		}
		rows.Values = append(rows.Values, structpb.NewListValue(row))
	}
	return &seldon.SeldonMessage{DataOneof: &seldon.SeldonMessage_Data{Data: &seldon.DefaultData{DataOneof: &seldon.DefaultData_Ndarray{Ndarray: rows}}}}
}

// SeldonNumbers returns the numbers of a message's data.
func SeldonNumbers(m *seldon.SeldonMessage) []float64 {
	if t := m.GetData().GetTensor(); t != nil {
		return t.Values
	}
	if t := m.GetData().GetTftensor(); t != nil {
		return TensorNumbers(t)
	}
	list := m.GetData().GetNdarray()
	if list == nil {
		return nil
	}
	return numbers(list.AsSlice())
}
