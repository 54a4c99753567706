package jsontext

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
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

// compareTaking compares an object to itself parsed with all objects in it taken as
// they come.
func compareTaking(t *testing.T, text []byte, fields Fields) {
	t.Helper()
	var within []Fields
	again, err := ParseTaking(text, func(_ string, start int) int {
		if text[start] != '{' {
			return 0
		}
		inner, end, err := Members(text, start, nil)
		if err != nil {
			return 0
		}
		within = append(within, inner)
		return end
	})
	if diff := cmp.Diff(fields, again); err != nil || diff != "" {
		t.Fatalf("taking: %v\n%s", err, diff)
	}
	for _, field := range fields {
		if field.Value[0] != '{' {
			continue
		}
		alone, err := ParseObject(field.Value)
		if err != nil {
			continue // A key that is no text.
		}
		for i := range alone {
			f := &alone[i]
			f.KeyStart, f.KeyEnd, f.Start, f.End = f.KeyStart+field.Start, f.KeyEnd+field.Start, f.Start+field.Start, f.End+field.Start
		}
		if len(within) == 0 || cmp.Diff(alone, within[0]) != "" {
			t.Fatalf("%q is alone %v, taken %v", field.Value, alone, within)
		}
		within = within[1:]
	}
}

// FuzzObject holds the members of objects against encoding/json.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":[2, 3]}`, ` { "a" : {"c":null} , "a":2 } `, `{"a":2,"a":{"c":null,"d":[1, 2],"c":{}}}`, `{"a":{"\ud800":1}}`, `{"a":{}}`, `{}`, `[]`, `{"\u0061":1}`, ``} {
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
		compareTaking(t, text, fields)
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
