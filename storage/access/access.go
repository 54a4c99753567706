// Package access is what a store is reached with: the settings of its
// surroundings and an HTTP client.
package access

import (
	"net/http"
	"strconv"
	"strings"
)

// Access is given to each store.
type Access struct {
	// Lookup reads a setting, such as os.LookupEnv.
	Lookup func(name string) (value string, ok bool)
	// Client is for requests to stores. It has no time limit on the whole.
	Client *http.Client
}

// Value is the first of the settings that is not empty.
func (a Access) Value(names ...string) string {
	if a.Lookup == nil {
		return ""
	}
	for _, name := range names {
		if v, ok := a.Lookup(name); ok && strings.TrimSpace(v) != "" {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Bool is a setting that is on or off: 1, true, yes, on and their opposites in
// any case. Anything else, or nothing, is otherwise.
func (a Access) Bool(name string, otherwise bool) bool { return Bool(a.Value(name), otherwise) }

// Bool reads text that says on or off.
func Bool(text string, otherwise bool) bool {
	switch strings.ToLower(text) {
	case "yes", "on", "y":
		return true
	case "no", "off", "n":
		return false
	}
	if b, err := strconv.ParseBool(strings.ToLower(text)); err == nil {
		return b
	}
	return otherwise
}

// WithScheme makes a URL of a host and port.
func WithScheme(endpoint string, https bool) string {
	switch {
	case endpoint == "" || strings.Contains(endpoint, "://"):
		return endpoint
	case https:
		return "https://" + endpoint
	}
	return "http://" + endpoint
}
