package openapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/swaggest/swgui/v5/static"
)

// pages are the page itself. Swagger UI, which it shows the document with, is
// in a package of its own (see [static.FS]), compressed.
//
//go:embed page
var pages embed.FS

// policy lets the page load what comes from its own address, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

// askTime bounds how long models are asked for what the document says of them.
const askTime = 5 * time.Second

// Source is what the page asks about the graph.
type Source interface {
	Overview(ctx context.Context) *Graph
}

// Page serves the page in every folder of the protocol's docs, and the
// document beside it, NAME.json and NAME.yaml, and a picture of the graph,
// graph.svg and graph-narrow.svg. These are made anew for
// each request, since a server may have loaded another model.
type Page struct {
	Names Names
	// Document is the document's name, without extension.
	Document string
	Source   Source
	// Hints are what the servers do not tell.
	Hints Hints
}

// file is something to send.
type file struct {
	body        []byte
	contentType string
	// packed is true if body is gzipped.
	packed bool
	cache  string
}

const (
	// revalidated content is asked for again each time; kept content changes
	// with the program only.
	revalidated = "no-cache"
	kept        = "public, max-age=3600"
)

// contentTypes is the table of the files of the page, by their ending.
func contentTypes() map[string]string {
	return map[string]string{
		".html": "text/html; charset=utf-8",
		".js":   "text/javascript; charset=utf-8",
		".css":  "text/css; charset=utf-8",
		".png":  "image/png",
		".svg":  "image/svg+xml",
	}
}

// ServeHTTP implements http.Handler, for paths below the docs' folders and for
// those folders without a slash. Nothing of a request is in an answer.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	name := path.Base(r.URL.Path)
	switch {
	case strings.HasSuffix(r.URL.Path, "/"), name == "index.html":
		send(w, r, p.index())
	case name == "doc", name == "docs":
		// A relative address holds behind any prefix, of which nothing is
		// known here.
		w.Header()["Location"] = []string{name + "/"}
		w.WriteHeader(http.StatusMovedPermanently)
	case name == p.Document+".json":
		send(w, r, file{body: p.made(r).JSON(), contentType: "application/json", cache: revalidated})
	case name == p.Document+".yaml":
		send(w, r, file{body: p.made(r).YAML(), contentType: "application/yaml", cache: revalidated})
	case name == "graph.svg", name == "graph-narrow.svg":
		body := Picture(p.Names, p.graph(r), name != "graph.svg")
		send(w, r, file{body: body, contentType: contentTypes()[".svg"], cache: revalidated})
	default:
		if f, ok := asset(name); ok {
			send(w, r, f)
			return
		}
		http.NotFound(w, r)
	}
}

// made is the document as it is now.
func (p *Page) made(r *http.Request) Document {
	up := strings.Repeat("../", strings.Count(r.URL.Path, "/")-1)
	return New(p.Names, p.graph(r), strings.TrimSuffix(up, "/"))
}

// graph is what is known now of what is served.
func (p *Page) graph(r *http.Request) *Graph {
	ctx, cancel := context.WithTimeout(r.Context(), askTime)
	defer cancel()
	g := p.Source.Overview(ctx)
	p.Hints.add(g)
	return g
}

func (p *Page) index() file {
	body, _ := pages.ReadFile("page/index.html") // It is part of the program.
	body = bytes.ReplaceAll(body, []byte("TITLE"), []byte(html.EscapeString(p.Names.Deployment)))
	body = bytes.ReplaceAll(body, []byte("DOCUMENT"), []byte(html.EscapeString(p.Document)))
	return file{body: body, contentType: contentTypes()[".html"], cache: revalidated}
}

// asset finds a part of the page.
func asset(name string) (file, bool) {
	f := file{contentType: contentTypes()[path.Ext(name)], cache: kept}
	if f.contentType == "" {
		return f, false
	}
	var err error
	if f.body, err = pages.ReadFile("page/" + name); err == nil {
		return f, true
	}
	if f.body, err = static.FS.ReadFile(name + ".gz"); err == nil {
		f.packed = true
		return f, true
	}
	f.body, err = static.FS.ReadFile(name)
	return f, err == nil
}

// smallBody is not worth compressing.
const smallBody = 1400

func send(w http.ResponseWriter, r *http.Request, f file) {
	sum := sha256.Sum256(f.body)
	tag := hex.EncodeToString(sum[:8])
	packs := strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && r.Header.Get("Range") == ""
	var err error
	switch {
	case f.packed && !packs:
		f.body, err = unpacked(f.body)
		f.packed = false
	case !f.packed && packs && len(f.body) > smallBody && f.contentType != contentTypes()[".png"]:
		f.body, f.packed = packed(f.body), true
	}
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", f.cache)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	if f.packed {
		h.Set("Content-Encoding", "gzip")
		tag += "-gzip"
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
}

func packed(body []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // The level is one that exists, and a buffer takes everything.
	_, _ = z.Write(body)
	_ = z.Close()
	return b.Bytes()
}

func unpacked(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
