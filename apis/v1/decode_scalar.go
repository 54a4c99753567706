package v1

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// isSwitch reports whether an unquoted word is a boolean for the YAML 1.1 that
// kubectl reads, and text for the YAML 1.2 of this package's parser.
func isSwitch(n *yaml.Node) (value, ok bool) {
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

// scalar reads text, a number or a boolean. Nothing is converted: Kubernetes
// refuses a number where text is due, and so does this.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	tag := n.ShortTag()
	if n.Kind != yaml.ScalarNode {
		tag = ""
	}
	switch v.Kind() {
	case reflect.String:
		_, isSwitch := isSwitch(n)
		if (tag == "!!str" && !isSwitch) || tag == "!!timestamp" {
			v.SetString(n.Value)
			return
		}
		d.wrong(n, path, "text")
	case reflect.Bool:
		var b bool
		if on, ok := isSwitch(n); ok {
			b = on
		} else if tag != "!!bool" || n.Decode(&b) != nil {
			d.wrong(n, path, "true or false")
			return
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var i int64
		if tag != "!!int" {
			d.wrong(n, path, "a whole number")
		} else if n.Decode(&i) != nil || v.OverflowInt(i) {
			d.report(SeverityError, path, n, fmt.Sprintf("the number %s is too large", n.Value))
		} else {
			v.SetInt(i)
		}
	default:
		// Kubernetes' types hold a few values of other kinds, such as bytes.
		if err := json.Unmarshal(d.json(n, path, 0), v.Addr().Interface()); err != nil {
			d.wrong(n, path, "a value of type "+v.Type().String())
		}
	}
}

// wrong reports a value of the wrong type and how to write the right one.
func (d *decoder) wrong(n *yaml.Node, path, expected string) {
	message := "expected " + expected + ", found " + describe(n)
	tag := n.ShortTag()
	_, isSwitch := isSwitch(n)
	switch {
	case n.Kind != yaml.ScalarNode:
	case expected == "text" && (isSwitch || tag == "!!bool" || tag == "!!int" || tag == "!!float"):
		message += fmt.Sprintf("; write it in quotes: %q", n.Value)
	case expected == "a whole number" && tag == "!!str":
		if _, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
			message += "; write it without quotes: " + n.Value
		}
	case expected == "true or false" && tag == "!!str":
		if value := strings.ToLower(n.Value); value == "true" || value == "false" {
			message += "; write it without quotes: " + value
		}
	}
	d.report(SeverityError, path, n, message)
}

// describe says what a value is.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "fields (name: value)"
	case yaml.SequenceNode:
		return "a list"
	}
	if _, ok := isSwitch(n); ok {
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

// leaf reads a type that has its own form of JSON: a quantity, a time, a
// number or a percentage.
func (d *decoder) leaf(n *yaml.Node, v reflect.Value, path string, depth int) {
	value := v.Addr().Interface()
	text := d.json(n, path, depth)
	if d.stopped {
		return
	}
	if err := json.Unmarshal(text, value); err == nil {
		return
	}
	expected := "a value of type " + v.Type().String()
	switch value.(type) {
	case *resource.Quantity:
		expected = "a quantity such as 2, 500m or 1Gi"
	case *intstr.IntOrString:
		expected = "a whole number, or text such as 25% or a port's name"
	case *metav1.Time, *metav1.MicroTime:
		expected = "a time such as 2006-01-02T15:04:05Z"
	case *metav1.Duration:
		expected = "a duration such as 30s"
	}
	d.wrong(n, path, expected)
}

// json writes a value of any shape as JSON; nothing for what JSON has not
// (.nan, .inf).
func (d *decoder) json(n *yaml.Node, path string, depth int) []byte {
	text, err := json.Marshal(d.plain(n, path, depth))
	if err != nil {
		return nil
	}
	return text
}

func (d *decoder) plain(n *yaml.Node, path string, depth int) any {
	if !d.visit(path, n, depth) {
		return nil
	}
	n = resolve(n)
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for _, e := range d.entries(n, path, depth) {
			m[e.key.Value] = d.plain(e.value, join(path, e.key.Value), depth+1)
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = d.plain(item, path+"["+strconv.Itoa(i)+"]", depth+1)
		}
		return list
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		// A number keeps its own spelling where JSON has the same one: 0.1
		// cores are not 0.1000000000000000055.
		if json.Valid([]byte(n.Value)) {
			return json.RawMessage(n.Value)
		}
		var x any
		if n.Decode(&x) == nil {
			return x
		}
	}
	if on, ok := isSwitch(n); ok {
		return on
	}
	return n.Value
}
