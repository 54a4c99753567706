package protocol

import (
	"net/http"
	"slices"
	"strings"
)

// Operation is a REST path that is served. A path may hold {model}, {version},
// {number}, {label} and {file}, each of which stands for one path segment or a
// part of it. A number is a version in digits. A label has no colon, behind which
// a verb stands. No method means any.
type Operation struct {
	Method, Path string
	Action       Action
	Verb         string
}

// common is served whatever the protocol.
func common() []Operation {
	return []Operation{
		{Path: "/live", Action: Live},
		{Path: "/ready", Action: Ready},
	}
}

// Served lists all operations of a protocol.
func (p *Protocol) Served() []Operation {
	all := slices.Concat(common(), p.Operations)
	for _, folder := range p.Docs {
		for _, path := range []string{folder, folder + "/", folder + "/{file}"} {
			all = append(all, Operation{Path: path, Action: Docs})
		}
	}
	return all
}

// Operations finds the operation of a request. It is made once and read-only.
type Operations struct {
	exact    map[string][]*Match
	patterns []pattern
}

// Match is an operation with what the request's path says.
type Match struct {
	Operation             *Operation
	Model, Version, Label string
	// Methods lists what the operation takes, OPTIONS included, as the value of
	// Access-Control-Allow-Methods; nil: anything.
	Methods []string
}

type pattern struct {
	segments []segment
	match    Match
}

// segment is prefix, variable, suffix; without a variable just the prefix.
type segment struct {
	prefix, suffix string
	variable       variable
}

type variable uint8

const (
	noVariable variable = iota
	modelVariable
	versionVariable
	numberVariable
	labelVariable
	fileVariable
)

// variables is the table of what braces in a path may hold.
func variables() map[string]variable {
	return map[string]variable{
		"model": modelVariable, "version": versionVariable, "number": numberVariable, "label": labelVariable, "file": fileVariable,
	}
}

// NewOperations makes the operations of a protocol ready to be searched.
func NewOperations(p *Protocol) *Operations {
	o := &Operations{exact: map[string][]*Match{}}
	for _, one := range p.Served() {
		m := Match{Operation: &one, Methods: Methods(&one)}
		if !strings.Contains(one.Path, "{") {
			o.exact[one.Path] = append(o.exact[one.Path], &m)
			continue
		}
		o.patterns = append(o.patterns, pattern{segments: segments(one.Path), match: m})
	}
	return o
}

// Methods lists what an operation takes, OPTIONS included, as the value of
// Access-Control-Allow-Methods; nil: anything.
func Methods(o *Operation) []string {
	if o.Method == "" {
		return nil
	}
	methods := []string{o.Method, http.MethodOptions}
	slices.Sort(methods)
	return []string{strings.Join(methods, ",")}
}

func segments(path string) []segment {
	var all []segment
	for s := range strings.SplitSeq(path[1:], "/") {
		prefix, rest, ok := strings.Cut(s, "{")
		seg := segment{prefix: prefix}
		if ok {
			name, suffix, _ := strings.Cut(rest, "}")
			seg.variable, seg.suffix = variables()[name], suffix
		}
		all = append(all, seg)
	}
	return all
}

// Find returns the operation for a method and a decoded path. Without one, known
// tells whether another method would have found one. OPTIONS finds every
// operation.
func (o *Operations) Find(method, path string) (m Match, found, known bool) {
	for _, e := range o.exact[path] {
		if e.Operation.takes(method) {
			return *e, true, true
		}
		known = true
	}
	for i := range o.patterns {
		p := &o.patterns[i]
		if m = p.match; !p.find(path, &m) {
			continue
		}
		known = true
		if p.match.Operation.takes(method) {
			return m, true, true
		}
	}
	return Match{}, false, known
}

// FindPosted returns the operation for a prediction or feedback that is posted to a
// path, and the path.
func (o *Operations) FindPosted(path []byte) (m Match, text string, found bool) {
	for _, e := range o.exact[string(path)] {
		if e.Operation.posted() {
			return *e, e.Operation.Path, true
		}
	}
	text = string(path)
	m, found, _ = o.Find(http.MethodPost, text)
	return m, text, found && m.Operation.posted()
}

// posted reports whether an operation is a prediction or feedback that is posted.
func (o *Operation) posted() bool {
	return o.Method == http.MethodPost && (o.Action == Predict || o.Action == Feedback)
}

func (o *Operation) takes(method string) bool {
	return o.Method == "" || method == o.Method || method == http.MethodOptions
}

// find reports whether a path is one of the pattern's, and notes what it says.
func (p *pattern) find(path string, m *Match) bool {
	for i, s := range p.segments {
		if path == "" || path[0] != '/' {
			return false
		}
		path = path[1:]
		end := len(path)
		if i < len(p.segments)-1 {
			if end = strings.IndexByte(path, '/'); end < 0 {
				return false
			}
		}
		value, ok := s.find(path[:end])
		if !ok {
			return false
		}
		switch s.variable {
		case modelVariable:
			m.Model = value
		case versionVariable, numberVariable:
			m.Version = value
		case labelVariable:
			m.Label = value
		}
		path = path[end:]
	}
	return path == ""
}

func (s segment) find(text string) (value string, ok bool) {
	if s.variable == noVariable {
		return "", text == s.prefix
	}
	if len(text) <= len(s.prefix)+len(s.suffix) || !strings.HasPrefix(text, s.prefix) || !strings.HasSuffix(text, s.suffix) {
		return "", false
	}
	value = text[len(s.prefix) : len(text)-len(s.suffix)]
	switch s.variable {
	case numberVariable:
		return value, strings.Trim(value, "0123456789") == ""
	case labelVariable:
		return value, value != "." && value != ".." && !strings.ContainsAny(value, "/:")
	}
	return value, value != "." && value != ".." && !strings.Contains(value, "/")
}
