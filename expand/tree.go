package expand

import (
	"encoding/json"
	"slices"
	"strings"
)

// tree is a value of JSON, with the fields of an object in the order in which
// they stand.
type tree struct {
	// kind is the first character of the value in JSON: that of an object, a list,
	// a text, or of what else text says as JSON does.
	kind byte
	// text of a text is what it says, without JSON's quotes.
	text string
	// parts are those of an object or a list.
	parts []part
}

// part is a field of an object, or an item of a list, which has no name.
type part struct {
	name  string
	value tree
}

// parser reads what package json wrote, which is sure to be JSON without space
// between the values. What it read last is good until it reads again.
type parser struct {
	rest string
	err  error
	// open are the parts of the values that are not read to their ends, and parts
	// those of the others.
	open, parts []part
}

func (p *parser) parse(body []byte) (tree, error) {
	p.rest, p.err = string(body), nil
	p.open, p.parts = p.open[:0], p.parts[:0]
	t := p.value()
	return t, p.err
}

func (p *parser) value() tree {
	t := tree{kind: p.rest[0]}
	first := len(p.open)
	switch t.kind {
	case '{':
		for p.next('}') {
			name := p.quoted()
			p.rest = p.rest[len(":"):]
			p.open = append(p.open, part{name, p.value()})
		}
	case '[':
		for p.next(']') {
			p.open = append(p.open, part{value: p.value()})
		}
	case '"':
		t.text = p.quoted()
	default:
		end := strings.IndexAny(p.rest, ",]}")
		if end < 0 {
			end = len(p.rest)
		}
		t.text, p.rest = p.rest[:end], p.rest[end:]
	}
	if len(p.open) > first {
		begin := len(p.parts)
		p.parts = append(p.parts, p.open[first:]...)
		t.parts, p.open = p.parts[begin:len(p.parts):len(p.parts)], p.open[:first]
	}
	return t
}

// next steps over the bracket or comma before another part of a value, or over
// the bracket at its end, and reports which it was.
func (p *parser) next(end byte) bool {
	if p.rest[0] != end {
		p.rest = p.rest[1:]
	}
	if p.rest[0] != end {
		return true
	}
	p.rest = p.rest[1:]
	return false
}

// quoted reads a text.
func (p *parser) quoted() string {
	end := 1
	for p.rest[end] != '"' {
		if p.rest[end] == '\\' {
			end++
		}
		end++
	}
	whole := p.rest[:end+1]
	p.rest = p.rest[end+1:]
	text := whole[1:end]
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	if err := json.Unmarshal([]byte(whole), &text); err != nil {
		p.err = err
	}
	return text
}

// field returns a field of an object; an empty value if it has none of that name.
func (t *tree) field(name string) *tree {
	for i := range t.parts {
		if t.parts[i].name == name {
			return &t.parts[i].value
		}
	}
	return &tree{}
}

func (t *tree) remove(name string) {
	t.parts = slices.DeleteFunc(t.parts, func(p part) bool { return p.name == name })
}

// prune removes fields that only say nothing, of an object that is applied: the
// same ones as [Fields].
func (t *tree) prune() {
	t.remove("status")
	metadata := t.field("metadata")
	owner := func(reference part) bool { return reference.value.field("uid").text != "" }
	if !slices.ContainsFunc(metadata.field("ownerReferences").parts, owner) {
		metadata.remove("ownerReferences")
	}
	t.pruneUnset()
}

// pruneUnset removes fields that the API types write though they are unset.
func (t *tree) pruneUnset() {
	if t.kind == '{' {
		t.parts = slices.DeleteFunc(t.parts, func(p part) bool {
			return p.value.kind == 'n' || p.value.kind == '{' && len(p.value.parts) == 0 && p.name == "resources"
		})
	}
	for i := range t.parts {
		t.parts[i].value.pruneUnset()
	}
}
