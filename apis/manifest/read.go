// Package manifest reads Kubernetes objects of some kinds from the files in
// which people have them, and says what is wrong, with line and column. The
// kinds are those of the APIs beside it.
package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/prime-radiant/radiant/apis/yamljson"
	"github.com/prime-radiant/radiant/wording"
)

// MaxFile bounds the input, in bytes. Kubernetes itself stores objects of 1.5 MB
// at most.
const MaxFile = 16 << 20

// Kind is a kind of objects that [Read] decodes.
type Kind struct {
	Group, Name string
	// Versions are those that are read. The first is the one that messages tell
	// to write.
	Versions []string
	// Alone says that the group has no other kind, so that one is a mistake.
	Alone bool
	// New makes an empty object, a pointer to a struct with json tags.
	New func() any
}

// Document is one object of a file.
type Document struct {
	// Kind is the name of the object's kind.
	Kind string
	// Object is what the New of its kind returned, filled in as it is written.
	Object any
	// File is the name given to [Read].
	File string

	positions map[string]position
	// unread are the fields that hold something of the wrong type.
	unread []string
	// template is set where a value looks as if a template were not filled in.
	template *Problem
}

type position struct{ line, column int }

// Read reads all objects of some kinds, one at least, of a YAML or JSON file. The
// name stands for the file in problems. Objects of other kinds are skipped with
// a note; lists are opened.
//
// Problems are warnings (unknown fields, which Kubernetes drops) and notes;
// err is the errors ([Problems]), all of them, or the failure to read. A
// document with errors is returned all the same, without the fields at fault,
// so that rules can find what else is wrong with it.
func Read(name string, r io.Reader, kinds []Kind) (docs []Document, problems Problems, err error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(text) > MaxFile {
		return nil, nil, fmt.Errorf("reading %s: longer than %d MiB", name, MaxFile>>20)
	}
	d := decoder{file: name, kinds: kinds, structs: map[reflect.Type]*structType{}}
	for _, part := range splitDocuments(text) {
		part.text = yamljson.Escapes(part.text)
		d.part(part)
	}
	for _, p := range d.problems {
		if p.Severity != SeverityError {
			problems = append(problems, p)
		}
	}
	return d.docs, problems, d.problems.Err()
}

