package jsonerror

import (
	"encoding/json"
	"errors"
	"testing"
)

func TestWithPosition(t *testing.T) {
	for text, want := range map[string]string{
		"{\n  \"a\": ]":     "line 2, column 8: invalid character ']' looking for beginning of value",
		"{\n\n\"a\": \"x\"": "line 3, column 8: unexpected end of JSON input",
		"{\"a\":\n\"x\"}":   "line 2, column 3: json: cannot unmarshal string into Go struct field .a of type int",
	} {
		var v struct {
			A int `json:"a"`
		}
		if err := WithPosition(json.Unmarshal([]byte(text), &v), []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	other := errors.New("other")
	if err := WithPosition(other, nil); !errors.Is(err, other) || err.Error() != "other" {
		t.Errorf("another error became %v", err)
	}
}
