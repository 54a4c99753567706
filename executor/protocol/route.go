package protocol

import (
	"net/http"
	"slices"
	"strings"
)

// Route is a REST path that is served. A path may hold {model}, {version} and
// {file}, each of which stands for one path segment or a part of it. No method
// means any.
type Route struct {
	Method, Path string
	Action       Action
	Verb         string
}

// common is served whatever the protocol.
var common = []Route{
	{Path: "/live", Action: Live},
	{Path: "/ready", Action: Ready},
}

// Served lists all routes of a protocol.
func (p *Protocol) Served() []Route {
	routes := slices.Concat(common, p.Routes)
	for _, folder := range p.Docs {
		for _, path := range []string{folder, folder + "/", folder + "/{file}"} {
			routes = append(routes, Route{Path: path, Action: Docs})
		}
	}
	return routes
}

// Router finds routes. It is made once and read-only.
type Router struct {
	exact    map[string][]*Match
	patterns []pattern
}

// Match is a route with what the request's path says.
type Match struct {
	Route          *Route
	Model, Version string
	// Methods lists what the route takes, OPTIONS included, as the value of
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
	fileVariable
)

var variables = map[string]variable{"model": modelVariable, "version": versionVariable, "file": fileVariable}

// NewRouter makes the router of a protocol.
func NewRouter(p *Protocol) *Router {
	r := &Router{exact: map[string][]*Match{}}
	for _, route := range p.Served() {
		m := Match{Route: &route}
		if route.Method != "" {
			methods := []string{route.Method, http.MethodOptions}
			slices.Sort(methods)
			m.Methods = []string{strings.Join(methods, ",")}
		}
		if !strings.Contains(route.Path, "{") {
			r.exact[route.Path] = append(r.exact[route.Path], &m)
			continue
		}
		r.patterns = append(r.patterns, pattern{segments: segments(route.Path), match: m})
	}
	return r
}

func segments(path string) []segment {
	var all []segment
	for s := range strings.SplitSeq(path[1:], "/") {
		prefix, rest, ok := strings.Cut(s, "{")
		seg := segment{prefix: prefix}
		if ok {
			name, suffix, _ := strings.Cut(rest, "}")
			seg.variable, seg.suffix = variables[name], suffix
		}
		all = append(all, seg)
	}
	return all
}

// Find returns the route for a method and a decoded path. Without one, known
// tells whether another method would have found one. OPTIONS finds every
// route.
func (r *Router) Find(method, path string) (m Match, found, known bool) {
	for _, e := range r.exact[path] {
		if e.Route.takes(method) {
			return *e, true, true
		}
		known = true
	}
	for i := range r.patterns {
		p := &r.patterns[i]
		model, version, ok := p.find(path)
		if !ok {
			continue
		}
		known = true
		if p.match.Route.takes(method) {
			m = p.match
			m.Model, m.Version = model, version
			return m, true, true
		}
	}
	return Match{}, false, known
}

func (r *Route) takes(method string) bool {
	return r.Method == "" || method == r.Method || method == http.MethodOptions
}

func (p *pattern) find(path string) (model, version string, ok bool) {
	for i, s := range p.segments {
		if path == "" || path[0] != '/' {
			return "", "", false
		}
		path = path[1:]
		end := len(path)
		if i < len(p.segments)-1 {
			if end = strings.IndexByte(path, '/'); end < 0 {
				return "", "", false
			}
		}
		value, ok := s.find(path[:end])
		if !ok {
			return "", "", false
		}
		switch s.variable {
		case modelVariable:
			model = value
		case versionVariable:
			version = value
		}
		path = path[end:]
	}
	return model, version, path == ""
}

func (s segment) find(text string) (value string, ok bool) {
	if s.variable == noVariable {
		return "", text == s.prefix
	}
	if len(text) <= len(s.prefix)+len(s.suffix) || !strings.HasPrefix(text, s.prefix) || !strings.HasSuffix(text, s.suffix) {
		return "", false
	}
	value = text[len(s.prefix) : len(text)-len(s.suffix)]
	return value, value != "." && value != ".." && !strings.Contains(value, "/")
}
