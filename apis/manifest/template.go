package manifest

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// templateMarks begin what a template has in place of a value.
func templateMarks() []string { return []string{"{{", "{%", "<%", "${"} }

// markOf returns the first mark of a template in text, or "".
func markOf(text string) string {
	best, at := "", len(text)
	for _, mark := range templateMarks() {
		if i := strings.Index(text, mark); i >= 0 && i < at {
			best, at = mark, i
		}
	}
	return best
}

// templateOf finds in an object, as YAML reads it, what a template has: braces
// within braces, of which no object is made, or a mark in a value that is not
// free text.
type templateOf struct {
	braces, marked *yaml.Node // the first of each, or nil
}

func (t *templateOf) visit(n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if key.Kind == yaml.MappingNode && key.Style&yaml.FlowStyle != 0 && t.braces == nil {
				t.braces = n
			}
			if key.Kind == yaml.ScalarNode && !isFreeText(key.Value) {
				t.visit(key)
				t.visit(value)
			}
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			t.visit(item)
		}
	case yaml.ScalarNode:
		if t.marked == nil && markOf(n.Value) != "" {
			t.marked = n
		}
	}
}

// isFreeText reports whether a field may hold the marks of templates, for
// whoever reads it later.
func isFreeText(field string) bool {
	return slices.Contains([]string{"env", "args", "command", "annotations", "parameters", "config", "initParameters", "value", "exec"}, field)
}

// template reports a document that is to be filled in before it is one, once
// for a file.
func (d *decoder) template(p Problem) {
	if !d.templated {
		d.templated = true
		d.problems = append(d.problems, p)
	}
}

// isTemplate is the error of a file with a template's mark at that place.
func (d *decoder) isTemplate(line, column int, mark string) Problem {
	return Problem{Severity: SeverityError, File: d.file, Line: line, Column: column, Message: fmt.Sprintf(
		"this is a template (%s in line %d); fill it in first, for example: helm template CHART | radiant validate -f -", mark, line)}
}

// templateDocument decodes an object that has marks of a template. Where they are
// why it cannot be read, nothing else is said of it.
func (d *decoder) templateDocument(k Kind, n *yaml.Node, found templateOf) {
	if at := found.braces; at != nil {
		d.template(d.isTemplate(at.Line+d.above, at.Column, "{{"))
		return
	}
	before, docs := len(d.problems), len(d.docs)
	d.plainDocument(k, n)
	if found.marked == nil {
		return
	}
	is := d.isTemplate(found.marked.Line+d.above, found.marked.Column, markOf(found.marked.Value))
	if d.problems[before:].Err() == nil {
		d.docs[docs].template = &is
		return
	}
	d.problems, d.docs = d.problems[:before], d.docs[:docs]
	d.template(is)
}

// judgeTemplate says of a document with marks of a template that it is one,
// where that explains why it is wrong, and else that it looks like one.
func (d *Document) judgeTemplate(all Problems) Problems {
	if d.template == nil {
		return all
	}
	is := *d.template
	if all.Err() != nil {
		return Problems{is}
	}
	is.Severity = SeverityWarning
	is.Message = "looks as if it came from a template that is not filled in"
	return append(all, is)
}

// malformedTemplate reports whether text, which is no YAML, is a template. One
// that makes no object of the kinds is passed over.
func (d *decoder) malformedTemplate(part document) bool {
	for i, row := range bytes.Split(part.text, []byte("\n")) {
		text, _, _ := strings.Cut(string(row), " #")
		if mark := markOf(text); mark != "" && mark != "${" && !strings.HasPrefix(strings.TrimSpace(text), "#") {
			line, column := part.above+i+1, strings.Index(text, mark)+1
			isRead := slices.ContainsFunc(Names(d.kinds), func(name string) bool { return bytes.Contains(part.text, []byte(name)) })
			if regexp.MustCompile(`(?m)^kind:`).Match(part.text) && !isRead {
				d.problems = append(d.problems, Problem{Severity: SeverityNote, File: d.file, Line: line, Column: column,
					Message: "skipped: a template of something else than a " + d.kindNames()})
				return true
			}
			d.template(d.isTemplate(line, column, mark))
			return true
		}
	}
	return false
}
