// Package jsonerror says where in a text an error of encoding/json lies.
package jsonerror

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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
