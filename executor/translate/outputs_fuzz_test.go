package translate

import (
	"bytes"
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
)

// FuzzOutputs takes the outputs that any bytes ask for out of them, as a chain
// does before its first node, and gives them to what would be its last.
func FuzzOutputs(f *testing.F) {
	for i, s := range seeds() {
		f.Add(s, uint8(i), 0)
	}
	for _, text := range []string{
		`{"inputs":[{"name":"i"}],"outputs":[{"name":"y"}]}`, `{"outputs":[],"inputs":[]}`, `{"inputs":[],"outputs":null , "id":"1"}`,
		`{"inputs":[1],"outputs":[{"name":"\u0022"}],"outputs":[2]}`, "{ \"inputs\" : [ ] ,\n\"outputs\" : [ ] }\x00\x01",
	} {
		f.Add([]byte(text), uint8(V2JSON-1), 0)
		f.Add([]byte(text), uint8(V2JSON-1), len(text))
	}
	f.Fuzz(func(t *testing.T, body []byte, which uint8, jsonLength int) {
		form := forms()[which%6]
		m := message.Message{Body: bytes.Clone(body), JSONLength: jsonLength}
		if form != V2JSON || jsonLength < 0 || jsonLength > len(body) {
			m.JSONLength = 0
		}
		rest, outputs := TakeOutputs(form, m)
		if !bytes.Equal(m.Body, body) {
			t.Fatalf("the request became %q", m.Body)
		}
		if outputs == nil {
			if !bytes.Equal(rest.Whole().Body, body) || rest.JSONLength != m.JSONLength {
				t.Fatalf("%q asks for nothing and became %q, %d", body, rest.Body, rest.JSONLength)
			}
			return
		}
		checkParts(t, m, rest)
		if form == V2JSON {
			if _, _, err := splitV2(rest); err != nil {
				t.Fatalf("%q became %q: %v", body, rest.Body, err)
			}
		}
		given := GiveOutputs(form, rest, outputs)
		checkParts(t, m, given)
		again, same := TakeOutputs(form, given)
		if !bytes.Equal(same, outputs) || form != V2JSON && !bytes.Equal(again.Body, rest.Body) {
			t.Fatalf("%q asks for %q, and %q with them for %q", body, outputs, given.Body, same)
		}
	})
}

// checkParts asks that what is behind the JSON of a request stays as it is.
func checkParts(t *testing.T, before, after message.Message) {
	t.Helper()
	if before.JSONLength == 0 {
		return
	}
	if after.JSONLength < 0 || after.JSONLength > len(after.Body) || !bytes.Equal(before.Body[before.JSONLength:], after.Body[after.JSONLength:]) {
		t.Fatalf("%q with JSON of %d bytes became %q with %d", before.Body, before.JSONLength, after.Body, after.JSONLength)
	}
}
