package translate

import (
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
)

// TestKeysReadOnce: a message that is asked for several names is read for the first.
func TestKeysReadOnce(t *testing.T) {
	for form, body := range map[Form]string{
		SeldonJSON: `{"meta":{"tags":{"tag":"x"}},"data":{"names":["a","b"],"ndarray":[[1,"two"],[3,"four"]]}}`,
		V2JSON:     `{"parameters":{"tag":"x"},"inputs":[{"name":"a","shape":[1],"datatype":"INT64","data":[1]},{"name":"b","shape":[1],"datatype":"BYTES","data":["two"]}]}`,
	} {
		k := NewKeys(form, message.Message{Body: []byte(body), Type: "application/json"})
		if text, err := k.Text("none"); err != nil || text != "" {
			t.Errorf("%v: none is %q, %v", form, text, err)
		}
		k.message = message.Message{}
		for range 2 {
			for name, want := range map[string]string{"tag": "x", "a": "1", "b": "two", "c": ""} {
				if text, err := k.Text(name); err != nil || text != want {
					t.Errorf("%v: %s is %q, %v, want %q", form, name, text, err, want)
				}
			}
		}
	}
}
