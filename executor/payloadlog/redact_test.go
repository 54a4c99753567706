package payloadlog

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/tensorflow"
)

func TestRedactJSON(t *testing.T) {
	r := newRedactor([]string{"ssn", "card"})
	for text, want := range map[string]string{
		`{"a":1}`: `{"a":1}`,
		`{"ssn":{"deep":[1]},"a":[{"card":"4"},[{"ssn":null}]]}`:             `{"a":[{"card":"[redacted]"},[{"ssn":"[redacted]"}]],"ssn":"[redacted]"}`,
		`{"data":{"names":["a","ssn"],"ndarray":[[1,2],[3,4]]}}`:             `{"data":{"names":["a","ssn"],"ndarray":[[1,"[redacted]"],[3,"[redacted]"]]}}`,
		`{"data":{"names":["a","ssn"],"ndarray":[1,2]}}`:                     `{"data":{"names":["a","ssn"],"ndarray":[1,"[redacted]"]}}`,
		`{"data":{"names":["ssn"],"tensor":{"shape":[2,1],"values":[1,2]}}}`: `{"data":{"names":["ssn"],"tensor":{"shape":[2,1],"values":["[redacted]","[redacted]"]}}}`,
		`{"inputs":[{"name":"ssn","data":[1]},{"name":"b","data":[2]}]}`:     `{"inputs":[{"data":"[redacted]","name":"ssn"},{"data":[2],"name":"b"}]}`,
		`{"instances":[{"ssn":1,"b":12345678901234567890}]}`:                 `{"instances":[{"b":12345678901234567890,"ssn":"[redacted]"}]}`,
		`["<&>"]`: `["<&>"]`,
	} {
		got, err := r.text([]byte(text))
		if err != nil || string(got) != want {
			t.Errorf("%s became %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{``, `{"ssn":`, `{} {"ssn":1}`, `hello`} {
		if got, err := r.text([]byte(text)); err == nil {
			t.Errorf("%q became %s", text, got)
		}
	}
}

// TestRedactMessages redacts what travels over gRPC, and raw tensors.
func TestRedactMessages(t *testing.T) {
	r := newRedactor([]string{"ssn"})
	v2 := &inference.ModelInferRequest{
		Inputs:           []*inference.ModelInferRequest_InferInputTensor{{Name: "ssn", Datatype: "BYTES", Shape: []int64{1}}},
		RawInputContents: [][]byte{[]byte("\x09\x00\x00\x00123456789")},
	}
	tf := &tensorflow.PredictResponse{Outputs: map[string]*tensorflow.TensorProto{
		"ssn": {StringVal: [][]byte{[]byte("123456789")}}, "b": {FloatVal: []float32{5}},
	}}
	for protocol, m := range map[string]proto.Message{"v2": v2, "tensorflow": tf} {
		body, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		e := &Event{Body: body, grpc: true, answer: protocol == "tensorflow"}
		r.redact(e, protocol)
		if e.Redacted != redactedFields || !json.Valid(e.Body) || strings.Contains(string(e.Body), "123456789") || strings.Contains(string(e.Body), "MTIz") {
			t.Errorf("%s became %s (%s)", protocol, e.Body, e.Redacted)
		}
	}
	for name, e := range map[string]*Event{
		"garbage":          {Body: []byte("\xff\xffssn"), grpc: true},
		"text":             {Body: []byte("ssn=1"), ContentType: "text/plain"},
		"compressed":       {Body: []byte(`{"ssn":1}`), Encoding: "br"},
		"another message?": {Body: []byte("\x0a\x05hello"), grpc: true, Type: Feedback},
	} {
		r.redact(e, "seldon")
		if e.Body != nil || e.Redacted != redactedBody {
			t.Errorf("%s became %q (%s)", name, e.Body, e.Redacted)
		}
	}
	e := &Event{Body: []byte(`{"inputs":[{"name":"ssn","parameters":{"binary_data_size":9}}]}123456789`), JSONLength: 63}
	r.redact(e, "v2")
	if strings.Contains(string(e.Body), "123456789") || e.JSONLength != 0 || e.Redacted != redactedFields {
		t.Errorf("raw tensors became %s", e.Body)
	}
}

// FuzzRedact looks for JSON in which the value of a redacted field stays.
func FuzzRedact(f *testing.F) {
	for _, text := range []string{`{"ssn":"secret-1"}`, `[{"a":{"ssn":["secret-1"]}}]`, `{"data":{"names":["ssn"],"ndarray":[["secret-1"]]}}`, `{"name":"ssn","data":["secret-1"]}`} {
		f.Add(text)
	}
	r := newRedactor([]string{"ssn"})
	f.Fuzz(func(t *testing.T, text string) {
		got, err := r.text([]byte(text))
		if err != nil {
			return
		}
		again, err := r.text(got)
		if err != nil || string(again) != string(got) {
			t.Errorf("%q became %q, and again %q, %v", text, got, again, err)
		}
		var value any
		d := json.NewDecoder(bytes.NewReader(got))
		d.UseNumber()
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		if left := unredacted(value); left != nil {
			t.Errorf("%q kept %v", text, left)
		}
	})
}

// unredacted finds a member of that name with a value of its own.
func unredacted(v any) any {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if left := unredacted(item); left != nil {
				return left
			}
		}
	case map[string]any:
		if value, ok := v["ssn"]; ok && value != redacted {
			return v
		}
		for _, item := range v {
			if left := unredacted(item); left != nil {
				return left
			}
		}
	}
	return nil
}
