// Package jsonerror says where in a text an error of encoding/json lies.
package jsonerror

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// WithPosition adds line and column to an error that encoding/json has returned for
// text. Other errors, which have no position, are returned as they are.
func WithPosition(err error, text []byte) error {
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	var offset int64
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &wrong):
		offset = wrong.Offset
	default:
		return err
	}
	before := text[:min(int(offset), len(text))]
	return fmt.Errorf("line %d, column %d: %w", bytes.Count(before, []byte{'\n'})+1, len(before)-bytes.LastIndexByte(before, '\n')-1, err)
}

// Told is [WithPosition] for a client: it names no types of Go's.
func Told(err error, text []byte) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return WithPosition(err, text)
	}
	at := WithPosition(err, text).Error()
	return errors.New(strings.TrimSuffix(at, err.Error()) + plainly(wrong))
}

// plainly says what is wrong with a value without the names of Go's types.
func plainly(e *json.UnmarshalTypeError) string {
	want := "something else"
	if e.Type != nil {
		switch e.Type.Kind() {
		case reflect.Struct, reflect.Map:
			want = "an object"
		case reflect.Slice, reflect.Array:
			want = "a list"
		case reflect.String:
			want = "text"
		case reflect.Bool:
			want = "true or false"
		default:
			want = "a number"
		}
	}
	at := ""
	if e.Field != "" {
		at = e.Field + ": "
	}
	return fmt.Sprintf("%swant %s, not %s", at, want, e.Value)
}
