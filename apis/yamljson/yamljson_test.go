package yamljson

import (
	"encoding/json"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// read writes a document as JSON and returns what was reported, by path.
func read(t *testing.T, text string) (Text, map[string]string, error) {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal(Escapes([]byte(text)), &root); err != nil {
		t.Fatal(err)
	}
	reported := map[string]string{}
	out, err := New(len(text), func(path string, _ *yaml.Node, message string) { reported[path] = message }).JSON(root.Content[0], "", 0)
	if !json.Valid(out.Bytes) {
		t.Errorf("%s became %s", text, out.Bytes)
	}
	return out, reported, err
}

func TestJSON(t *testing.T) {
	for text, want := range map[string]string{
		"{a: 0.1, b: 0x10, c: 1e3, d: 07}":             `{"a":0.1,"b":16,"c":1e3,"d":7}`,
		"{a: yes, b: 'yes', c: off, d: true, e: True}": `{"a":true,"b":"yes","c":false,"d":true,"e":true}`,
		"{a: null, b: ~, c: , d: ''}":                  `{"a":null,"b":null,"c":null,"d":""}`,
		"{a: 2001-01-01}":                              `{"a":"2001-01-01"}`,
		"[{a: &x [1, 2], b: *x}, text]":                `[{"a":[1,2],"b":[1,2]},"text"]`,
		"{a: &x {k: 1, l: 2}, b: {<<: *x, l: 3}}":      `{"a":{"k":1,"l":2},"b":{"l":3,"k":1}}`,
		"{b: {<<: [{k: 1}, {k: 2, l: 2}], m: 3}}":      `{"b":{"m":3,"k":1,"l":2}}`,
		`{"a": "\/\ud83d\ude00\u0041", "b": "\n"}`:     "{\"a\":\"/\U0001f600A\",\"b\":\"\\n\"}",
	} {
		got, reported, err := read(t, text)
		if string(got.Bytes) != want || len(reported) > 0 || err != nil {
			t.Errorf("%s became %s, want %s; reported %v, error %v", text, got.Bytes, want, reported, err)
		}
	}
}

func TestReports(t *testing.T) {
	for text, want := range map[string]struct{ path, message string }{
		"{a: {b: 1,\n b: 2}}": {"a.b", "b is given twice, first in line 1"},
		"{a: [{<<: text}]}":   {"a[0]", `<< merges a mapping, found the text "text"`},
		"{a: {[1]: 2}}":       {"a", "a key must be text, found a list"},
		"{a: &x {b: *x}}":     {"a" + strings.Repeat(".b", maxDepth), "the document is nested deeper than 200 levels"},
		"a: &x {<<: *x}":      {"a", "the document is nested deeper than 200 levels"},
		multiplied(6):         {"", "the document is too large: aliases (*name) multiply its values"},
	} {
		_, reported, err := read(t, text)
		if want.path == "" { // Where exactly it is too large does not matter.
			for _, message := range reported {
				reported[""] = message
			}
		}
		if reported[want.path] != want.message || err != nil {
			t.Errorf("%.60s: reported %v, error %v, want %v", text, reported, err, want)
		}
	}
	if _, _, err := read(t, "a: 1\nb: .nan"); err == nil || !strings.HasPrefix(err.Error(), `line 2: ".nan": `) {
		t.Errorf(".nan: error %v", err)
	}
}

// multiplied is a list that aliases make 10 times as long, so many times.
func multiplied(times int) string {
	text := "l0: &l0 [1]\n"
	for i := range times {
		name := string(rune('1' + i))
		text += "l" + name + ": &l" + name + " [" + strings.TrimSuffix(strings.Repeat("*l"+string(rune('0'+i))+", ", 10), ", ") + "]\n"
	}
	return text
}

func TestLine(t *testing.T) {
	got, _, err := read(t, "a: 1\nb:\n- x\n- {c: why}\n")
	if err != nil {
		t.Fatal(err)
	}
	for piece, line := range map[string]int{"1": 1, `["x"`: 3, `"x"`: 3, `"why"`: 4} {
		if at := got.Line(strings.Index(string(got.Bytes), piece) + len(piece)); at != line {
			t.Errorf("%s of %s came from line %d, want %d", piece, got.Bytes, at, line)
		}
	}
}
