package openapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

func about(description string, schema object) object {
	return schema.with(member{"description", description})
}

func record(properties ...member) object {
	return object{{"type", "object"}, {"properties", object(properties)}}
}

func arrayOf(items object) object { return object{{"type", "array"}, {"items", items}} }

func mapOf(values object) object {
	return object{{"type", "object"}, {"additionalProperties", values}}
}

// anyArray is null where nothing is known.
func anyArray() object {
	return object{{"type", "array"}, {"items", object{}}, {"nullable", true}}
}

// modelMetadata is what seldon and the open inference protocol have in common.
func modelMetadata() member {
	text := object{{"type", "string"}}
	return member{"ModelMetadata", record(
		member{"name", text}, member{"platform", text}, member{"versions", arrayOf(text).with(member{"nullable", true})},
		member{"inputs", anyArray()}, member{"outputs", anyArray()})}
}

// sampleDepth bounds what is made of schemas that refer to themselves.
const sampleDepth = 8

// sample makes a value that a component's JSON schema allows, as far as it is
// a plain one.
func sample(schema json.RawMessage, depth int) string {
	var s struct {
		Type       any                        `json:"type"`
		Properties map[string]json.RawMessage `json:"properties"`
		Items      json.RawMessage            `json:"items"`
		Enum       []json.RawMessage          `json:"enum"`
		Examples   []json.RawMessage          `json:"examples"`
		Example    json.RawMessage            `json:"example"`
		Default    json.RawMessage            `json:"default"`
		Const      json.RawMessage            `json:"const"`
	}
	if depth > sampleDepth || json.Unmarshal(schema, &s) != nil {
		return "{}"
	}
	for _, v := range slices.Concat([]json.RawMessage{s.Example, s.Const, s.Default}, s.Examples, s.Enum) {
		if len(v) > 0 {
			return string(v)
		}
	}
	kind, _ := s.Type.(string)
	switch kind {
	case "array":
		if len(s.Items) == 0 {
			return "[]"
		}
		return "[" + sample(s.Items, depth+1) + "]"
	case "string":
		return `"text"`
	case "number", "integer":
		return "1"
	case "boolean":
		return "true"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		parts = append(parts, quoted(name)+":"+sample(s.Properties[name], depth+1))
	}
	return "{" + strings.Join(parts, ",") + "}"
}
