package v1

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	// maxDepth bounds nesting. The deepest field of a deployment is at about
	// 20, and each level of a graph adds two.
	maxDepth = 200
	// moreValues bounds what a document may grow to by aliases: that many
	// values more than it has bytes.
	moreValues = 100_000
)

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// visit counts a value and reports whether it may be read.
func (d *decoder) visit(path string, n *yaml.Node, depth int) bool {
	if d.stopped {
		return false
	}
	d.budget--
	switch {
	case d.budget < 0:
		d.report(SeverityError, path, n, "the document is too large: aliases (*name) multiply its values")
	case depth > maxDepth:
		d.report(SeverityError, path, n, fmt.Sprintf("the document is nested deeper than %d levels", maxDepth))
	default:
		return true
	}
	d.stopped = true
	return false
}

// value reads n into v. Null leaves v as it is, as in JSON.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string, depth int) {
	if !d.visit(path, n, depth) {
		return
	}
	n = resolve(n)
	if _, seen := d.doc.positions[path]; !seen {
		d.doc.positions[path] = position{n.Line + d.above, n.Column}
	}
	if isNull(n) {
		return
	}
	t := v.Type()
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		d.leaf(n, v, path, depth)
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(t.Elem()))
		}
		d.budget++ // The same value, not another one.
		d.value(n, v.Elem(), path, depth)
	case reflect.Struct:
		d.structure(n, v, path, depth)
	case reflect.Map:
		d.mapping(n, v, path, depth)
	case reflect.Slice:
		d.sequence(n, v, path, depth)
	default:
		d.scalar(n, v, path)
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.MappingNode {
		d.report(SeverityError, path, n, "expected fields (name: value), found "+describe(n))
		return
	}
	typ := d.structType(v.Type())
	d.within = append(d.within, frame{path, typ})
	for _, e := range d.entries(n, path, depth) {
		fieldPath := join(path, e.key.Value)
		f, ok := typ.fields[e.key.Value]
		if !ok {
			d.unknown(e.key, fieldPath)
			continue
		}
		d.place(fieldPath, e)
		d.value(e.value, v.FieldByIndex(f.index), fieldPath, depth+1)
	}
	d.within = d.within[:len(d.within)-1]
}

// place records where a field is: at its value where that stands on the same
// line, at its name otherwise.
func (d *decoder) place(path string, e entry) {
	at := e.key
	if value := e.value; value.Kind == yaml.ScalarNode && value.Line == e.key.Line {
		at = value
	}
	d.doc.positions[path] = position{at.Line + d.above, at.Column}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.MappingNode {
		d.report(SeverityError, path, n, "expected a mapping (key: value), found "+describe(n))
		return
	}
	t := v.Type()
	if v.IsNil() {
		v.Set(reflect.MakeMap(t))
	}
	for _, e := range d.entries(n, path, depth) {
		if isNull(resolve(e.value)) {
			continue
		}
		item := reflect.New(t.Elem()).Elem()
		entryPath := path + "[" + e.key.Value + "]"
		d.place(entryPath, e)
		d.value(e.value, item, entryPath, depth+1)
		v.SetMapIndex(reflect.ValueOf(e.key.Value).Convert(t.Key()), item)
	}
}

func (d *decoder) sequence(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.SequenceNode {
		message := "expected a list (lines that begin with -), found " + describe(n)
		if n.Kind == yaml.MappingNode {
			message += "; put - before its first line"
		}
		d.report(SeverityError, path, n, message)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		itemPath := path + "[" + strconv.Itoa(i) + "]"
		if isNull(resolve(item)) {
			d.report(SeverityError, itemPath, item, "the entry is empty")
			continue
		}
		d.value(item, v.Index(i), itemPath, depth+1)
	}
}

// entry is one key of a mapping.
type entry struct{ key, value *yaml.Node }

// entries lists the keys of a mapping, with those of merged mappings ("<<")
// after its own. A key given twice is an error.
func (d *decoder) entries(n *yaml.Node, path string, depth int) []entry {
	var own, merged []entry
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), n.Content[i+1]
		switch {
		case key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge":
			merged = append(merged, d.merged(resolve(value), path, depth+1)...)
		case key.Kind != yaml.ScalarNode:
			d.report(SeverityError, path, key, "a key must be text, found "+describe(key))
		case first[key.Value] != nil:
			d.report(SeverityError, join(path, key.Value), key,
				fmt.Sprintf("%s is given twice, first in line %d", key.Value, first[key.Value].Line+d.above))
		default:
			first[key.Value] = key
			own = append(own, entry{key, value})
		}
	}
	for _, e := range merged {
		if first[e.key.Value] == nil {
			first[e.key.Value] = e.key
			own = append(own, e)
		}
	}
	return own
}

// merged lists the keys of the value of "<<": a mapping or a list of mappings,
// of which the first has precedence.
func (d *decoder) merged(n *yaml.Node, path string, depth int) []entry {
	if !d.visit(path, n, depth) {
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		return d.entries(n, path, depth)
	case yaml.SequenceNode:
		var all []entry
		for _, item := range n.Content {
			all = append(all, d.merged(resolve(item), path, depth+1)...)
		}
		return all
	}
	d.report(SeverityError, path, n, "<< merges a mapping, found "+describe(n))
	return nil
}

// unknown reports a field that the type does not have, with the name that was
// probably meant, or the place where the field belongs.
func (d *decoder) unknown(key *yaml.Node, path string) {
	name := key.Value
	here := d.within[len(d.within)-1]
	message := "unknown field " + name
	if s := suggest(name, here.typ.names); s != "" {
		message += "; did you mean " + s + "?"
	} else if below := here.typ.below(name); below != "" {
		message += "; it belongs one level deeper, in " + below
	} else if around := d.outward(name); around != "" {
		message += "; it belongs in " + around
	}
	d.report(SeverityWarning, path, key, message)
}

// outward returns the path of the nearest struct around the current one that
// has a field of that name.
func (d *decoder) outward(name string) string {
	for i := len(d.within) - 2; i >= 0; i-- {
		if _, ok := d.within[i].typ.fields[name]; ok && d.within[i].path != "" {
			return d.within[i].path
		}
	}
	return ""
}

// structType is the JSON view of a Go struct.
type structType struct {
	fields map[string]structField
	names  []string
}

type structField struct {
	index []int
	typ   reflect.Type
}

func (d *decoder) structType(t reflect.Type) *structType {
	if s, ok := d.structs[t]; ok {
		return s
	}
	s := &structType{fields: map[string]structField{}}
	s.collect(t, nil)
	for name := range s.fields {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	d.structs[t] = s
	return s
}

func (s *structType) collect(t reflect.Type, index []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			s.collect(f.Type, at)
		case name != "":
			s.fields[name] = structField{at, f.Type}
		default:
			s.fields[f.Name] = structField{at, f.Type}
		}
	}
}

// below returns the field whose own fields include name.
func (s *structType) below(name string) string {
	for _, field := range s.names {
		t := s.fields[field].typ
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			continue
		}
		inner := structType{fields: map[string]structField{}}
		inner.collect(t, nil)
		if _, ok := inner.fields[name]; ok {
			return field
		}
	}
	return ""
}

func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}
