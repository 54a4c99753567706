package server

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/gorilla/mux"

	"github.com/prime-radiant/radiant/executor/protocol"
)

// Pages are found by their paths as these are written: a gateway that keeps clients from
// them need not read percent signs.
func TestPagesAreFoundAsWritten(t *testing.T) {
	o := options(t, nil)
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	o.Pages = map[string]http.Handler{"/metrics": page, "/my page": page}
	s := newREST(o, new(atomic.Bool))
	for target, want := range map[string]int{
		"/metrics": http.StatusTeapot, "/metrics?a=%6d": http.StatusTeapot, "/%6detrics": http.StatusNotFound, "/metric%73": http.StatusNotFound,
		"/my%20page": http.StatusTeapot, "/%6dy%20page": http.StatusNotFound, "//metrics": http.StatusMovedPermanently,
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, http.NoBody))
		if w.Code != want {
			t.Errorf("%s answers %d %s, want %d", target, w.Code, w.Body, want)
		}
	}
}

// The router finds what the matcher of predictions finds of the same operations,
// and tells what another method would have found.
func TestRouterFindsOperations(t *testing.T) {
	paths := []string{
		"/", "/live", "/ready", "/ready/", "/metrics",
		"/api/v1.0/predictions", "/api/v1.0/predictions/", "/api/v1.0/status", "/api/v1.0/status/a", "/api/v1.0/status/a/b", "/api/v1.0/metadata", "/api/v1.0/metadata/..",
		"/api/v1.0/metadata/a\r\nb", "/api/v0.1/feedback", "/api/v1.0/doc", "/api/v1.0/doc/", "/api/v1.0/doc/seldon.json", "/api/v1.0/doc/a/b",
		"/v1/models/m", "/v1/models/m:predict", "/v1/models/:predict", "/v1/models:predict", "/v1/models/m/:predict", "/v1/models/m/metadata", "/v1/models/../metadata",
		"/v1/models/m/versions/7", "/v1/models/m/versions/7:predict", "/v1/models/m/versions/one", "/v1/models/m/versions/7/metadata",
		"/v1/models/m/labels/stable", "/v1/models/m/labels/stable:classify", "/v1/models/m/labels/a:b:predict", "/v1/models/m/labels/..:predict",
		"/v2", "/v2/", "/v2/health/live", "/v2/models/infer", "/v2/models/m", "/v2/models/m/infer", "/v2/models/m/versions/2/infer", "/v2/models/a/b/c", "/v2/models/ ",
	}
	found := 0
	for _, p := range protocol.All() {
		o := options(t, nil)
		o.Protocol = p
		o.Pages = map[string]http.Handler{"/metrics": http.NotFoundHandler()}
		s := newREST(o, new(atomic.Bool))
		for _, path := range paths {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodHead, http.MethodOptions, http.MethodDelete} {
				r := httptest.NewRequest(method, "/", http.NoBody)
				r.URL = &url.URL{Path: path}
				var match mux.RouteMatch
				ok := s.router().Match(r, &match) && match.MatchErr == nil
				known := ok || errors.Is(match.MatchErr, mux.ErrMethodMismatch)
				m, wantOK, wantKnown := s.operations.Find(method, path)
				if path == "/metrics" {
					wantOK, wantKnown = true, true
				}
				if ok != wantOK || known != wantKnown {
					t.Errorf("%s: %s %q is found: %v, known: %v, want %v, %v", p.Name, method, path, ok, known, wantOK, wantKnown)
				}
				if ok && path != "/metrics" {
					found++
					v := match.Vars
					if v["model"] != m.Model || v["version"]+v["number"] != m.Version || v["label"] != m.Label {
						t.Errorf("%s: %s %q says %v, want %+v", p.Name, method, path, v, m)
					}
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d are found", found)
	}
}
