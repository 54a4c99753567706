package translate

import (
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// person is what a model of two columns says of itself, as MLflow's with a
// signature does.
func person() *Spec {
	return &Spec{Inputs: []TensorSpec{
		{Name: "age", DType: tensor.Int64, Shape: []int64{-1, 1}, ContentType: "np"},
		{Name: "city", DType: tensor.Bytes, Shape: []int64{-1, 1}, ContentType: "str"},
	}}
}

const (
	// ages and cities are the columns of a person as MLServer is sent them.
	ages   = `{"name":"age","shape":[2,1],"datatype":"INT64","data":[41,29]}`
	cities = `{"name":"city","shape":[2,1],"datatype":"BYTES","parameters":{"content_type":"str"},"data":["rome","oslo"]}`
	frame  = `{"parameters":{"content_type":"pd"},"inputs":[`
)

func TestTableToV2(t *testing.T) {
	asTold, arrays := Options{MLServer: AsTold, Spec: &Spec{}}, Options{MLServer: Arrays, Spec: &Spec{}}
	signed := Options{MLServer: AsTold, Spec: person()}
	// MLServer knows how to read a column that its metadata describes.
	described := strings.ReplaceAll(frame+ages+","+cities+"]}", `,"parameters":{"content_type":"str"},"data"`, `,"data"`)
	for _, c := range []struct {
		name    string
		from    Form
		options Options
		request string
		want    string
	}{
		{"rows with names", SeldonJSON, arrays, `{"data":{"names":["age","city"],"ndarray":[[41,"rome"],[29,"oslo"]]}}`, frame + ages + "," + cities + `]}`},
		{"rows without names", SeldonJSON, arrays, `{"data":{"ndarray":[[41,"rome"],[29,"oslo"]]}}`,
			strings.NewReplacer(`"age"`, `"0"`, `"city"`, `"1"`).Replace(frame + ages + "," + cities + `]}`)},
		{"rows of objects", SeldonJSON, asTold, `{"jsonData":[{"age":41,"city":"rome"},{"age":29,"city":"oslo"}]}`, frame + ages + "," + cities + `]}`},
		{"columns", SeldonJSON, asTold, `{"jsonData":{"age":[41,29],"city":["rome","oslo"]}}`, frame + ages + "," + cities + `]}`},
		{"split", SeldonJSON, arrays, `{"jsonData":{"columns":["age","city"],"index":[0,1],"data":[[41,"rome"],[29,"oslo"]]}}`, frame + ages + "," + cities + `]}`},
		{"split in MLflow's words", SeldonJSON, arrays, `{"jsonData":{"dataframe_split":{"columns":["age","city"],"data":[[41,"rome"],[29,"oslo"]]}}}`, frame + ages + "," + cities + `]}`},
		{"cells", SeldonJSON, arrays, `{"jsonData":{"age":{"0":41,"1":29},"city":{"0":"rome","1":"oslo"}}}`, frame + ages + "," + cities + `]}`},
		{"a signature", SeldonJSON, signed, `{"data":{"names":["age","city"],"ndarray":[[41.0,"rome"],[29,"oslo"]]}}`, described},
		{"names in another order", SeldonJSON, signed, `{"data":{"names":["city","age"],"ndarray":[["rome",41],["oslo",29]]}}`,
			frame + strings.ReplaceAll(cities+","+ages, `,"parameters":{"content_type":"str"},"data"`, `,"data"`) + `]}`},
		{"TensorFlow's rows", TensorFlowJSON, arrays, `{"instances":[{"age":41,"city":"rome"},{"age":29,"city":"oslo"}]}`, frame + ages + "," + cities + `]}`},
		{"TensorFlow's columns", TensorFlowJSON, arrays, `{"inputs":{"age":[41,29],"city":["rome","oslo"]}}`, frame + ages + "," + cities + `]}`},
		{"missing values", SeldonJSON, arrays, `{"data":{"names":["a","b"],"ndarray":[[1,null],[null,"x"]]}}`,
			frame + `{"name":"a","shape":[2,1],"datatype":"FP64","data":[1.0,null]},{"name":"b","shape":[2,1],"datatype":"BYTES","parameters":{"content_type":"str"},"data":[null,"x"]}]}`},
		{"a row lacks a name", SeldonJSON, arrays, `{"jsonData":[{"a":1},{"a":2,"b":"x"}]}`,
			frame + `{"name":"a","shape":[2,1],"datatype":"INT64","data":[1,2]},{"name":"b","shape":[2,1],"datatype":"BYTES","parameters":{"content_type":"str"},"data":[null,"x"]}]}`},
		{"missing numbers alone", SeldonJSON, arrays, `{"data":{"ndarray":[[1,null]]}}`,
			frame + `{"name":"0","shape":[1,1],"datatype":"INT64","data":[1]},{"name":"1","shape":[1,1],"datatype":"FP64","data":[null]}]}`},
		{"numbers stay an array", SeldonJSON, arrays, `{"data":{"names":["a","b"],"ndarray":[[1,2]]}}`,
			`{"inputs":[{"name":"input-0","shape":[1,2],"datatype":"INT64","data":[1,2]}]}`},
		{"an array without a signature", SeldonJSON, asTold, `{"data":{"ndarray":[[1,2]]}}`,
			`{"parameters":{"content_type":"np"},"inputs":[{"name":"input-0","shape":[1,2],"datatype":"INT64","data":[1,2]}]}`},
		{"a list of texts", SeldonJSON, arrays, `{"data":{"ndarray":["a","b"]}}`,
			`{"inputs":[{"name":"input-0","shape":[2],"datatype":"BYTES","parameters":{"content_type":"str"},"data":["a","b"]}]}`},
		{"bytes", SeldonJSON, arrays, `{"binData":"/w=="}`,
			`{"inputs":[{"name":"input-0","shape":[1],"datatype":"BYTES","parameters":{"content_type":"base64"},"data":["/w=="]}]}`},
		{"infinities", SeldonJSON, arrays, `{"data":{"ndarray":[["-Infinity",1.5]]}}`,
			`{"inputs":[{"name":"input-0","shape":[1,2],"datatype":"FP64","data":["-Infinity",1.5]}]}`},
		{"a server that says it is MLServer", SeldonJSON, Options{Spec: &Spec{MLServer: true}}, `{"data":{"ndarray":[["-Infinity","NaN"]]}}`,
			`{"inputs":[{"name":"input-0","shape":[1,2],"datatype":"FP64","data":["-Infinity",null]}]}`},
		{"dates are text", SeldonJSON, arrays, `{"jsonData":[{"day":"2026-11-28","n":1}]}`,
			frame + `{"name":"day","shape":[1,1],"datatype":"BYTES","parameters":{"content_type":"str"},"data":["2026-11-28"]},{"name":"n","shape":[1,1],"datatype":"INT64","data":[1]}]}`},
		{"binary data where the server takes it", SeldonJSON, Options{Spec: &Spec{Binary: true}}, `{"data":{"ndarray":[[1.5]]}}`,
			`{"parameters":{"binary_data_output":true},"inputs":[{"name":"input-0","shape":[1,1],"datatype":"FP64","data":[1.5]}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			sent, _, err := Request(message.Message{Body: []byte(c.request)}, c.from, V2JSON, c.options)
			if err != nil || string(sent.Body) != c.want {
				t.Errorf("sent %s, %v\nwant %s", sent.Body, err, c.want)
			}
		})
	}
}

func TestTableRefusals(t *testing.T) {
	signed, arrays := Options{MLServer: AsTold, Spec: person()}, Options{MLServer: Arrays, Spec: &Spec{}}
	for _, c := range []struct {
		name    string
		to      Form
		options Options
		request string
		want    string
	}{
		{"no names where the model has some", V2JSON, signed, `{"data":{"ndarray":[[41,"rome"]]}}`, `the model takes its columns by name: "age", "city"; name them in data.names, or send jsonData`},
		{"a name that the model does not have", V2JSON, signed, `{"jsonData":[{"age":1,"town":"rome"}]}`, `"town": the model has no such input; it takes "age", "city"`},
		{"names for other columns", V2JSON, arrays, `{"data":{"names":["a"],"ndarray":[[41,"rome"]]}}`, `data has 1 names for 2 columns`},
		{"a number among strings", V2JSON, arrays, `{"jsonData":[{"a":"x"},{"a":1}]}`, `"a": row 1: 1 stands among strings`},
		{"a missing truth", V2JSON, arrays, `{"jsonData":[{"a":true},{"a":null}]}`, `"a": row 1: null stands among true and false`},
		{"a missing whole number", V2JSON, signed, `{"jsonData":[{"age":null,"city":"x"}]}`, `"age": element [0][0]: NaN`},
		{"a cell that is a list", V2JSON, arrays, `{"jsonData":[{"a":[1]}]}`, `"a": row 0: a cell is a number, a string, true, false or null`},
		{"a missing text over gRPC", V2Proto, arrays, `{"jsonData":[{"a":"x"},{"a":null}]}`, `"a": element [1][0]: a missing value among strings has no place in bytes`},
		{"NaN to a server of JSON alone", V2JSON, Options{}, `{"data":{"ndarray":[["NaN",1.5]]}}`, `element [0][0]: NaN has no spelling in JSON, and the server does not say that it takes binary data: call it over gRPC`},
		{"an infinity to a server of JSON alone", V2JSON, Options{Spec: &Spec{}}, `{"data":{"ndarray":[[1.5,-Infinity]]}}`, `element [0][1]: -Inf has no spelling in JSON`},
		{"a missing number to a server of JSON alone", V2JSON, Options{}, `{"data":{"names":["a","b"],"ndarray":[[1,"x"],[null,"y"]]}}`, `"a": element [1][0]: NaN has no spelling in JSON`},
		{"a missing text to a server of JSON alone", V2JSON, Options{}, `{"data":{"names":["a","b"],"ndarray":[[1,null],[2,"y"]]}}`, `"b": a missing value has no spelling here`},
		{"a table to a server of arrays", V2JSON, Options{}, `{"data":{"ndarray":[[41,"rome"]]}}`, `a string where the first element is a number`},
		{"a table to TensorFlow", TensorFlowJSON, Options{}, `{"data":{"ndarray":[[41,"rome"]]}}`, `a string where the first element is a number`},
	} {
		t.Run(c.name, func(t *testing.T) {
			from := SeldonJSON
			sent, _, err := Request(message.Message{Body: []byte(c.request)}, from, c.to, c.options)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("sent %s, %v\nwant %s", sent.Body, err, c.want)
			}
		})
	}
}

func TestTableAnswers(t *testing.T) {
	const two = `{"model_name":"m",%s"outputs":[{"name":"no","datatype":"FP64","shape":[2,1],"data":[0.1,0.2]},{"name":"who","datatype":"BYTES","shape":[2,1],"data":["a",%s]}]}`
	frameOf := func(parameters, last string) string {
		return strings.Replace(strings.Replace(two, "%s", parameters, 1), "%s", last, 1)
	}
	const pd = `"parameters":{"content_type":"pd"},`
	ndarray := `{"data":{"ndarray":[[1,2]]}}`
	for _, c := range []struct {
		name            string
		from, to        Form
		options         Options
		request, answer string
		want            string
	}{
		{"a data frame", SeldonJSON, V2JSON, Options{}, ndarray, frameOf(pd, `"b"`), `{"data":{"names":["no","who"],"ndarray":[[0.1,"a"],[0.2,"b"]]},"meta":{}}`},
		{"with a missing text", SeldonJSON, V2JSON, Options{}, ndarray, frameOf(pd, `null`), `{"data":{"names":["no","who"],"ndarray":[[0.1,"a"],[0.2,null]]},"meta":{}}`},
		{"columns in the place of the method", SeldonJSON, V2JSON, Options{MLServer: Arrays, Outputs: []string{"transform"}}, ndarray, frameOf("", `"b"`),
			`{"data":{"names":["no","who"],"ndarray":[[0.1,"a"],[0.2,"b"]]},"meta":{}}`},
		{"to TensorFlow's rows", TensorFlowJSON, V2JSON, Options{}, `{"instances":[[1,2]]}`, frameOf(pd, `"b"`), `{"predictions":[{"no":0.1,"who":"a"},{"no":0.2,"who":"b"}]}`},
		{"two outputs are no frame", SeldonJSON, V2JSON, Options{}, ndarray, frameOf("", `"b"`), `{"jsonData":{"no":[[0.1],[0.2]],"who":[["a"],["b"]]},"meta":{}}`},
		{"cells of JSON", SeldonJSON, V2JSON, Options{}, ndarray,
			`{"model_name":"m","parameters":{"content_type":"pd"},"outputs":[{"name":"who","datatype":"BYTES","shape":[2,1],"parameters":{"content_type":"pd_json"},"data":["\"a\"","null"]}]}`,
			`{"data":{"names":["who"],"ndarray":[["a"],[null]]},"meta":{}}`},
		{"null from MLServer is not certain", SeldonJSON, V2JSON, Options{MLServer: Arrays}, ndarray,
			`{"model_name":"m","outputs":[{"name":"x","datatype":"FP64","shape":[1,2],"data":[1.0,null]}]}`,
			`error: cannot translate "x": element [0][1]: null is what MLServer writes over REST for NaN and for the infinities alike: call it over gRPC`},
		{"a component's table", V2JSON, SeldonJSON, Options{}, `{"inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[1]}]}`,
			`{"data":{"names":["a","b"],"ndarray":[[1,"x"]]}}`,
			`{"model_name":"","outputs":[{"name":"a","shape":[1,1],"datatype":"INT64","data":[1]},{"name":"b","shape":[1,1],"datatype":"BYTES","data":["x"]}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, x, err := Request(message.Message{Body: []byte(c.request)}, c.from, c.to, c.options)
			if err != nil {
				t.Fatal(err)
			}
			got, err := x.Response(message.Message{Body: []byte(c.answer)})
			text := string(got.Body)
			if err != nil {
				text = "error: " + err.Error()
			}
			if text != c.want {
				t.Errorf("answered %s\nwant %s", text, c.want)
			}
		})
	}
}

// TestTableToComponent gives a component the rows that a client of another
// protocol sends as columns.
func TestTableToComponent(t *testing.T) {
	const want = `{"data":{"names":["age","city"],"ndarray":[[41,"rome"],[29,"oslo"]]},"meta":{}}`
	for _, request := range []string{
		frame + ages + "," + cities + `]}`,
	} {
		sent, _, err := Request(message.Message{Body: []byte(request)}, V2JSON, SeldonJSON, Options{})
		if err != nil || string(sent.Body) != want {
			t.Errorf("sent %s, %v\nwant %s", sent.Body, err, want)
		}
	}
	sent, _, err := Request(message.Message{Body: []byte(`{"instances":[[41,"rome"],[29,null]]}`)}, TensorFlowJSON, SeldonJSON, Options{})
	if want := `{"data":{"names":[],"ndarray":[[41,"rome"],[29,null]]},"meta":{}}`; err != nil || string(sent.Body) != want {
		t.Errorf("sent %s, %v\nwant %s", sent.Body, err, want)
	}
	// NaN beside text is null, over both transports, and a word beside numbers.
	for request, want := range map[string]string{
		`{"instances":[{"a":1.5,"b":"x"},{"a":null,"b":"y"}]}`: `{"data":{"names":["a","b"],"ndarray":[[1.5,"x"],[null,"y"]]},"meta":{}}`,
		`{"instances":[{"a":1.5,"b":2},{"a":null,"b":3}]}`:     `{"data":{"names":["a","b"],"ndarray":[[1.5,2],[NaN,3]]},"meta":{}}`,
	} {
		sent, _, err := Request(message.Message{Body: []byte(request)}, TensorFlowJSON, SeldonJSON, Options{})
		if err != nil || string(sent.Body) != want {
			t.Errorf("sent %s, %v\nwant %s", sent.Body, err, want)
		}
	}
	const missing = `{"parameters":{"content_type":"pd"},"inputs":[{"name":"a","datatype":"FP64","shape":[2,1],"data":[1.5,null]},{"name":"b","datatype":"BYTES","shape":[2,1],"data":["x","y"]}]}`
	m, err := decodeV2JSONRequest(message.Message{Body: []byte(missing)})
	if err != nil {
		t.Fatal(err)
	}
	if err := columnShape(m.tensors); err != nil {
		t.Fatal(err)
	}
	m.table = true
	written, err := encodeSeldonProtoRequest(m)
	var got seldon.SeldonMessage
	if err != nil || proto.Unmarshal(written.Body, &got) != nil {
		t.Fatal(err)
	}
	if rows := got.GetData().GetNdarray().AsSlice(); !reflect.DeepEqual(rows, []any{[]any{1.5, "x"}, []any{nil, "y"}}) {
		t.Errorf("sent %v", rows)
	}
}

func TestOutputsOfAChain(t *testing.T) {
	for _, c := range []struct{ request, rest, outputs string }{
		{`{"inputs":[1],"outputs":[{"name":"y"}]}`, `{"inputs":[1]}`, `[{"name":"y"}]`},
		{`{ "outputs": [] , "inputs":[1]}`, `{  "inputs":[1]}`, `[]`},
		{`{"outputs":[1],"inputs":[1],"outputs":[2]}`, `{"inputs":[1]}`, `[2]`},
		{`{"inputs":[1],"outputs":[1],"outputs":[2]}`, `{"inputs":[1]}`, `[2]`},
		{`{"id":"outputs","inputs":[1]}`, `{"id":"outputs","inputs":[1]}`, ""},
		{`{"outputs":[1]}`, `{"outputs":[1]}`, ""},
		{`{"outputs"`, `{"outputs"`, ""},
	} {
		rest, outputs := TakeOutputs(V2JSON, message.Message{Body: []byte(c.request)})
		if string(rest.Body) != c.rest || string(outputs) != c.outputs {
			t.Errorf("%s: %s and %s", c.request, rest.Body, outputs)
		}
	}
	head := `{"inputs":[1],"outputs":[2]}`
	rest, outputs := TakeOutputs(V2JSON, message.Message{Body: []byte(head + "\xff"), JSONLength: len(head)})
	if want := `{"inputs":[1]}`; string(rest.Body) != want+"\xff" || rest.JSONLength != len(want) {
		t.Errorf("%q, %d", rest.Body, rest.JSONLength)
	}
	if back := GiveOutputs(V2JSON, rest, outputs); string(back.Body) != `{"outputs":[2],"inputs":[1]}`+"\xff" || back.JSONLength != len(head) {
		t.Errorf("%q, %d", back.Body, back.JSONLength)
	}
}

func TestMeanByNames(t *testing.T) {
	answer := func(names, row string) message.Message {
		return message.Message{Body: []byte(`{"data":{"names":[` + names + `],"ndarray":[` + row + `]}}`)}
	}
	for _, c := range []struct{ first, second, want string }{
		{`"no","yes"`, `"yes","no"`, `"names":["no","yes"],"ndarray":[[0.0,1.0]]`},
		{`"no","yes"`, `"no","yes"`, `"names":["no","yes"],"ndarray":[[0.5,0.5]]`},
		{`"no","yes"`, `"t:0","t:1"`, `"names":["no","yes"],"ndarray":[[0.5,0.5]]`},
		{`"no","yes"`, ``, `"names":["no","yes"],"ndarray":[[0.5,0.5]]`},
		{`"no","yes"`, `"no","maybe"`, `error: cannot translate: child 1: it names its columns ["no" "maybe"], child 0 ["no" "yes"]`},
	} {
		got, err := Combine(SeldonJSON, []message.Message{answer(c.first, "[0,1]"), answer(c.second, "[1,0]")}, Combination{Of: tensor.Mean})
		text := string(got.Body)
		if err != nil {
			text = "error: " + err.Error()
		}
		if !strings.Contains(text, c.want) {
			t.Errorf("%s and %s: %s", c.first, c.second, text)
		}
	}
}

// TestBinaryData puts after the JSON what JSON cannot spell, where the server
// says that it takes it so.
func TestBinaryData(t *testing.T) {
	spec := func(d tensor.DType) Options {
		return Options{Spec: &Spec{Binary: true, Inputs: []TensorSpec{{Name: "x", DType: d}}}}
	}
	for _, c := range []struct {
		dtype   tensor.DType
		request string
		tail    string
	}{
		{tensor.FP16, `{"data":{"ndarray":[1.5]}}`, "\x00\x3e"},
		{tensor.BF16, `{"data":{"ndarray":[1.5]}}`, "\xc0\x3f"},
		{tensor.FP32, `{"data":{"ndarray":["-Infinity"]}}`, "\x00\x00\x80\xff"},
		{tensor.FP32, `{"data":{"ndarray":[1.5]}}`, ""},
	} {
		sent, _, err := Request(message.Message{Body: []byte(c.request)}, SeldonJSON, V2JSON, spec(c.dtype))
		tail := ""
		if err == nil && sent.JSONLength > 0 {
			tail = string(sent.Body[sent.JSONLength:])
		}
		if err != nil || tail != c.tail || !strings.Contains(string(sent.Body), `"parameters":{"binary_data_output":true}`) {
			t.Errorf("%v of %s: %q, %v", c.dtype, c.request, sent.Body, err)
		}
	}
}
