package openapi

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// still is a graph that stays as it is.
type still struct{ g *Graph }

func (s still) Overview(context.Context) *Graph { return s.g }

func page(t *testing.T) *Page {
	return &Page{Names: Names{Deployment: `<b>"&`, Namespace: "models", Predictor: "main"}, Document: "seldon", Source: still{oneNode(t, "seldon", "v2")}}
}

func ask(p *Page, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

func TestPageIsComplete(t *testing.T) {
	p := page(t)
	index := ask(p, "GET", "/api/v1.0/doc/")
	if index.Code != http.StatusOK || index.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("the page is %d %v", index.Code, index.Header())
	}
	if body := index.Body.String(); !strings.Contains(body, "<title>&lt;b&gt;&#34;&amp;</title>") || strings.Contains(body, "DOCUMENT") {
		t.Errorf("the page is\n%s", body)
	}
	parts := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(index.Body.String(), -1)
	if len(parts) < 5 {
		t.Fatalf("the page has the parts %q", parts)
	}
	for _, part := range parts {
		if strings.Contains(part[1], "/") {
			t.Errorf("%s is not beside the page", part[1])
		}
		w := ask(p, "GET", "/api/v1.0/doc/"+part[1])
		if w.Code != http.StatusOK || w.Body.Len() == 0 || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s is %d with %d bytes, %v", part[1], w.Code, w.Body.Len(), w.Header())
		}
	}
}

func TestPageOverHTTP(t *testing.T) {
	p := page(t)
	for _, c := range []struct {
		method, path string
		code         int
		location     string
	}{
		{"GET", "/api/v1.0/doc", http.StatusMovedPermanently, "doc/"},
		{"GET", "/v2/docs", http.StatusMovedPermanently, "docs/"},
		{"HEAD", "/api/v1.0/doc/", http.StatusOK, ""},
		{"HEAD", "/api/v1.0/doc/seldon.json", http.StatusOK, ""},
		{"GET", "/api/v1.0/doc/seldon.yaml", http.StatusOK, ""},
		{"POST", "/api/v1.0/doc/", http.StatusMethodNotAllowed, ""},
		{"GET", "/api/v1.0/doc/other.json", http.StatusNotFound, ""},
		{"GET", "/api/v1.0/doc/..", http.StatusNotFound, ""},
		{"GET", "/api/v1.0/doc/embed.go", http.StatusNotFound, ""},
		{"GET", "/api/v1.0/doc/<script>", http.StatusNotFound, ""},
	} {
		w := ask(p, c.method, c.path)
		if w.Code != c.code || w.Header().Get("Location") != c.location {
			t.Errorf("%s %s is %d, %q", c.method, c.path, w.Code, w.Header().Get("Location"))
		}
		if c.method == "HEAD" && w.Body.Len() > 0 || strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("%s %s has the body %s", c.method, c.path, w.Body)
		}
	}
}

func TestPageIsCompressedAndKept(t *testing.T) {
	p := page(t)
	for _, path := range []string{"/api/v1.0/doc/swagger-ui-bundle.js", "/api/v1.0/doc/seldon.json"} {
		plain, small := ask(p, "GET", path), ask(p, "GET", path, "Accept-Encoding", "gzip, br")
		if plain.Header().Get("Content-Encoding") != "" || small.Header().Get("Content-Encoding") != "gzip" || small.Header().Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: headers are %v and %v", path, plain.Header(), small.Header())
		}
		z, err := gzip.NewReader(small.Body)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(z)
		if err != nil || string(body) != plain.Body.String() {
			t.Errorf("%s: %d bytes compressed, %d plain: %v", path, len(body), plain.Body.Len(), err)
		}
		for _, first := range []*httptest.ResponseRecorder{plain, small} {
			encoding := first.Header().Get("Content-Encoding")
			if w := ask(p, "GET", path, "Accept-Encoding", encoding, "If-None-Match", first.Header().Get("ETag")); w.Code != http.StatusNotModified {
				t.Errorf("%s %s: asked again it is %d", path, encoding, w.Code)
			}
		}
		if plain.Header().Get("ETag") == small.Header().Get("ETag") {
			t.Errorf("%s: both encodings have the tag %s", path, plain.Header().Get("ETag"))
		}
	}
}
