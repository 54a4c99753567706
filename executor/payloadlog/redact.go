package payloadlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/apis/tensorflow"
)

// redactor replaces the values of named fields: members of JSON objects at any
// depth, columns of a seldon table, tensors of the other protocols.
type redactor struct{ names map[string]bool }

// newRedactor is nil if there is nothing to redact.
func newRedactor(names []string) *redactor {
	if len(names) == 0 {
		return nil
	}
	r := &redactor{names: map[string]bool{}}
	for _, n := range names {
		r.names[n] = true
	}
	return r
}

const redacted = "[redacted]"

// What an event says of itself.
const (
	redactedFields = "fields"
	redactedBody   = "body"
)

// redact redacts the body, or drops it if it cannot be understood: what cannot
// be looked through is not sent. A gRPC message becomes its JSON form.
func (r *redactor) redact(e *Event, protocol string) {
	body, err := e.Body, error(nil)
	switch {
	case e.grpc:
		body, err = jsonOf(e, protocol)
	case e.Encoding != "":
		err = errors.New("it is compressed")
	case e.JSONLength > 0:
		// The tensors behind the JSON have no names of their own.
		body, e.ContentType = body[:e.JSONLength], "application/json"
	}
	if err == nil {
		body, err = r.text(body)
	}
	e.JSONLength = 0
	if err != nil {
		e.Body, e.ContentType, e.Encoding, e.Redacted = nil, "", "", redactedBody
		return
	}
	e.Body, e.Redacted = body, redactedFields
	if e.grpc {
		e.ContentType = "application/json"
	}
}

// text redacts JSON. Numbers keep their spelling.
func (r *redactor) text(body []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more behind the JSON value")
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r.value(value)); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

func (r *redactor) value(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = r.value(v[i])
		}
	case map[string]any:
		r.columns(v)
		if name, ok := v["name"].(string); ok && r.names[name] {
			for _, key := range []string{"data", "contents"} {
				if _, ok := v[key]; ok {
					v[key] = redacted
				}
			}
		}
		// Raw tensors stand apart from their names.
		for _, key := range []string{"rawInputContents", "rawOutputContents", "raw_input_contents", "raw_output_contents"} {
			if _, ok := v[key]; ok {
				v[key] = redacted
			}
		}
		for key := range v {
			if r.names[key] {
				v[key] = redacted
			} else {
				v[key] = r.value(v[key])
			}
		}
	}
	return v
}

// columns redacts the columns of a seldon message's data that its names name.
func (r *redactor) columns(data map[string]any) {
	names, _ := data["names"].([]any)
	hidden := make([]bool, len(names))
	for i, n := range names {
		text, _ := n.(string)
		hidden[i] = r.names[text]
	}
	if !slices.Contains(hidden, true) {
		return
	}
	rows, _ := data["ndarray"].([]any)
	for i, row := range rows {
		cells, ok := row.([]any)
		if !ok { // one row, written without a list of rows
			if i < len(hidden) && hidden[i] {
				rows[i] = redacted
			}
			continue
		}
		for j := range cells {
			if j < len(hidden) && hidden[j] {
				cells[j] = redacted
			}
		}
	}
	if tensor, ok := data["tensor"].(map[string]any); ok {
		values, _ := tensor["values"].([]any)
		for i := range values {
			if hidden[i%len(hidden)] {
				values[i] = redacted
			}
		}
	}
	if _, ok := data["tftensor"]; ok {
		data["tftensor"] = redacted
	}
}

// wireType is what travels over gRPC in each protocol: a request, an answer or
// feedback.
func wireType(e *Event, protocol string) proto.Message {
	switch {
	case protocol == "seldon" && e.Type == Feedback:
		return &seldon.Feedback{}
	case protocol == "seldon":
		return &seldon.SeldonMessage{}
	case protocol == "tensorflow" && e.answer:
		return &tensorflow.PredictResponse{}
	case protocol == "tensorflow":
		return &tensorflow.PredictRequest{}
	case e.answer:
		return &inference.ModelInferResponse{}
	}
	return &inference.ModelInferRequest{}
}

// jsonOf is the JSON form of a gRPC message. Fields that the program does not
// know are left out.
func jsonOf(e *Event, protocol string) ([]byte, error) {
	m := wireType(e, protocol)
	if err := proto.Unmarshal(e.Body, m); err != nil {
		return nil, err
	}
	return protojson.Marshal(m)
}
