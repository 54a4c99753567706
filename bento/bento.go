// Package bento reads what a Bento, a service of BentoML, tells of its routes: the
// schema that it answers and that lies in its folder.
package bento

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/wording"
)

const (
	// Parameter is that of a node which names the route.
	Parameter = "api_name"
	// File is what a folder with a Bento is known by.
	File = "bento.yaml"
	// Schema is where the schema lies in that folder.
	Schema = "apis/schema.json"
)

// Route is where requests are posted, what their parameters are and what comes back,
// as JSON schemas.
type Route struct {
	Name   string          `json:"name"`
	Path   string          `json:"route"`
	Input  json.RawMessage `json:"input"`
	Output json.RawMessage `json:"output"`
}

// Routes reads a schema.
func Routes(schema []byte) ([]Route, error) {
	var told struct {
		Routes []Route `json:"routes"`
	}
	if err := json.Unmarshal(schema, &told); err != nil {
		return nil, fmt.Errorf("reading schema.json of the Bento: %w", err)
	}
	return told.Routes, nil
}

// Names are those of routes, sorted.
func Names(routes []Route) []string {
	names := make([]string, len(routes))
	for i := range routes {
		names[i] = routes[i].Name
	}
	slices.Sort(names)
	return names
}

// Choose finds the route that a node's parameter names, by its name or its path; an
// empty one is the only route.
func Choose(routes []Route, api string) (*Route, error) {
	if api == "" && len(routes) == 1 {
		return &routes[0], nil
	}
	for i := range routes {
		if api != "" && (routes[i].Name == api || strings.Trim(routes[i].Path, "/") == strings.Trim(api, "/")) {
			return &routes[i], nil
		}
	}
	names := Names(routes)
	switch {
	case len(routes) == 0:
		return nil, errors.New("the Bento has no routes")
	case api == "":
		return nil, fmt.Errorf("the Bento has the routes %s: give the node the parameter {name: %s, type: STRING, value: %s}, or another of them",
			wording.Listed(names), Parameter, names[0])
	}
	return nil, fmt.Errorf("the Bento has no route %q, which the node's parameter %s names%s", api, Parameter, wording.OneOf(api, names))
}