// Position returns where the field at path is written, or the nearest field
// around it that is written. It is 0, 0 for a document that was not read.
func (d *Document) Position(path string) (line, column int) {
	for {
		if p, ok := d.positions[path]; ok {
			return p.line, p.column
		}
		if path == "" {
			return 0, 0
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}

// Locate fills in the file, line and column of problems found in d.
func (d *Document) Locate(ps Problems) Problems {
	for i := range ps {
		ps[i].File = d.File
		ps[i].Line, ps[i].Column = d.Position(ps[i].Path)
	}
	return ps
}

// Judged is what to say of a document by the problems that rules found in it:
// with their places, without those of fields that could not be read, of which
// [Read] has told, and in view of what templates leave behind.
func (d *Document) Judged(found Problems) Problems {
	return d.judgeTemplate(d.Locate(slices.DeleteFunc(found, func(p Problem) bool {
		return slices.ContainsFunc(d.unread, func(path string) bool {
			return isWithin(p.Path, path) || isWithin(path, p.Path)
		})
	})))
}

// isWithin reports whether inner is the field outer or part of it.
func isWithin(inner, outer string) bool {
	rest, ok := strings.CutPrefix(inner, outer)
	return ok && (outer == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}

// document is the text between two "---" lines.
type document struct {
	text []byte
	// above is the number of lines before it.
	above int
}

// splitDocuments parts a YAML stream, so that a syntax error in one document
// does not hide the others. YAML allows "---" at the start of a line for
// nothing else.
func splitDocuments(text []byte) []document {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var docs []document
	current := document{}
	start := 0
	line, hasContent := 0, false
	for at := 0; at < len(text); {
		end := len(text)
		if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		row := text[at:end]
		if isSeparator(row) && hasContent {
			current.text = text[start:at]
			docs = append(docs, current)
			current, start, hasContent = document{above: line}, at, false
		}
		// Comments and directives such as %YAML belong to what follows.
		if t := bytes.TrimSpace(row); len(t) > 0 && t[0] != '#' && row[0] != '%' {
			hasContent = true
		}
		at = end
		line++
	}
	current.text = text[start:]
	return append(docs, current)
}

func isSeparator(row []byte) bool {
	rest, ok := bytes.CutPrefix(row, []byte("---"))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}

// decoder reads one file.
type decoder struct {
	file     string
	kinds    []Kind
	docs     []Document
	problems Problems
	structs  map[reflect.Type]*structType
	// templated is true when a document was told to be a template.
	templated bool

	// Of the document being read:
	above  int // lines before it
	doc    *Document
	reader *yamljson.Reader
	within []frame
}

// frame is a struct around the value being read.
type frame struct {
	path string
	typ  *structType
}

func (d *decoder) part(part document) {
	d.above = part.above
	d.reader = yamljson.New(len(part.text), func(path string, n *yaml.Node, message string) {
		d.report(SeverityError, path, n, message)
	})
	d.reader.Above = part.above
	d.reader.Repeated = func(path string, n *yaml.Node, message string) {
		d.report(SeverityWarning, path, n, message+"; this one counts")
	}
	// "..." ends a document too, so something may follow.
	for y := yaml.NewDecoder(bytes.NewReader(part.text)); ; {
		var root yaml.Node
		err := y.Decode(&root)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			if !d.malformedTemplate(part) {
				d.syntax(part, err)
			}
			return
		}
		if len(root.Content) > 0 {
			d.object(yamljson.Resolve(root.Content[0]))
		}
	}
}

// object decides by its kind what becomes of a top-level object.
func (d *decoder) object(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.report(SeverityNote, "", n, "skipped: not a Kubernetes object but "+yamljson.Describe(n))
		return
	}
	apiVersion, kind := scalarOf(n, "apiVersion"), scalarOf(n, "kind")
	group, version, _ := strings.Cut(apiVersion, "/")
	known := d.kind(func(k Kind) bool { return k.Name == kind })
	switch {
	case kind == "" && apiVersion == "" && child(n, "metadata") == n && child(n, "spec") == n:
		// A folder of deployments may hold requests and settings as well.
		d.report(SeverityNote, "", n, "skipped: not a Kubernetes object")
	case kind == "" && apiVersion == "":
		first := d.kinds[0]
		d.report(SeverityError, "", n, "apiVersion and kind are missing; write apiVersion: "+first.Group+"/"+first.Versions[0]+", kind: "+first.Name)
	case known != nil:
		if group != known.Group || !slices.Contains(known.Versions, version) {
			d.report(SeverityError, "apiVersion", child(n, "apiVersion"),
				fmt.Sprintf("%q is not a version of %s; write %s/%s", apiVersion, known.Name, known.Group, known.Versions[0]))
		}
		d.document(*known, n)
	case kind == "List" || d.listed(kind) != nil:
		d.list(n)
	default:
		d.otherKind(n, group, kind)
	}
}

// otherKind tells of an object of a kind that is not read. Where one of those that
// are was probably meant, that is an error.
func (d *decoder) otherKind(n *yaml.Node, group, kind string) {
	meant := d.kind(func(k Kind) bool { return kind != "" && wording.Plain(kind) == wording.Plain(k.Name) })
	if meant == nil {
		meant = d.kind(func(k Kind) bool { return k.Group == group && (k.Alone || kind == "") })
	}
	if meant == nil && kind == "" {
		meant = &d.kinds[0]
	}
	if meant != nil {
		d.report(SeverityError, "kind", child(n, "kind"), fmt.Sprintf("kind %q does not exist in %s; write %s", kind, meant.Group, meant.Name))
		return
	}
	d.report(SeverityNote, "", n, fmt.Sprintf("%s skipped: only a %s is read", strings.TrimSpace(kind+" "+nameOf(n)), d.kindNames()))
}

// kind returns the first of the kinds that are read for which is holds, or nil.
func (d *decoder) kind(is func(Kind) bool) *Kind {
	if i := slices.IndexFunc(d.kinds, is); i >= 0 {
		return &d.kinds[i]
	}
	return nil
}

// listed returns the kind of the items of a typed list, or nil.
func (d *decoder) listed(kind string) *Kind {
	return d.kind(func(k Kind) bool { return kind == k.Name+"List" })
}

// kindNames writes the kinds as "A, B or C".
func (d *decoder) kindNames() string { return wording.Listed(Names(d.kinds)) }

// Names lists the names of kinds.
func Names(kinds []Kind) []string {
	names := make([]string, len(kinds))
	for i := range kinds {
		names[i] = kinds[i].Name
	}
	return names
}

func (d *decoder) list(n *yaml.Node) {
	items := child(n, "items")
	if items.Kind != yaml.SequenceNode {
		d.report(SeverityError, "items", items, "expected a list of objects, found "+yamljson.Describe(items))
		return
	}
	of := d.listed(scalarOf(n, "kind"))
	for _, item := range items.Content {
		if !d.reader.Visit("items", item, 0) {
			return
		}
		item = yamljson.Resolve(item)
		// The items of a typed list need not repeat its type.
		if of != nil && item.Kind == yaml.MappingNode && scalarOf(item, "kind") == "" {
			d.document(*of, item)
		} else {
			d.object(item)
		}
	}
}

func (d *decoder) document(k Kind, n *yaml.Node) {
	var found templateOf
	found.visit(n)
	d.templateDocument(k, n, found)
}

func (d *decoder) plainDocument(k Kind, n *yaml.Node) {
	object := k.New()
	d.doc = &Document{Kind: k.Name, Object: object, File: d.file, positions: map[string]position{}}
	d.within = d.within[:0]
	d.value(n, reflect.ValueOf(object).Elem(), "", 0)
	d.docs = append(d.docs, *d.doc)
	d.doc = nil
}

// report adds a problem at the position of n.
func (d *decoder) report(s Severity, path string, n *yaml.Node, message string) {
	p := Problem{Severity: s, Path: path, Message: message, File: d.file}
	if n != nil {
		p.Line, p.Column = n.Line+d.above, n.Column
	}
	if s == SeverityError && d.doc != nil {
		d.doc.unread = append(d.doc.unread, path)
	}
	d.problems = append(d.problems, p)
}

// child returns the value of a key, or the mapping itself where there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return yamljson.Resolve(n.Content[i+1])
		}
	}
	return n
}

func scalarOf(n *yaml.Node, key string) string {
	if c := child(n, key); c.Kind == yaml.ScalarNode {
		return c.Value
	}
	return ""
}

func nameOf(n *yaml.Node) string {
	if metadata := child(n, "metadata"); metadata != n && metadata.Kind == yaml.MappingNode {
		return scalarOf(metadata, "name")
	}
	return ""
}
