package translate

import (
	"math"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

func decodeSeldonProto(p message.Message) (*content, error) {
	var in seldon.SeldonMessage
	if err := proto.Unmarshal(p.Body, &in); err != nil {
		return nil, refuse("", "not a seldon message: %s", reason(err))
	}
	if in.GetStatus().GetStatus() == seldon.Status_FAILURE {
		return nil, refuse("", "the message reports a failure: %s", in.Status.Info+in.Status.Reason)
	}
	m := &content{id: in.GetMeta().GetPuid()}
	if in.Meta != nil {
		in.Meta.Routing = nil
		m.meta.proto = in.Meta
	}
	var err error
	switch data := in.DataOneof.(type) {
	case *seldon.SeldonMessage_Data:
		err = m.readSeldonDataProto(data.Data)
	case *seldon.SeldonMessage_StrData:
		m.field, m.tensors = dataString, oneString([]byte(data.StrData))
	case *seldon.SeldonMessage_BinData:
		m.field, m.tensors = dataBinary, oneString(data.BinData)
	case *seldon.SeldonMessage_JsonData:
		m.field, m.value = dataJSON, appendValue(nil, data.JsonData)
	case *seldon.SeldonMessage_CustomData:
		err = refuse("", "customData is known to the component alone")
	default:
		err = refuse("", "the message holds no data")
	}
	if err != nil {
		return nil, inField("data", err)
	}
	return m, nil
}

func (m *content) readSeldonDataProto(data *seldon.DefaultData) error {
	m.names = data.GetNames()
	var t tensor.Tensor
	var err error
	switch d := data.GetDataOneof().(type) {
	case *seldon.DefaultData_Ndarray:
		m.field = dataNDArray
		return m.readListValue(d.Ndarray)
	case *seldon.DefaultData_Tensor:
		m.field = dataTensor
		t, err = fromSeldonTensor(d.Tensor)
	case *seldon.DefaultData_Tftensor:
		m.field = dataTFTensor
		t, err = fromTensorProto(d.Tftensor)
	default:
		return refuse("", "data must hold one of ndarray, tensor and tftensor")
	}
	if err != nil {
		return err
	}
	m.tensors = []tensor.Tensor{t}
	return nil
}

// fromSeldonTensor reads doubles; a missing shape means one dimension.
func fromSeldonTensor(in *seldon.Tensor) (tensor.Tensor, error) {
	shape := make([]int64, len(in.GetShape()))
	for i, d := range in.GetShape() {
		shape[i] = int64(d)
	}
	if len(shape) == 0 && len(in.GetValues()) != 1 {
		shape = []int64{int64(len(in.GetValues()))}
	}
	return tensor.New(tensor.FP64, shape, littleEndian64(in.GetValues()))
}

// readListValue reads nested lists by way of their JSON: protobuf's numbers
// are doubles, whose JSON is exact.
func (m *content) readListValue(list *structpb.ListValue) error {
	if t, ok := flatRows(list); ok {
		m.tensors = []tensor.Tensor{t}
		return nil
	}
	if err := m.readArrayOrTable(appendListValue(nil, list), &ahead{dialect: tensor.Dialect{Words: true}}); err != nil {
		return err
	}
	return numbersAs(m.tensors, tensor.FP64)
}

// numbersAs gives numbers without a type this one.
func numbersAs(tensors []tensor.Tensor, dtype tensor.DType) error {
	for i, t := range tensors {
		if t.DType != tensor.Number {
			continue
		}
		typed, err := t.As(dtype)
		if err != nil {
			return blame(t.Name, err)
		}
		tensors[i] = typed
	}
	return nil
}

// flatRows reads the common case, rows of numbers, without JSON.
func flatRows(list *structpb.ListValue) (tensor.Tensor, bool) {
	rows := list.GetValues()
	if len(rows) == 0 {
		return tensor.Tensor{}, false
	}
	columns := len(rows[0].GetListValue().GetValues())
	values := make([]float64, 0, len(rows)*columns)
	for _, row := range rows {
		cells := row.GetListValue().GetValues()
		if len(cells) != columns || columns == 0 {
			return tensor.Tensor{}, false
		}
		for _, cell := range cells {
			number, ok := cell.GetKind().(*structpb.Value_NumberValue)
			if !ok {
				return tensor.Tensor{}, false
			}
			values = append(values, number.NumberValue)
		}
	}
	t, err := tensor.New(tensor.FP64, []int64{int64(len(rows)), int64(columns)}, littleEndian64(values))
	return t, err == nil
}

func encodeSeldonProtoRequest(m *content) (message.Message, error) {
	if len(m.tensors) == 0 {
		return message.Message{}, refuse("", "the message holds no tensor")
	}
	k, names, err := dataJSON, []string(nil), error(nil)
	switch {
	case m.table:
		k, names, m.nulls = dataNDArray, columnList(m.tensors), mixed(m.tensors)
	case len(m.tensors) == 1:
		if k, err = sentProtoField(&m.tensors[0]); err != nil {
			return message.Message{}, err
		}
	}
	out := &seldon.SeldonMessage{Meta: &seldon.Meta{Puid: m.id}}
	return writeSeldonProto(out, k, names, m)
}

// sentProtoField is a tensor of doubles for numbers: the field that every seldon
// component reads.
func sentProtoField(t *tensor.Tensor) (dataField, error) {
	switch t.DType {
	case tensor.Bytes:
		return stringField(dataNDArray, t)
	case tensor.Bool:
		if t.Rank() > 0 {
			return dataNDArray, nil
		}
	}
	return dataTensor, nil
}

func encodeSeldonProtoResponse(m, asked *content) (message.Message, error) {
	out := &seldon.SeldonMessage{Meta: asked.meta.proto}
	if out.Meta == nil {
		out.Meta = &seldon.Meta{}
	}
	k, names := dataJSON, []string(nil)
	switch {
	case m.field == dataJSON:
	case m.table:
		k, names = dataNDArray, columnList(m.tensors)
	case len(m.tensors) == 1:
		var err error
		if k, err = answerField(asked.field, &m.tensors[0]); err != nil {
			return message.Message{}, err
		}
		names = answerNames(m)
	}
	return writeSeldonProto(out, k, names, m)
}

func writeSeldonProto(out *seldon.SeldonMessage, k dataField, names []string, m *content) (message.Message, error) {
	var err error
	switch k {
	case dataJSON:
		err = setJSONData(out, m)
	case dataString:
		out.DataOneof = &seldon.SeldonMessage_StrData{StrData: string(m.tensors[0].Elems()[0])}
	case dataBinary:
		out.DataOneof = &seldon.SeldonMessage_BinData{BinData: m.tensors[0].Elems()[0]}
	default:
		var data *seldon.DefaultData
		if data, err = m.toDefaultData(k); err != nil {
			break
		}
		data.Names = names
		out.DataOneof = &seldon.SeldonMessage_Data{Data: data}
	}
	if err != nil {
		return message.Message{}, err
	}
	return marshal(out)
}

func marshal(out proto.Message) (message.Message, error) {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(out)
	if err != nil {
		return message.Message{}, blame("", err)
	}
	return protoPayload(body), nil
}

func setJSONData(out *seldon.SeldonMessage, m *content) error {
	text := m.value
	if text == nil {
		for _, t := range m.tensors {
			if t.DType == tensor.Bytes || t.DType == tensor.Bool {
				continue
			}
			if _, err := t.As(tensor.FP64); err != nil {
				return blame(t.Name, err)
			}
		}
		var err error
		if text, err = appendByName(nil, m.tensors, seldonStyle()); err != nil {
			return err
		}
	}
	var value structpb.Value
	if err := protojson.Unmarshal(text, &value); err != nil {
		return refuse("", "jsonData: %s", reason(err))
	}
	out.DataOneof = &seldon.SeldonMessage_JsonData{JsonData: &value}
	return nil
}

func (m *content) toDefaultData(k dataField) (*seldon.DefaultData, error) {
	if m.table {
		list, err := toRows(m.tensors, m.nulls)
		return &seldon.DefaultData{DataOneof: &seldon.DefaultData_Ndarray{Ndarray: list}}, err
	}
	data, err := toArray(k, &m.tensors[0])
	if err != nil {
		return nil, blame(m.tensors[0].Name, err)
	}
	return data, nil
}

// toRows builds the rows of a table, with null for NaN if nulls is true.
func toRows(columns []tensor.Tensor, nulls bool) (*structpb.ListValue, error) {
	rows := make([]*structpb.Value, columns[0].Len())
	for r := range rows {
		rows[r] = structpb.NewListValue(&structpb.ListValue{Values: make([]*structpb.Value, len(columns))})
	}
	for k := range columns {
		cells, err := toListValue(&columns[k])
		if err != nil {
			return nil, blame(columns[k].Name, err)
		}
		for r, cell := range cells.Values {
			if n := cell.GetNumberValue(); nulls && n != n {
				cell = structpb.NewNullValue()
			}
			rows[r].GetListValue().Values[k] = cell
		}
	}
	return &structpb.ListValue{Values: rows}, nil
}

func toArray(k dataField, t *tensor.Tensor) (*seldon.DefaultData, error) {
	switch k {
	case dataTFTensor:
		tf, err := toTensorProto(t)
		return &seldon.DefaultData{DataOneof: &seldon.DefaultData_Tftensor{Tftensor: tf}}, err
	case dataTensor:
		dense, err := toSeldonTensor(t)
		return &seldon.DefaultData{DataOneof: &seldon.DefaultData_Tensor{Tensor: dense}}, err
	}
	list, err := toListValue(t)
	return &seldon.DefaultData{DataOneof: &seldon.DefaultData_Ndarray{Ndarray: list}}, err
}

func toSeldonTensor(t *tensor.Tensor) (*seldon.Tensor, error) {
	values, err := doubles(t)
	if err != nil {
		return nil, err
	}
	shape := make([]int32, len(t.Shape))
	for i, d := range t.Shape {
		if d > math.MaxInt32 {
			return nil, refuse("", "the shape %v is too large for a seldon tensor", t.Shape)
		}
		shape[i] = int32(d)
	}
	return &seldon.Tensor{Shape: shape, Values: values}, nil
}

// doubles are the elements as seldon's protobuf holds numbers.
func doubles(t *tensor.Tensor) ([]float64, error) {
	wide, err := t.As(tensor.FP64)
	if err != nil {
		return nil, err
	}
	return wide.Float64s()
}

// toListValue builds nested lists row by row.
func toListValue(t *tensor.Tensor) (*structpb.ListValue, error) {
	rows, err := t.Rows()
	if err != nil {
		return nil, err
	}
	list := &structpb.ListValue{Values: make([]*structpb.Value, len(rows))}
	if t.Rank() > 1 {
		for i := range rows {
			row, err := toListValue(&rows[i])
			if err != nil {
				return nil, err
			}
			list.Values[i] = structpb.NewListValue(row)
		}
		return list, nil
	}
	if t.DType == tensor.Bytes {
		for i, e := range t.Elems() {
			if list.Values[i] = structpb.NewStringValue(string(e)); e == nil {
				list.Values[i] = structpb.NewNullValue()
			}
		}
		return list, nil
	}
	values, err := doubles(t)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		if t.DType == tensor.Bool {
			list.Values[i] = structpb.NewBoolValue(v != 0)
		} else {
			list.Values[i] = structpb.NewNumberValue(v)
		}
	}
	return list, nil
}
