package server

import (
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/wire/http1"
)

const (
	jsonType        = "application/json"
	contentType     = "Content-Type"
	contentEncoding = "Content-Encoding"
	puidHeader      = "Seldon-Puid"
	jsonLength      = "Inference-Header-Content-Length"
	eventVersion    = "Ce-Specversion"
	skipHeader      = "Seldon-Skip-Logging"
	skipKey         = "seldon-skip-logging"
)

// fixedHeaders are values that all answers share. net/http reads them only. Without
// origins there are no headers of CORS.
type fixedHeaders struct {
	nosniff, origins, allowed, json, close []string
	predictor                              []string
	eventVersion, eventType, eventSource   []string
	// direct are the lines of answers that are JSON to what was posted.
	direct []byte
}

func newFixedHeaders(o Options) fixedHeaders {
	f := fixedHeaders{
		nosniff:      []string{"nosniff"},
		json:         []string{jsonType},
		close:        []string{"close"},
		eventVersion: []string{"0.3"},
		eventType:    []string{"seldon." + o.Deployment + "." + o.Namespace + ".response"},
		eventSource:  []string{"seldon." + o.Deployment},
	}
	f.direct = http1.AppendField(http1.AppendField(nil, contentType, f.json), "X-Content-Type-Options", f.nosniff)
	if o.Predictor != "" {
		f.predictor = []string{o.Predictor}
		f.direct = http1.AppendField(f.direct, protocol.HeaderPredictor, f.predictor)
	}
	if o.CORSOrigins != noOrigins {
		f.origins, f.allowed = []string{o.CORSOrigins}, []string{o.CORSHeaders}
		f.direct = http1.AppendField(http1.AppendField(f.direct, "Access-Control-Allow-Origin", f.origins), "Access-Control-Allow-Headers", f.allowed)
		f.direct = http1.AppendField(f.direct, "Access-Control-Allow-Methods", protocol.Methods(&protocol.Operation{Method: http.MethodPost}))
	}
	return f
}

// noOrigins is the setting by which no headers of CORS are sent.
const noOrigins = "none"

// headers sets what every matched operation answers with. The puid among it is the
// client's, or a new one.
func (s *rest) headers(h http.Header, r *http.Request, m *protocol.Match) {
	puid := r.Header[puidHeader]
	if len(puid) == 0 || puid[0] == "" {
		puid = []string{s.options.NewPuid()}
	}
	h[puidHeader] = puid[:1]
	h["X-Content-Type-Options"] = s.fixed.nosniff
	if s.fixed.predictor != nil {
		h[protocol.HeaderPredictor] = s.fixed.predictor
	}
	if s.fixed.origins != nil {
		h["Access-Control-Allow-Origin"] = s.fixed.origins
		h["Access-Control-Allow-Headers"] = s.fixed.allowed
		if m.Methods != nil {
			h["Access-Control-Allow-Methods"] = m.Methods
		}
	}
	if r.Header[eventVersion] != nil {
		h["Ce-Id"] = puid[:1]
		h[eventVersion] = s.fixed.eventVersion
		h["Ce-Path"] = []string{eventPath(r.URL)}
		h["Ce-Type"] = s.fixed.eventType
		h["Ce-Source"] = s.fixed.eventSource
	}
}

// tellWay sets what an answer tells of where the request went.
func tellWay(h http.Header, meta *message.Meta) {
	if meta.Route != "" {
		h[protocol.HeaderRoute] = []string{meta.Route}
	}
	if meta.Version != "" {
		h[protocol.HeaderVersion] = []string{meta.Version}
	}
}

// eventPath is the path of a request as far as it can stand in a header, else
// its escaped form.
func eventPath(u *url.URL) string {
	if !httpguts.ValidHeaderFieldValue(u.Path) {
		return u.EscapedPath()
	}
	return u.Path
}

// hopByHop fields belong to one connection, not to the request.
var hopByHop = [...]string{
	"Connection", "Content-Length", "Expect", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// handOn makes a client's header the one that nodes are sent, in place: the
// handler owns it.
func (s *rest) handOn(h http.Header, puid []string) {
	for _, field := range h["Connection"] {
		for name := range strings.SplitSeq(field, ",") {
			delete(h, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)))
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
	if s.options.Engine.Reads() {
		delete(h, "Accept-Encoding")
	}
	h[puidHeader] = puid
}

// unlogged tells whether a client asks for its payloads not to be logged.
func unlogged(values []string) bool {
	return slices.ContainsFunc(values, func(v string) bool {
		return strings.EqualFold(v, "true") || strings.EqualFold(v, "on") || v == "1"
	})
}

func value(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}
