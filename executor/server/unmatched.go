package server

import (
	"net/http"
	"path"
	"strings"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// signpost tells clients that have lost their way what this deployment speaks,
// and where.
type signpost struct {
	// way is the sentence about the paths that are right; page is the page's,
	// with a slash at both ends, empty: there is none.
	way, page string
	protocol  string
	others    []neighbour
}

// neighbour is a protocol that this deployment does not speak.
type neighbour struct {
	name       string
	operations *protocol.Operations
}

func newSignpost(o *Options) signpost {
	s := signpost{protocol: o.Protocol.Name}
	s.way = "predictions are asked for by POST .../" + strings.TrimPrefix(o.Prediction, "/")
	if n := len(o.Protocol.Docs); o.Docs != nil && n > 0 {
		s.page = o.Protocol.Docs[n-1] + "/"
		s.way += ", and the page about it is at ..." + s.page
	}
	for _, p := range protocol.All() {
		if p.Name != o.Protocol.Name {
			s.others = append(s.others, neighbour{p.Name, protocol.NewOperations(p)})
		}
	}
	return s
}

// lost is what is said of a path that is not served. Nothing of the request is in
// it.
func (s *signpost) lost(path string) string {
	for _, other := range s.others {
		if _, found, known := other.operations.Find(http.MethodPost, path); found || known {
			return "this deployment speaks protocol " + s.protocol + ", and the path is one of protocol " + other.name + ": " + s.way
		}
	}
	return "nothing is served at this path of a deployment that speaks protocol " + s.protocol + ": " + s.way
}

// refused is what is said of a method that a path does not take.
func (s *signpost) refused(methods string) string {
	return "this path takes " + methods + "; of this deployment, which speaks protocol " + s.protocol + ", " + s.way
}

// unmatched answers requests that no operation takes. A browser is led to the
// page about the deployment from its root, and from what is to be posted to.
func (s *rest) unmatched(w http.ResponseWriter, r *http.Request, known bool) {
	if !strings.HasPrefix(r.URL.Path, "/") { // CONNECT, or the preface of HTTP/2
		http.NotFound(w, r)
		return
	}
	clean := path.Clean(r.URL.Path)
	if strings.HasSuffix(r.URL.Path, "/") && clean != "/" {
		clean += "/"
	}
	switch {
	case clean != r.URL.Path:
		target := *r.URL
		target.Path, target.RawPath = clean, ""
		w.Header().Set("Location", target.RequestURI())
		w.WriteHeader(http.StatusMovedPermanently)
	case s.options.V1 && known:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case s.options.V1:
		http.NotFound(w, r)
	case (known || clean == "/") && s.signpost.page != "" && browses(r):
		w.Header()["Location"] = []string{s.pageFrom(r)}
		w.WriteHeader(http.StatusSeeOther)
	case known:
		methods := s.methods(r.URL.Path)
		w.Header().Set("Allow", methods)
		s.say(w, r, http.StatusMethodNotAllowed, s.signpost.refused(methods))
	default:
		s.say(w, r, http.StatusNotFound, s.signpost.lost(r.URL.Path))
	}
}

// methods are those that operations at a path take.
func (s *rest) methods(path string) string {
	var all []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
		if _, found, _ := s.operations.Find(method, path); found {
			all = append(all, method)
		}
	}
	return strings.Join(all, ", ")
}

// say answers in the words of the protocol.
func (s *rest) say(w http.ResponseWriter, r *http.Request, status int, text string) {
	s.send(w, r, status, message.Message{Body: s.options.Protocol.Failure(status, text), Type: jsonType})
}

// browses reports whether a request comes from somebody who looks at pages.
func browses(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// originalPath is the header in which Envoy, and so Istio, Ambassador and Envoy
// Gateway, tell the path of a request before they took the prefix away.
const originalPath = "X-Envoy-Original-Path"

// pageFrom is the way from a request's path to the page. A relative address
// holds behind any prefix, of which nothing is known here. But for one: the
// prefix of the deployment without its last slash is not a folder.
func (s *rest) pageFrom(r *http.Request) string {
	up := strings.Repeat("../", strings.Count(r.URL.Path, "/")-1)
	if asked, _, _ := strings.Cut(r.Header.Get(originalPath), "?"); r.URL.Path == "/" && strings.HasSuffix(asked, "/"+s.options.Deployment) {
		up = s.options.Deployment + "/"
	}
	if up == "" {
		up = "./"
	}
	return up + strings.TrimPrefix(s.signpost.page, "/")
}
