// Package yamljson reads YAML as Kubernetes does and writes it as JSON, so that
// each reader of a SeldonDeployment means the same by a text: what "<<" merges,
// which words are booleans, how numbers are spelled, how far aliases may go. It
// remembers which line each piece of the JSON came from.
package yamljson

import (
	"fmt"
	"strconv"

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

// Reader reads the values of one document. It tells Report of what is wrong,
// with the path of the value, and goes on with the rest.
type Reader struct {
	// Report is told of each error; n is the node at fault.
	Report func(path string, n *yaml.Node, message string)
	// Repeated is told of a key given twice, of which the last one counts, as
	// for kubectl; nil: Report is.
	Repeated func(path string, n *yaml.Node, message string)

	// Above is the number of lines before the document, for messages.
	Above int

	left    int
	stopped bool
}

// New returns a reader of a document of so many bytes.
func New(size int, report func(path string, n *yaml.Node, message string)) *Reader {
	return &Reader{Report: report, left: moreValues + size}
}

// Stopped reports whether the document is too large or too deep. Nothing more of
// it is read then.
func (r *Reader) Stopped() bool { return r.stopped }

// Again takes back one visit, of a value that is visited twice.
func (r *Reader) Again() { r.left++ }

// Visit counts a value and reports whether it may be read.
func (r *Reader) Visit(path string, n *yaml.Node, depth int) bool {
	if r.stopped {
		return false
	}
	r.left--
	switch {
	case r.left < 0:
		r.Report(path, n, "the document is too large: aliases (*name) multiply its values")
	case depth > maxDepth:
		r.Report(path, n, "the document is nested deeper than "+strconv.Itoa(maxDepth)+" levels")
	default:
		return true
	}
	r.stopped = true
	return false
}

// Entry is one key of a mapping.
type Entry struct{ Key, Value *yaml.Node }

// Entries lists the keys of a mapping, with those of merged mappings ("<<")
// after its own, which count before them. Of a key given twice the last one
// counts.
func (r *Reader) Entries(n *yaml.Node, path string, depth int) []Entry {
	var own, merged []Entry
	first, at := map[string]*yaml.Node{}, map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := Resolve(n.Content[i]), n.Content[i+1]
		switch {
		case key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge":
			merged = append(merged, r.merged(Resolve(value), path, depth+1)...)
		case key.Kind != yaml.ScalarNode:
			r.Report(path, key, "a key must be text, found "+Describe(key))
		case first[key.Value] != nil:
			r.repeated(Join(path, key.Value), key, fmt.Sprintf("%s is given twice, first in line %d", key.Value, first[key.Value].Line+r.Above))
			own[at[key.Value]] = Entry{key, value}
		default:
			first[key.Value], at[key.Value] = key, len(own)
			own = append(own, Entry{key, value})
		}
	}
	for _, e := range merged {
		if first[e.Key.Value] == nil {
			first[e.Key.Value] = e.Key
			own = append(own, e)
		}
	}
	return own
}

func (r *Reader) repeated(path string, n *yaml.Node, message string) {
	report := r.Repeated
	if report == nil {
		report = r.Report
	}
	report(path, n, message)
}

// merged lists the keys of the value of "<<": a mapping or a list of mappings,
// of which the first has precedence.
func (r *Reader) merged(n *yaml.Node, path string, depth int) []Entry {
	if !r.Visit(path, n, depth) {
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		return r.Entries(n, path, depth)
	case yaml.SequenceNode:
		var all []Entry
		for _, item := range n.Content {
			all = append(all, r.merged(Resolve(item), path, depth+1)...)
		}
		return all
	}
	r.Report(path, n, "<< merges a mapping, found "+Describe(n))
	return nil
}

// Resolve follows an alias to what it stands for.
func Resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// Join adds a field to a path.
func Join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}
