package manifest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/prime-radiant/radiant/apis/yamljson"
	"github.com/prime-radiant/radiant/wording"
)

// value reads n into v. Null leaves v as it is, as in JSON.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string, depth int) {
	if !d.reader.Visit(path, n, depth) {
		return
	}
	n = yamljson.Resolve(n)
	if _, seen := d.doc.positions[path]; !seen {
		d.doc.positions[path] = position{n.Line + d.above, n.Column}
	}
	if yamljson.IsNull(n) {
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
		d.reader.Again() // The same value, not another one.
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
		d.report(SeverityError, path, n, "expected fields (name: value), found "+yamljson.Describe(n))
		return
	}
	typ := d.structType(v.Type())
	d.within = append(d.within, frame{path, typ})
	for _, e := range d.reader.Entries(n, path, depth) {
		fieldPath := yamljson.Join(path, e.Key.Value)
		f, ok := typ.fields[e.Key.Value]
		if index := typ.wrapped[e.Key.Value]; !ok && index != nil && yamljson.Resolve(e.Value).Kind == yaml.MappingNode {
			d.unwrapped(e, path)
			d.value(e.Value, v.FieldByIndex(index), path, depth+1)
			continue
		}
		if !ok {
			d.unknown(e.Key, fieldPath)
			continue
		}
		d.notePosition(fieldPath, e)
		d.value(e.Value, v.FieldByIndex(f.index), fieldPath, depth+1)
	}
	d.within = d.within[:len(d.within)-1]
}

// notePosition records where a field is: at its value where that stands on the same
// line, at its name otherwise.
func (d *decoder) notePosition(path string, e yamljson.Entry) {
	at := e.Key
	if value := e.Value; value.Kind == yaml.ScalarNode && value.Line == e.Key.Line {
		at = value
	}
	d.doc.positions[path] = position{at.Line + d.above, at.Column}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.MappingNode {
		d.report(SeverityError, path, n, "expected a mapping (key: value), found "+yamljson.Describe(n))
		return
	}
	t := v.Type()
	if v.IsNil() {
		v.Set(reflect.MakeMap(t))
	}
	for _, e := range d.reader.Entries(n, path, depth) {
		if yamljson.IsNull(yamljson.Resolve(e.Value)) {
			continue
		}
		item := reflect.New(t.Elem()).Elem()
		entryPath := path + "[" + e.Key.Value + "]"
		d.notePosition(entryPath, e)
		d.value(e.Value, item, entryPath, depth+1)
		v.SetMapIndex(reflect.ValueOf(e.Key.Value).Convert(t.Key()), item)
	}
}

func (d *decoder) sequence(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.SequenceNode {
		message := "expected a list (lines that begin with -), found " + yamljson.Describe(n)
		if n.Kind == yaml.MappingNode {
			message += "; put - before its first line"
		}
		d.report(SeverityError, path, n, message)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		itemPath := path + "[" + strconv.Itoa(i) + "]"
		if yamljson.IsNull(yamljson.Resolve(item)) {
			d.report(SeverityError, itemPath, item, "the entry is empty")
			continue
		}
		d.value(item, v.Index(i), itemPath, depth+1)
	}
}

// unknown reports a field that the type does not have, with the name that was
// probably meant, or the place where the field belongs.
func (d *decoder) unknown(key *yaml.Node, path string) {
	name := key.Value
	here := d.within[len(d.within)-1]
	message := "unknown field " + name
	if s := wording.Closest(name, here.typ.names); s != "" {
		message += "; did you mean " + s + "?"
	} else if below := here.typ.below(name); below != "" {
		message += "; it belongs one level deeper, in " + below
	} else if around := d.outward(name); around != "" {
		message += "; it belongs in " + around
	}
	d.report(SeverityWarning, path, key, message)
}

// unwrapped says that fields are read one level higher than they were written.
func (d *decoder) unwrapped(e yamljson.Entry, path string) {
	var names []string
	value := yamljson.Resolve(e.Value)
	for i := 0; i+1 < len(value.Content); i += 2 {
		names = append(names, value.Content[i].Value)
	}
	d.report(SeverityWarning, yamljson.Join(path, e.Key.Value), e.Key, fmt.Sprintf(
		"an old form, in which %s stands one level too deep: it is read as a field of %s itself; write it there, without %s",
		wording.Listed(names), path, e.Key.Value))
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
	// wrapped are structs whose fields count as this one's, by the name under
	// which the first manifests, in the JSON form of Protocol Buffers, had them.
	wrapped map[string][]int
}

type structField struct {
	index []int
	typ   reflect.Type
}

func (d *decoder) structType(t reflect.Type) *structType {
	if s, ok := d.structs[t]; ok {
		return s
	}
	s := &structType{fields: map[string]structField{}, wrapped: map[string][]int{}}
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
			s.wrap(f.Name, at)
		case name != "":
			s.fields[name] = structField{at, f.Type}
		default:
			s.fields[f.Name] = structField{at, f.Type}
		}
	}
}

func (s *structType) wrap(name string, at []int) {
	if s.wrapped == nil {
		return
	}
	s.wrapped[strings.ToLower(name[:1])+name[1:]] = at
	if name == "ProbeHandler" {
		s.wrapped["handler"] = at // Its name before Kubernetes 1.23.
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
