package translate

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
)

// behind makes a v2 message of JSON and 32-bit floats behind it.
func behind(text string, xs ...float32) message.Message {
	m := message.Message{Body: []byte(text), JSONLength: len(text)}
	for _, x := range xs {
		m.Body = binary.LittleEndian.AppendUint32(m.Body, math.Float32bits(x))
	}
	return m
}

// TestRows joins requests and splits an answer, in JSON.
func TestRows(t *testing.T) {
	text := func(s string) message.Message { return message.Message{Body: []byte(s), Type: "application/json"} }
	for name, c := range map[string]struct {
		form             Form
		first, second    message.Message
		joined           string
		answer           message.Message
		toFirst, toOther string
	}{
		"ndarray": {SeldonJSON, text(`{"data":{"names":["a"],"ndarray":[[1.50]]}}`), text(`{"data":{"names":["a"],"ndarray":[[2.5],[3.5]]},"meta":{}}`),
			`{"data":{"names":["a"],"ndarray":[[1.50],[2.5],[3.5]]},"meta":{}}`,
			text(`{"data":{"names":["y"],"tensor":{"shape":[3,1],"values":[1,2,3]}},"meta":{"tags":{"v":1}}}`),
			`{"data":{"names":["y"],"tensor":{"shape":[1,1],"values":[1]}},"meta":{"tags":{"v":1}}}`,
			`{"data":{"names":["y"],"tensor":{"shape":[2,1],"values":[2,3]}},"meta":{"tags":{"v":1}}}`},
		"table": {SeldonJSON, text(`{"data":{"names":["a","b"],"ndarray":[[1,"x"]]}}`), text(`{"data":{"names":["a","b"],"ndarray":[[2,"y"]]}}`),
			`{"data":{"names":["a","b"],"ndarray":[[1,"x"],[2,"y"]]},"meta":{}}`,
			text(`{"data":{"ndarray":["p","q"]}}`), `{"data":{"names":[],"ndarray":["p"]},"meta":{}}`, `{"data":{"names":[],"ndarray":["q"]},"meta":{}}`},
		"instances": {TensorFlowJSON, text(`{"instances":[[1,2]]}`), text(`{"instances":[[3,4]]}`), `{"instances":[[1,2],[3,4]]}`,
			text(`{"predictions":[{"a":1,"b":[2]},{"a":3,"b":[4]}]}`), `{"predictions":[{"a":1,"b":[2]}]}`, `{"predictions":[{"a":3,"b":[4]}]}`},
		"named": {TensorFlowJSON, text(`{"signature_name":"s","inputs":{"x":[[1]],"y":["a"]}}`), text(`{"signature_name":"s","inputs":{"x":[[2]],"y":["b"]}}`),
			`{"signature_name":"s","inputs":{"x":[[1],[2]],"y":["a","b"]}}`,
			text(`{"outputs":[[5],[6]]}`), `{"outputs":[[5]]}`, `{"outputs":[[6]]}`},
		"v2": {V2JSON, text(`{"id":"1","inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1.0,2.0]}],"outputs":[{"name":"y"}]}`),
			text(`{"id":"2","inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[[3.0,4.0]]}],"outputs":[{"name":"y"}]}`),
			`{"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1.0,2.0,3.0,4.0]}],"outputs":[{"name":"y","parameters":{"binary_data":false}}]}`,
			text(`{"model_name":"m","outputs":[{"name":"y","shape":[2,1],"datatype":"INT64","data":[7,8]}]}`),
			`{"model_name":"m","id":"1","outputs":[{"name":"y","shape":[1,1],"datatype":"INT64","data":[7]}]}`,
			`{"model_name":"m","id":"2","outputs":[{"name":"y","shape":[1,1],"datatype":"INT64","data":[8]}]}`},
		"v2, behind the JSON": {V2JSON,
			behind(`{"parameters":{"binary_data_output":true},"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","parameters":{"binary_data_size":4}}]}`, 1),
			behind(`{"parameters":{"binary_data_output":true},"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","parameters":{"binary_data_size":4}}]}`, 2),
			`{"parameters":{"binary_data_output":true},"inputs":[{"name":"x","shape":[2,1],"datatype":"FP32","parameters":{"binary_data_size":8}}]}` + string(behind("", 1, 2).Body),
			behind(`{"model_name":"m","outputs":[{"name":"y","shape":[2,1],"datatype":"FP32","parameters":{"binary_data_size":8}}]}`, 3, 4),
			`{"model_name":"m","outputs":[{"name":"y","shape":[1,1],"datatype":"FP32","parameters":{"binary_data_size":4}}]}` + string(behind("", 3).Body),
			`{"model_name":"m","outputs":[{"name":"y","shape":[1,1],"datatype":"FP32","parameters":{"binary_data_size":4}}]}` + string(behind("", 4).Body)},
	} {
		t.Run(name, func(t *testing.T) {
			all := []*Rows{ReadRows(c.form, c.first), ReadRows(c.form, c.second)}
			if all[0] == nil || all[1] == nil || all[0].Like != all[1].Like {
				t.Fatalf("they are not alike: %+v, %+v", all[0], all[1])
			}
			joined, err := JoinRows(all)
			if err != nil || string(joined.Body) != c.joined {
				t.Errorf("joined, %v:\n%q, want\n%q", err, joined.Body, c.joined)
			}
			answers, err := SplitRows(all, c.answer)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range []string{c.toFirst, c.toOther} {
				if got := string(answers[i].Body); got != want {
					t.Errorf("answer %d:\n%q, want\n%q", i, got, want)
				}
				if n := answers[i].JSONLength; n > 0 != (c.answer.JSONLength > 0) {
					t.Errorf("answer %d has JSON of %d bytes", i, n)
				}
			}
		})
	}
}

