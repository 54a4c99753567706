package server

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prime-radiant/radiant/executor/protocol"
)

// Who asks at a wrong path or with a wrong method learns what is right; who looks
// with a browser is led to the page.
func TestTheWayIsTold(t *testing.T) {
	const browser = "text/html,application/xhtml+xml,*/*;q=0.8"
	for _, c := range []struct {
		protocol, method, path, accept string
		original                       string
		code                           int
		location                       string
		want                           []string
	}{
		{"seldon", "GET", "/", browser, "", 303, "./api/v1.0/doc/", nil},
		{"seldon", "GET", "/", browser, "/seldon/ns/dep/?x=1", 303, "./api/v1.0/doc/", nil},
		{"seldon", "GET", "/", browser, "/seldon/ns/dep?x=1", 303, "dep/api/v1.0/doc/", nil},
		{"seldon", "GET", "/api/v1.0/predictions", browser, "/seldon/ns/dep/api/v1.0/predictions", 303, "../../api/v1.0/doc/", nil},
		{"v2", "GET", "/v2/models/m/infer", browser, "", 303, "../../../v2/docs/", nil},
		{"seldon", "GET", "/api/v1.0/predictions", "*/*", "", 405, "", []string{"this path takes POST, OPTIONS", "protocol seldon", "POST .../api/v1.0/predictions", "page about it is at .../api/v1.0/doc/", `"status":"FAILURE"`}},
		{"seldon", "DELETE", "/api/v1.0/predictions", browser, "", 405, "", []string{"this path takes POST"}},
		{"seldon", "POST", "/api/v1.0/metadata", "", "", 405, "", []string{"this path takes GET, OPTIONS"}},
		{"seldon", "GET", "/", "", "", 404, "", []string{"nothing is served at this path"}},
		{"seldon", "GET", "/elsewhere", browser, "", 404, "", []string{"nothing is served at this path"}},
		{"seldon", "POST", "/v2/models/a/infer", "", "", 404, "", []string{"speaks protocol seldon, and the path is one of protocol v2", "POST .../api/v1.0/predictions"}},
		{"v2", "POST", "/v1/models/a:predict", "", "", 404, "", []string{"speaks protocol v2, and the path is one of protocol tensorflow", "POST .../v2/models/clf/infer", "at .../v2/docs/"}},
		{"tensorflow", "POST", "/api/v1.0/predictions", "", "", 404, "", []string{"the path is one of protocol seldon", "POST .../v1/models/clf:predict"}},
	} {
		o := options(t, nil)
		o.Protocol, _ = protocol.Lookup(c.protocol)
		o.Docs, o.Deployment = http.NotFoundHandler(), "dep"
		o.Prediction = map[string]string{"seldon": "/api/v1.0/predictions", "v2": "/v2/models/clf/infer", "tensorflow": "/v1/models/clf:predict"}[c.protocol]
		r := httptest.NewRequest(c.method, c.path, http.NoBody)
		r.Header.Set("Accept", c.accept)
		r.Header.Set("X-Envoy-Original-Path", c.original)
		w := httptest.NewRecorder()
		newREST(o, new(atomic.Bool)).ServeHTTP(w, r)
		if w.Code != c.code || w.Header().Get("Location") != c.location {
			t.Errorf("%s %s of %s: %d to %q, want %d to %q", c.method, c.path, c.protocol, w.Code, w.Header().Get("Location"), c.code, c.location)
		}
		if (w.Code == 405) != (w.Header().Get("Allow") != "") {
			t.Errorf("%s %s: %d allows %q", c.method, c.path, w.Code, w.Header().Get("Allow"))
		}
		for _, want := range c.want {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s %s of %s: %q is not in %s", c.method, c.path, c.protocol, want, w.Body)
			}
		}
	}
}

type unready struct{ engine }

func (unready) Ready(context.Context) error {
	return errors.Join(errors.New(`node "a" is not ready: refused`), errors.New(`node "b" is not ready: /v2/health/ready answers 503`))
}

func TestAProbeThatFailsSaysWhy(t *testing.T) {
	const want = `{"status":{"code":503,"info":"node \"a\" is not ready: refused; node \"b\" is not ready: /v2/health/ready answers 503","status":"FAILURE"}}`
	for _, v1 := range []bool{false, true} {
		o := options(t, nil)
		o.Engine, o.V1 = unready{}, v1
		w := httptest.NewRecorder()
		newREST(o, new(atomic.Bool)).ServeHTTP(w, httptest.NewRequest("GET", "/ready", http.NoBody))
		if told := w.Body.String() == want; w.Code != 503 || told == v1 {
			t.Errorf("with v1 %v: %d %s", v1, w.Code, w.Body)
		}
	}
}
