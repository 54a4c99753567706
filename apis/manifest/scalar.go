package manifest

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

	"github.com/prime-radiant/radiant/apis/yamljson"
)

// scalar reads text, a number or a boolean. Nothing is converted: Kubernetes
// refuses a number where text is due, and so does this.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	tag := n.ShortTag()
	if n.Kind != yaml.ScalarNode {
		tag = ""
	}
	switch v.Kind() {
	case reflect.String:
		_, isSwitch := yamljson.Switch(n)
		if (tag == "!!str" && !isSwitch) || tag == "!!timestamp" {
			v.SetString(n.Value)
			return
		}
		d.wrong(n, path, "text")
	case reflect.Bool:
		var b bool
		if on, ok := yamljson.Switch(n); ok {
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
	message := "expected " + expected + ", found " + yamljson.Describe(n)
	tag := n.ShortTag()
	_, isSwitch := yamljson.Switch(n)
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

// leaf reads a type that has its own form of JSON: a quantity, a time, a
// number or a percentage.
func (d *decoder) leaf(n *yaml.Node, v reflect.Value, path string, depth int) {
	value := v.Addr().Interface()
	text := d.json(n, path, depth)
	if d.reader.Stopped() {
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
	text, err := d.reader.JSON(n, path, depth)
	if err != nil {
		return nil
	}
	return text.Bytes
}
