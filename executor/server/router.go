package server

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/mux"

	"github.com/prime-radiant/radiant/executor/protocol"
)

// router routes all requests but predictions and feedback, which ServeHTTP finds
// itself: questions about nodes, probes, and pages. It tells what does not exist
// from what another method would have found.
func (s *rest) router() *mux.Router {
	// What needs cleaning is led on by unmatched, which knows the odd targets.
	r := mux.NewRouter().SkipClean(true)
	all := s.options.Protocol.Served()
	for _, patterns := range []bool{false, true} {
		for i := range all {
			if strings.Contains(all[i].Path, "{") == patterns {
				s.route(r, &all[i])
			}
		}
	}
	for path, page := range s.options.Pages {
		// They are found as they are written, for the reason that rest.plain tells.
		written := (&url.URL{Path: path}).EscapedPath()
		asWritten := func(r *http.Request, _ *mux.RouteMatch) bool { return r.URL.EscapedPath() == written }
		r.Path(path).MatcherFunc(asWritten).HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.headers(w.Header(), r, &protocol.Match{})
			if r.Method != http.MethodOptions {
				page.ServeHTTP(w, r)
			}
		})
	}
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.unmatched(w, r, false) })
	r.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.unmatched(w, r, true) })
	return r
}

// variables are the forms of what braces in an operation's path stand for: a part of
// a segment, but not one that would lead elsewhere.
var variables = strings.NewReplacer(
	"{model}", `{model:[^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+}`, "{file}", `{file:[^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+}`,
	"{version}", `{version:[^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+}`, "{number}", "{number:[0-9]+}",
	"{label}", `{label:[^/:.][^/:]*|\.[^/:.][^/:]*|\.\.[^/:]+}`,
)

// route adds an operation. OPTIONS asks for its headers.
func (s *rest) route(r *mux.Router, o *protocol.Operation) {
	methods := protocol.Methods(o)
	route := r.Path(variables.Replace(o.Path))
	if o.Method != "" {
		route.Methods(o.Method, http.MethodOptions)
	}
	route.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := mux.Vars(r)
		s.serve(w, r, &protocol.Match{
			Operation: o, Methods: methods,
			Model: said["model"], Version: said["version"] + said["number"], Label: said["label"],
		})
	})
}
