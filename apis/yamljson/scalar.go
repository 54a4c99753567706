package yamljson

import (
	"encoding/json"
	"fmt"

	"gopkg.in/yaml.v3"
)

// IsNull reports whether a value is nothing.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// Switch reports whether an unquoted word is a boolean for the YAML 1.1 that
// kubectl reads, and text for the YAML 1.2 of the parser.
func Switch(n *yaml.Node) (value, ok bool) {
	if n.Style != 0 {
		return false, false
	}
	switch n.Value {
	case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON":
		return true, true
	case "n", "N", "no", "No", "NO", "off", "Off", "OFF":
		return false, true
	}
	return false, false
}

// scalar is the JSON of text, a number, a boolean or nothing. The error is of
// what JSON has not: .nan and .inf.
func scalar(n *yaml.Node) ([]byte, error) {
	switch n.ShortTag() {
	case "!!null":
		return []byte("null"), nil
	case "!!bool", "!!int", "!!float":
		// A number keeps its own spelling where JSON has the same one: 0.1
		// cores are not 0.1000000000000000055.
		if json.Valid([]byte(n.Value)) {
			return []byte(n.Value), nil
		}
		var x any
		if n.Decode(&x) == nil {
			return json.Marshal(x)
		}
	}
	if on, ok := Switch(n); ok {
		return json.Marshal(on)
	}
	return json.Marshal(n.Value)
}

// Describe says what a value is.
func Describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "fields (name: value)"
	case yaml.SequenceNode:
		return "a list"
	}
	if _, ok := Switch(n); ok {
		return "the word " + n.Value + ", which YAML reads as a boolean"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return "the boolean " + n.Value
	case "!!str":
		const most = 40
		text := n.Value
		if len(text) > most {
			return fmt.Sprintf("the text %q...", text[:most])
		}
		return fmt.Sprintf("the text %q", text)
	}
	return "a value tagged " + n.ShortTag()
}
