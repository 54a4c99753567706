package v1

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

// maxFile bounds the input. Kubernetes itself stores objects of 1.5 MB at most.
const maxFile = 16 << 20

// +kubebuilder:object:generate=false

// Document is one SeldonDeployment of a file.
type Document struct {
	// Deployment is as written, whatever version it was written in.
	Deployment *SeldonDeployment
	// File is the name given to [Decode].
	File string

	positions map[string]position
	// unread are the fields that hold something of the wrong type.
	unread []string
	// template is set where a value looks as if a template were not filled in.
	template *Problem
}

type position struct{ line, column int }

// Decode reads all SeldonDeployments of a YAML or JSON file. The name stands
// for the file in problems. Objects of other kinds are skipped with a note;
// lists are opened.
//
// Problems are warnings (unknown fields, which Kubernetes drops) and notes;
// err is the errors ([Problems]), all of them, or the failure to read. A
// document with errors is returned all the same, without the fields at fault,
// so that [Document.Validate] can find what else is wrong with it.
func Decode(name string, r io.Reader) (docs []Document, problems Problems, err error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(text) > maxFile {
		return nil, nil, fmt.Errorf("reading %s: longer than %d MiB", name, maxFile>>20)
	}
	d := decoder{file: name, structs: map[reflect.Type]*structType{}}
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
	switch {
	case kind == "" && apiVersion == "" && child(n, "metadata") == n && child(n, "spec") == n:
		// A folder of deployments may hold requests and settings as well.
		d.report(SeverityNote, "", n, "skipped: not a Kubernetes object")
	case kind == "" && apiVersion == "":
		d.report(SeverityError, "", n, "apiVersion and kind are missing; write apiVersion: "+Group+"/"+Version+", kind: "+Kind)
	case kind == Kind:
		if group != Group || !slices.Contains(Versions(), version) {
			d.report(SeverityError, "apiVersion", child(n, "apiVersion"),
				fmt.Sprintf("%q is not a version of %s; write %s/%s", apiVersion, Kind, Group, Version))
		}
		d.deployment(n)
	case kind == "List" || kind == Kind+"List":
		d.list(n)
	case group == Group || kind == "" || wording.Plain(kind) == wording.Plain(Kind):
		d.report(SeverityError, "kind", child(n, "kind"), fmt.Sprintf("kind %q does not exist in %s; write %s", kind, Group, Kind))
	default:
		d.report(SeverityNote, "", n, fmt.Sprintf("%s skipped: only a %s is read", strings.TrimSpace(kind+" "+nameOf(n)), Kind))
	}
}

func (d *decoder) list(n *yaml.Node) {
	items := child(n, "items")
	if items.Kind != yaml.SequenceNode {
		d.report(SeverityError, "items", items, "expected a list of objects, found "+yamljson.Describe(items))
		return
	}
	for _, item := range items.Content {
		if !d.reader.Visit("items", item, 0) {
			return
		}
		item = yamljson.Resolve(item)
		// The items of a typed list need not repeat its type.
		if scalarOf(n, "kind") == Kind+"List" && item.Kind == yaml.MappingNode && scalarOf(item, "kind") == "" {
			d.deployment(item)
		} else {
			d.object(item)
		}
	}
}

func (d *decoder) deployment(n *yaml.Node) {
	var found templateOf
	found.visit(n)
	d.templateDeployment(n, found)
}

func (d *decoder) plainDeployment(n *yaml.Node) {
	deployment := &SeldonDeployment{}
	d.doc = &Document{Deployment: deployment, File: d.file, positions: map[string]position{}}
	d.within = d.within[:0]
	d.value(n, reflect.ValueOf(deployment).Elem(), "", 0)
	deployment.APIVersion, deployment.Kind = Group+"/"+Version, Kind
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
