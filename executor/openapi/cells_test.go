package openapi

import (
	"encoding/json"
	"testing"

	"github.com/prime-radiant/radiant/executor/tensor"
)

// TestRequestsForABento: tables, texts, numbers and files, of which the Bento says what
// works; what may be left out is left out.
func TestRequestsForABento(t *testing.T) {
	cell := func(in Tensor, table string, cells ...string) Tensor {
		in.Table = table
		for _, c := range cells {
			in.Row = append(in.Row, json.RawMessage(c))
		}
		return in
	}
	digits := of("digits", tensor.Int64, []int64{}...)
	digits.Optional = true
	table := []Tensor{cell(of("age", tensor.Number, -1), "people", "41"), cell(of("city", tensor.Bytes, -1), "people", `"Rome"`)}
	array := []Tensor{cell(of("x", tensor.FP64, -1, 2), "", "5.1", "3")}
	text := []Tensor{cell(of("text", tensor.Bytes, []int64{}...), "", `"hello"`), digits}
	file, picture := of("file", tensor.Bytes, []int64{}...), of("file", tensor.Bytes, []int64{}...)
	file.File, picture.File, picture.Image = true, true, true
	for _, c := range []struct {
		name, outside string
		inputs        []Tensor
		request, grpc string
	}{
		{"a table to seldon", "seldon", table, `{"data":{"names":["age","city"],"ndarray":[[41,"Rome"]]}}`, `{"data":{"names":["age","city"],"ndarray":[[41,"Rome"]]}}`},
		{"a table to tensorflow", "tensorflow", table, `{"instances":[{"age":41,"city":"Rome"}]}`,
			`{"model_spec":{"name":"classifier"},"inputs":{"age":{"dtype":"DT_DOUBLE","tensor_shape":{"dim":[{"size":1}]},"double_val":[41]},"city":{"dtype":"DT_STRING","tensor_shape":{"dim":[{"size":1}]},"string_val":["Um9tZQ=="]}}}`},
		{"a table to v2", "v2", table, `{"inputs":[{"name":"age","shape":[1],"datatype":"FP32","data":[41]},{"name":"city","shape":[1],"datatype":"BYTES","data":["Rome"]}]}`,
			`{"model_name":"classifier","inputs":[{"name":"age","datatype":"FP32","shape":[1],"contents":{"fp32_contents":[41]}},{"name":"city","datatype":"BYTES","shape":[1],"contents":{"bytes_contents":["Um9tZQ=="]}}]}`},
		{"a table beside a number", "seldon", append(table[:2:2], of("limit", tensor.Int64, []int64{}...)),
			`{"jsonData":{"people":[{"age":41,"city":"Rome"}],"limit":1}}`, `{"jsonData":{"people":[{"age":41,"city":"Rome"}],"limit":1}}`},
		{"an array to seldon", "seldon", array, `{"data":{"ndarray":[[5.1,3]]}}`, `{"data":{"ndarray":[[5.1,3]]}}`},
		{"an array to v2", "v2", array, `{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP64","data":[5.1,3]}]}`,
			`{"model_name":"classifier","inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"contents":{"fp64_contents":[5.1,3]}}]}`},
		{"text to seldon", "seldon", text, `{"jsonData":{"text":"hello"}}`, `{"jsonData":{"text":"hello"}}`},
		{"text to tensorflow", "tensorflow", text, `{"inputs":"hello"}`,
			`{"model_spec":{"name":"classifier"},"inputs":{"text":{"dtype":"DT_STRING","tensor_shape":{"dim":[]},"string_val":["aGVsbG8="]}}}`},
		{"text to v2", "v2", text, `{"inputs":[{"name":"text","shape":[],"datatype":"BYTES","data":["hello"]}]}`,
			`{"model_name":"classifier","inputs":[{"name":"text","datatype":"BYTES","shape":[],"contents":{"bytes_contents":["aGVsbG8="]}}]}`},
		{"a file to seldon", "seldon", []Tensor{file}, `{"binData":"dGV4dA=="}`, `{"binData":"dGV4dA=="}`},
		{"a file to tensorflow", "tensorflow", []Tensor{file}, `{"inputs":{"b64":"dGV4dA=="}}`,
			`{"model_spec":{"name":"classifier"},"inputs":{"file":{"dtype":"DT_STRING","tensor_shape":{"dim":[]},"string_val":["dGV4dA=="]}}}`},
		{"a picture to seldon", "seldon", []Tensor{picture}, `{"binData":"` + onePixel + `"}`, `{"binData":"` + onePixel + `"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			call := callOf(t, oneNode(t, c.outside, "bentoml", Signature{Inputs: c.inputs}))
			if !call.Known || string(call.Request) != c.request || string(call.GRPC.Request) != c.grpc {
				t.Errorf("known %v\n%s\nwant\n%s\nover gRPC\n%s\nwant\n%s", call.Known, call.Request, c.request, call.GRPC.Request, c.grpc)
			}
		})
	}
}
