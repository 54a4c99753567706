package translate

import (
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
)

// FuzzRows joins a request with itself: what comes of it is a request of twice the
// rows, which are alike and are given back as they came.
func FuzzRows(f *testing.F) {
	for _, text := range []string{
		`{"data":{"names":["a"],"ndarray":[[1.50],["x"]]},"meta":{}}`, `{"data":{"tensor":{"shape":[2,1],"values":[1,NaN]}}}`,
		`{"data":{"tftensor":{"dtype":"DT_FLOAT","tensorShape":{"dim":[{"size":"1"}]},"floatVal":[1]}}}`,
		`{"instances":[{"a":1,"b":[2]}]}`, `{"inputs":{"x":[[1]],"y":[{"b64":"AA=="}]}}`, `{"signature_name":"s","inputs":[[true]]}`,
		`{"id":"1","inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1.0,null]}],"outputs":[{"name":"y"}]}`,
	} {
		for form := range uint8(7) {
			f.Add(form, []byte(text), 0)
		}
	}
	behindJSON := behind(`{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}}]}`, 1)
	f.Add(uint8(V2JSON), behindJSON.Body, behindJSON.JSONLength)
	f.Fuzz(func(t *testing.T, form uint8, body []byte, jsonLength int) {
		p := message.Message{Body: body, JSONLength: max(0, min(jsonLength, len(body)))}
		r := ReadRows(Form(form), p)
		if r == nil || r.Count > 1000 {
			return
		}
		all := []*Rows{r, r}
		joined, err := JoinRows(all)
		if err != nil {
			return // It is sent by itself.
		}
		again := ReadRows(Form(form), joined)
		if again == nil || again.Count != 2*r.Count {
			t.Fatalf("%q became %q, which is %+v", body, joined.Body, again)
		}
		if Form(form).protocol() != seldonProtocol {
			return // Others answer in other words.
		}
		joined.Answer = true
		answers, err := SplitRows(all, joined)
		if err != nil {
			t.Fatalf("%q: %v", joined.Body, err)
		}
		for _, a := range answers {
			if back := ReadRows(Form(form), a); back == nil || back.Count != r.Count {
				t.Fatalf("%q became %q and %q", body, joined.Body, a.Body)
			}
		}
	})
}