// Requests that say more than a joined one could are not read.
func TestRowsOfTheirOwn(t *testing.T) {
	const inputs = `"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]`
	for form, texts := range map[Form][]string{
		SeldonJSON:     {`{"data":{"ndarray":[[1]]},"meta":{"puid":"a"}}`, `{"data":{"ndarray":[[1]],"more":1}}`, `{"strData":"a"}`, `{"jsonData":[1]}`, `{"data":{"tensor":{"values":[]}}}`, `[1]`, ``},
		TensorFlowJSON: {`{"instances":[[1]],"more":1}`, `{"instances":[[1,"a"]]}`, `{"inputs":1}`, `{"inputs":{"a":[1],"b":[1,2]}}`, `{"instances":[]}`},
		V2JSON: {`{"parameters":{"a":1},` + inputs + `}`, `{"more":1,` + inputs + `}`, `{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1],"parameters":{"content_type":"np"}}]}`,
			`{` + inputs + `,"outputs":[{"name":"y","parameters":{"classification":3}}]}`},
	} {
		for _, text := range texts {
			if r := ReadRows(form, message.Message{Body: []byte(text)}); r != nil {
				t.Errorf("%s is read as %+v", text, r)
			}
		}
	}
}

// An answer whose rows are not those of the requests belongs to nobody.
func TestRowsThatAreMissing(t *testing.T) {
	r := ReadRows(SeldonJSON, message.Message{Body: []byte(`{"data":{"ndarray":[[1]]}}`)})
	for _, text := range []string{`{"data":{"ndarray":[[1]]}}`, `{"data":{"ndarray":[[1],[2],[3]]}}`, `{"strData":"a"}`, `{"data":{"tensor":{"shape":[],"values":[1]}}}`, `{`} {
		if answers, err := SplitRows([]*Rows{r, r}, message.Message{Body: []byte(text), Answer: true}); err == nil {
			t.Errorf("%s became %s", text, answers[0].Body)
		}
	}
}

func TestCanonical(t *testing.T) {
	for name, c := range map[string]struct {
		form   Form
		a, b   string
		equal  bool
		idOfB  string
		answer string
	}{
		"spaces":     {SeldonJSON, `{"a":[[1,2],[3]],"b":"x"}`, " {\"b\":\"\\u0078\",\n\"a\":[ [1, 2],[3 ]]} ", true, "", ""},
		"strings":    {SeldonJSON, `{"a":["x",[1]]}`, `{"a":[ "x", [1]]}`, true, "", ""},
		"numbers":    {SeldonJSON, `[1]`, `[1.0]`, false, "", ""},
		"nesting":    {SeldonJSON, `[[1],2]`, `[[1,2]]`, false, "", ""},
		"empty":      {SeldonJSON, `[[],[]]`, `[[[]]]`, false, "", ""},
		"ids":        {V2JSON, `{"id":"a","inputs":[]}`, `{"inputs":[],"id":"b"}`, true, "b", `{"id":"a"}`},
		"one has id": {V2JSON, `{"inputs":[]}`, `{"inputs":[],"id":"b"}`, false, "b", `{"model_name":"m"}`},
	} {
		a, _ := Canonical(c.form, message.Message{Body: []byte(c.a)})
		b, id := Canonical(c.form, message.Message{Body: []byte(c.b)})
		if equal := string(a) == string(b); equal != c.equal || id != c.idOfB {
			t.Errorf("%s: %s and %s, id %q", name, a, b, id)
		}
		if c.answer != "" {
			want := strings.Replace(c.answer, `"id":"a"`, fmt.Sprintf(`"id":%q`, c.idOfB), 1)
			if got := WithID(c.form, message.Message{Body: []byte(c.answer)}, id).Body; string(got) != want {
				t.Errorf("%s: with its id it is %s", name, got)
			}
		}
	}
}

// TestOutputsAreAlike: requests for other outputs are not joined, whatever the names
// of outputs are.
func TestOutputsAreAlike(t *testing.T) {
	of := func(outputs string) string {
		text := `{"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[1]}],"outputs":` + outputs + `}`
		return ReadRows(V2JSON, message.Message{Body: []byte(text), Type: "application/json"}).Like
	}
	if of(`[{"name":"a"},{"name":"b"}]`) == of(`[{"name":"a false} {b"}]`) {
		t.Error("one output and two are alike")
	}
}
