package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v2"

	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/operator/config"
)

// rules are the rights to the kinds that deployments own: a rule for each API
// group.
func rules() string {
	var groups []string
	resources := map[string][]string{}
	for _, k := range expand.AllKinds() {
		if len(resources[k.Group]) == 0 {
			groups = append(groups, k.Group)
		}
		resources[k.Group] = append(resources[k.Group], k.Resource)
	}
	var out strings.Builder
	for _, group := range groups {
		name := group
		if name == "" {
			name = `""`
		}
		fmt.Fprintf(&out, "- apiGroups: [%s]\n  resources: [%s]\n  verbs: [get, list, watch, create, patch, delete]\n",
			name, strings.Join(resources[group], ", "))
	}
	return out.String()
}

// values are those of the chart for the ways into the cluster.
func values() string {
	var out strings.Builder
	for _, w := range expand.Ways() {
		section := ""
		for _, s := range w.Settings {
			outer, name, _ := strings.Cut(s.Value, ".")
			if outer != section {
				section = outer
				fmt.Fprintf(&out, "%s:\n", section)
			}
			if s.IsFlag() {
				fmt.Fprintf(&out, "  %s: %s # %s\n", name, s.Default, s.Doc)
				continue
			}
			doc := s.Doc
			if len(s.Words) > 0 {
				doc += ": " + strings.Join(s.Words, ", ")
			}
			fmt.Fprintf(&out, "  # %s\n  %s: \"\"", doc, name)
			if s.Default != "" {
				fmt.Fprintf(&out, " # %s", s.Default)
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// settings are the variables of the operator that the chart's values become, in
// the order of the operator's tables.
func settings() string {
	var out strings.Builder
	out.WriteString("{{- $all := dict\n")
	defaults := config.Default()
	for _, s := range slices.Concat(config.ManagerSettings(), defaults.Settings()) {
		if s.Chart != "" {
			fmt.Fprintf(&out, "  %q $v.%s\n", s.Variable, s.Chart)
		}
	}
	out.WriteString("-}}\n")
	return out.String()
}

// schema describes the values of the ways among the properties of the others.
func schema(text string) (string, error) {
	var all yaml.MapSlice // Keeps the order, and JSON is YAML.
	if err := yaml.Unmarshal([]byte(text), &all); err != nil {
		return "", err
	}
	for _, w := range expand.Ways() {
		var properties yaml.MapSlice
		section := ""
		for _, s := range w.Settings {
			outer, name, _ := strings.Cut(s.Value, ".")
			section = outer
			properties = append(properties, yaml.MapItem{Key: name, Value: described(&s)})
		}
		all = with(all, yaml.MapSlice{
			{Key: "type", Value: "object"}, {Key: "additionalProperties", Value: false}, {Key: "properties", Value: properties},
		}, "properties", section)
	}
	var out bytes.Buffer
	if err := writeJSON(&out, all); err != nil {
		return "", err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, out.Bytes(), "", "  "); err != nil {
		return "", err
	}
	return indented.String() + "\n", nil
}

// described is the schema of one setting.
func described(s *expand.Setting) yaml.MapSlice {
	switch {
	case s.IsFlag():
		return yaml.MapSlice{{Key: "$ref", Value: "#/$defs/flag"}}
	case len(s.Words) == 0:
		return yaml.MapSlice{{Key: "$ref", Value: "#/$defs/text"}}
	}
	words := make([]any, 0, len(s.Words)+2)
	for _, w := range s.Words {
		words = append(words, w)
	}
	return yaml.MapSlice{{Key: "enum", Value: append(words, "", nil)}}
}

// with returns a map with a value at a path of keys, in place of the one that
// is there.
func with(m yaml.MapSlice, value any, key string, below ...string) yaml.MapSlice {
	for i := range m {
		if m[i].Key != key {
			continue
		}
		if inner, ok := m[i].Value.(yaml.MapSlice); ok && len(below) > 0 {
			value = with(inner, value, below[0], below[1:]...)
		}
		m[i].Value = value
		return m
	}
	return append(m, yaml.MapItem{Key: key, Value: value})
}

// writeJSON writes maps in their order.
func writeJSON(out *bytes.Buffer, value any) error {
	switch value := value.(type) {
	case yaml.MapSlice:
		out.WriteByte('{')
		for i, item := range value {
			if i > 0 {
				out.WriteByte(',')
			}
			fmt.Fprintf(out, "%q:", item.Key)
			if err := writeJSON(out, item.Value); err != nil {
				return err
			}
		}
		out.WriteByte('}')
		return nil
	case []any:
		out.WriteByte('[')
		for i := range value {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := writeJSON(out, value[i]); err != nil {
				return err
			}
		}
		out.WriteByte(']')
		return nil
	}
	text, err := json.Marshal(value)
	out.Write(text)
	return err
}
