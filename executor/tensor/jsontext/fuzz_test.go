package jsontext

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzValue holds the scanner against encoding/json: both take the same texts,
// but for the number words, nesting beyond the bound, and strings that are not
// UTF-8, which encoding/json repairs.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+3,true,null,"\u00e9\n"]}`, ` [ ] `, `{}`, `"`, `[1,]`, `{"a":1,}`, `01`, `-`, `1.`, `1e`, `.5`,
		`NaN`, `-Infinity`, `"\ud83d\ude00"`, `"\u12"`, "\"\x01\"", `{"a" : {"b" : [[]]}}`, `tru`, `[1 2]`, `{"a"}`, `1 2`, "[[[[",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		value, err := Value(text)
		words := bytes.Contains(text, []byte("NaN")) || bytes.Contains(text, []byte("Infinity"))
		if words || bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxDepth {
			return
		}
		if (err == nil) != json.Valid(text) {
			t.Fatalf("Value says %v, encoding/json %v", err, json.Valid(text))
		}
		if err == nil && TypeOf(value) == String && utf8.Valid(value) {
			compareStrings(t, value)
		}
	})
}

func compareStrings(t *testing.T, quoted []byte) {
	t.Helper()
	got, err := Unquote(quoted)
	var want string
	if json.Unmarshal(quoted, &want) != nil {
		t.Fatalf("encoding/json refuses %q", quoted)
	}
	if err == nil && string(got) != want {
		t.Fatalf("%q is %q, want %q", quoted, got, want)
	}
	if err != nil && !bytes.Contains(quoted, []byte(`\u`)) {
		t.Fatalf("%q is refused: %v", quoted, err)
	}
	if err == nil {
		again, err := Unquote(AppendQuoted(nil, got))
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q written and read is %q, %v", got, again, err)
		}
	}
}

// FuzzObject holds the members of objects against encoding/json.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":[2, 3]}`, ` { "a" : {"c":null} , "a":2 } `, `{}`, `[]`, `{"\u0061":1}`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fields, err := ParseObject(text)
		if err != nil || !json.Valid(text) {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		for _, field := range fields {
			last, _ := fields.Find(field.Key)
			if utf8.ValidString(field.Key) && !bytes.Equal(want[field.Key], last.Value) {
				t.Fatalf("%q is %q, want %q", field.Key, last.Value, want[field.Key])
			}
			if !bytes.Equal(text[field.Start:field.End], field.Value) || text[field.KeyStart] != '"' || text[field.KeyEnd-1] != '"' {
				t.Fatalf("%q is not where it is said to be", field.Key)
			}
		}
	})
}
