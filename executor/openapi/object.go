package openapi

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object that keeps its order. Values are objects, lists,
// strings, numbers, truth values, or text that is JSON already.
type object []member

type member struct {
	key   string
	value any
}

type list []any

// raw is JSON that is written as it stands.
type raw string

// with returns the object and more members; it leaves out those that are nil.
func (o object) with(more ...member) object {
	o = slices.Clone(o)
	for _, m := range more {
		if m.value != nil {
			o = append(o, m)
		}
	}
	return o
}

func quoted(s string) string {
	text, _ := json.Marshal(s) // A string has a JSON form always.
	return string(text)
}

// scalar writes a value that is neither object nor list, or one that is empty.
func scalar(v any) (text string, ok bool) {
	switch v := v.(type) {
	case raw:
		return string(v), true
	case string:
		return quoted(v), true
	case int:
		return strconv.Itoa(v), true
	case bool:
		return strconv.FormatBool(v), true
	case object:
		return "{}", len(v) == 0
	case list:
		return "[]", len(v) == 0
	}
	return "null", true
}

// appendJSON writes v with an indent for each level of objects and lists.
func appendJSON(b []byte, v any, indent string) []byte {
	if text, ok := scalar(v); ok {
		return append(b, text...)
	}
	inner := indent + "  "
	separator := "\n" + inner
	switch v := v.(type) {
	case object:
		b = append(b, '{')
		for _, m := range v {
			b = append(append(b, separator...), quoted(m.key)...)
			b = appendJSON(append(b, ": "...), m.value, inner)
			separator = ",\n" + inner
		}
		return append(append(b, "\n"+indent...), '}')
	case list:
		b = append(b, '[')
		for _, item := range v {
			b = appendJSON(append(b, separator...), item, inner)
			separator = ",\n" + inner
		}
		return append(append(b, "\n"+indent...), ']')
	}
	return b
}

// appendYAML writes v as block style YAML; scalars and raw text stay JSON,
// which is YAML as well.
func appendYAML(b []byte, v any, indent string) []byte {
	switch v := v.(type) {
	case object:
		for i, m := range v {
			if i > 0 {
				b = append(b, indent...)
			}
			b = append(append(b, yamlKey(m.key)...), ':')
			b = yamlValue(b, m.value, indent+"  ")
		}
	case list:
		for i, item := range v {
			if i > 0 {
				b = append(b, indent...)
			}
			b = append(b, '-')
			if text, ok := scalar(item); ok {
				b = append(append(append(b, ' '), text...), '\n')
			} else {
				b = appendYAML(append(b, ' '), item, indent+"  ")
			}
		}
	}
	return b
}

func yamlValue(b []byte, v any, indent string) []byte {
	if text, ok := scalar(v); ok {
		return append(append(append(b, ' '), text...), '\n')
	}
	return appendYAML(append(append(b, '\n'), indent...), v, indent)
}

// yamlKey leaves out the quotes where a word can be nothing but a string.
func yamlKey(key string) string {
	switch strings.ToLower(key) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n", "":
		return quoted(key)
	}
	for i := range len(key) {
		if c := key[i] | 0x20; (c < 'a' || c > 'z') && key[i] != '_' {
			return quoted(key)
		}
	}
	return key
}
