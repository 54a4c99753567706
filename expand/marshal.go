package expand

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v2"
	"k8s.io/apimachinery/pkg/runtime"
)

// Marshal writes objects as YAML documents that can be applied: without status
// and other fields that only say nothing. An owner reference without the
// owner's uid is left out, since no API server takes it.
func Marshal(objects []Object) ([]byte, error) {
	const usual = 2 << 10 // bytes of a document
	d := document{out: make([]byte, 0, usual*len(objects))}
	p := parser{open: make([]part, 0, 128), parts: make([]part, 0, 512)}
	for _, o := range objects {
		d.write("---\n")
		if err := d.object(o, &p); err != nil {
			return nil, fmt.Errorf("writing %s %s: %w", o.GetObjectKind().GroupVersionKind().Kind, o.GetName(), err)
		}
	}
	return d.out, nil
}

// object appends the document of an object.
func (d *document) object(o Object, p *parser) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	t, err := p.parse(body)
	if err != nil {
		return err
	}
	if t.prune(); d.add(&t) {
		return nil
	}
	fields, err := Fields(o)
	if err != nil {
		return err
	}
	text, err := yaml.Marshal(fields)
	d.out = append(d.out, text...)
	return err
}

// Fields is what is applied of an object, in the form of its JSON: what
// [Marshal] writes. Numbers are of type int64 or float64. The caller owns them.
func Fields(o Object) (map[string]any, error) {
	fields, err := fieldsOf(o)
	if err != nil {
		return nil, err
	}
	delete(fields, "status")
	if metadata, ok := fields["metadata"].(map[string]any); ok && !owned(metadata) {
		delete(metadata, "ownerReferences")
	}
	plain(fields)
	return fields, nil
}

func fieldsOf(o Object) (map[string]any, error) {
	if _, untyped := o.(runtime.Unstructured); !untyped {
		return runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	}
	// What is untyped holds Go's own types too, which only JSON makes plain.
	body, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var fields map[string]any
	err = decoder.Decode(&fields)
	return fields, err
}

func owned(metadata map[string]any) bool {
	references, _ := metadata["ownerReferences"].([]any)
	for _, r := range references {
		fields, _ := r.(map[string]any)
		if uid, _ := fields["uid"].(string); uid != "" {
			return true
		}
	}
	return false
}

// plain removes fields that the API types write though they are unset, and
// makes numbers of JSON's.
func plain(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, field := range value {
			switch field := field.(type) {
			case nil:
				delete(value, key)
			case map[string]any:
				if len(field) == 0 && key == "resources" {
					delete(value, key)
				}
				plain(field)
			case []any:
				plain(field)
			case json.Number:
				value[key] = plain(field)
			}
		}
	case []any:
		for i := range value {
			value[i] = plain(value[i])
		}
	case json.Number:
		if n, err := value.Int64(); err == nil {
			return n
		}
		n, _ := value.Float64() // It was written as a number.
		return n
	}
	return value
}
