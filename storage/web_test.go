package storage

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// quick retries without a pause.
func quick() Options {
	return Options{Attempts: 4, Backoff: func(int) time.Duration { return 0 }}
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestFetchWeb(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/a/model.joblib":
			if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
		case "/redirect/model.joblib":
			http.Redirect(w, r, "/blob/123", http.StatusFound)
			return
		case "/download":
			w.Header().Set("Content-Disposition", `attachment; filename="../../model.joblib"`)
		}
		fmt.Fprint(w, "model")
	})
	withUser := strings.Replace(url, "://", "://me:secret@", 1)
	for _, uri := range []string{withUser + "/a/model.joblib?v=1", url + "/redirect/model.joblib", url + "/download?id=7"} {
		t.Run(uri, func(t *testing.T) {
			dst := filepath.Join(t.TempDir(), "models")
			if err := Fetch(t.Context(), uri, dst, quick()); err != nil {
				t.Fatal(err)
			}
			wantTree(t, dst, map[string]string{"model.joblib": "model"})
		})
	}
}

func TestFetchWebStopsWhereRetryingIsNoUse(t *testing.T) {
	var requests atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.URL.Path == "/secret" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		http.NotFound(w, r)
	})
	for path, reason := range map[string]string{
		"/secret":  "403 Forbidden: it wants other credentials",
		"/missing": "404 Not Found: there is no such file",
	} {
		requests.Store(0)
		dst := filepath.Join(t.TempDir(), "models")
		err := Fetch(t.Context(), url+path+"?sig=hidden", dst, quick())
		wantError(t, err, "fetching "+url+path+": ", reason)
		if strings.Contains(err.Error(), "hidden") {
			t.Errorf("error shows the query: %v", err)
		}
		if n := requests.Load(); n != 1 {
			t.Errorf("%s was asked %d times, want once", path, n)
		}
		wantAbsent(t, dst)
	}
}

func TestFetchWebRetries(t *testing.T) {
	var requests atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch requests.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.WriteHeader(http.StatusTooManyRequests)
		case 3: // the connection breaks in the middle of the body
			w.Header().Set("Content-Length", "5")
			fmt.Fprint(w, "mo")
			w.(http.Flusher).Flush()
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
		default:
			fmt.Fprint(w, "model")
		}
	})
	dst := filepath.Join(t.TempDir(), "models")
	if err := Fetch(t.Context(), url+"/model.bst", dst, quick()); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dst, map[string]string{"model.bst": "model"})
	if n := requests.Load(); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
}

func TestFetchWebGivesUp(t *testing.T) {
	var requests atomic.Int32
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	})
	dst := filepath.Join(t.TempDir(), "models")
	wantError(t, Fetch(t.Context(), url+"/m", dst, quick()), "gave up after 4 attempts", "502 Bad Gateway")
	if n := requests.Load(); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
	wantAbsent(t, dst)
}

func TestFetchWebNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	err = Fetch(t.Context(), "http://me:secret@"+address+"/m?sig=hidden", filepath.Join(t.TempDir(), "models"), quick())
	wantError(t, err, "fetching http://"+address+"/m: gave up after 4 attempts", "connection refused")
	if strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "secret") {
		t.Errorf("error shows credentials: %v", err)
	}
}

func TestFetchWebStall(t *testing.T) {
	release := make(chan struct{})
	var requests atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) > 1 {
			fmt.Fprint(w, "model")
			return
		}
		fmt.Fprint(w, "mo")
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	t.Cleanup(func() { close(release) })
	o := quick()
	o.Stall = 100 * time.Millisecond
	dst := filepath.Join(t.TempDir(), "models")
	if err := Fetch(t.Context(), url+"/m", dst, o); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dst, map[string]string{"m": "model"})

	requests.Store(0)
	o.Attempts = 1
	wantError(t, Fetch(t.Context(), url+"/m", filepath.Join(t.TempDir(), "n"), o), "the server sent nothing for 100ms")
}

// TestFetchWebRefuses: answers that are no model, each asked for once.
func TestFetchWebRefuses(t *testing.T) {
	var requests atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		switch r.URL.Path {
		case "/model":
			http.Redirect(w, r, "/model/", http.StatusMovedPermanently)
		case "/to-file/model.bst":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/loop/model.bst":
			http.Redirect(w, r, "/loop/model.bst", http.StatusFound)
		case "/model/", "/secret/model.tar.gz":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<html>")
		default:
			fmt.Fprint(w, "x")
		}
	})
	const folder = "the URL names no file: over http a model is one file or an archive"
	for path, c := range map[string]struct {
		want     string
		requests int32
	}{
		"/":                    {folder, 1},
		"/model/":              {folder, 1},
		"/files/":              {folder, 1},
		"/model":               {folder, 2},
		"/secret/model.tar.gz": {"the server answers a web page and not a file; perhaps it wants credentials", 1},
		"/to-file/model.bst":   {"the server redirects to file://, which is not followed", 1},
		"/loop/model.bst":      {"the server redirects more than 10 times", 10},
	} {
		requests.Store(0)
		dst := filepath.Join(t.TempDir(), "models")
		err := Fetch(t.Context(), url+path, dst, quick())
		wantError(t, err, "fetching "+url+path+": ", c.want)
		if strings.Contains(err.Error(), "gave up") || requests.Load() != c.requests {
			t.Errorf("%s: %d requests, want %d: %v", path, requests.Load(), c.requests, err)
		}
		wantAbsent(t, dst)
	}
}

func TestFetchWebTellsNobodyWhereItComesFrom(t *testing.T) {
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Referer", "Authorization"} {
			if value := r.Header.Get(name); value != "" {
				t.Errorf("the second server is told %s: %s", name, value)
			}
		}
		fmt.Fprint(w, "model")
	})
	other = strings.Replace(other, "127.0.0.1", "localhost", 1)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other+"/blob", http.StatusFound) })
	uri := strings.Replace(url, "://", "://me:secret@", 1) + "/model.bst?sig=hidden"
	dst := filepath.Join(t.TempDir(), "models")
	if err := Fetch(t.Context(), uri, dst, quick()); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dst, map[string]string{"model.bst": "model"})
}

func TestFetchWebMalformedURI(t *testing.T) {
	for uri, want := range map[string]string{
		"http://me:pass/word@host/m": "fetching http://host/m: the URI is malformed",
		"http://me:%zz@host/m":       "fetching http://host/m: the URI is malformed",
		"http:///m":                  "the URI names no host; write http://HOST/PATH",
		"https:m":                    "the URI names no host; write https://HOST/PATH",
	} {
		err := Fetch(t.Context(), uri, filepath.Join(t.TempDir(), "models"), quick())
		wantError(t, err, want)
		if strings.Contains(err.Error(), "pass") || strings.Contains(err.Error(), "gave up") {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

func TestFetchWebUnknownCertificate(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	err := Fetch(t.Context(), s.URL+"/m.zip", filepath.Join(t.TempDir(), "models"), quick())
	wantError(t, err, "certificate signed by unknown authority")
	if strings.Contains(err.Error(), "gave up") {
		t.Errorf("tried again: %v", err)
	}
	o := quick()
	o.Client = s.Client()
	wantError(t, Fetch(t.Context(), s.URL+"/m.zip", filepath.Join(t.TempDir(), "models"), o), "404 Not Found")
}

func TestFetchWebBoundsSize(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/chunked" {
			w.(http.Flusher).Flush() // no Content-Length
		}
		_, _ = io.Copy(w, strings.NewReader("12345678"))
	})
	o := quick()
	o.MaxBytes = 7
	for _, path := range []string{"/known", "/chunked"} {
		dst := filepath.Join(t.TempDir(), "models")
		err := Fetch(t.Context(), url+path, dst, o)
		wantError(t, err, "larger than the limit of 7 B")
		if strings.Contains(err.Error(), "gave up") {
			t.Errorf("a model that is too large was tried again: %v", err)
		}
		wantAbsent(t, dst)
	}
}

func TestFetchWebArchive(t *testing.T) {
	archive := tarball(t, true, regular("1/saved_model.pb", "graph"), regular("1/variables/v", "weights"))
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip") // as some servers say of every .gz file
		_, _ = io.Copy(w, bytes.NewReader(archive))
	})
	dst := filepath.Join(t.TempDir(), "models")
	if err := Fetch(t.Context(), url+"/mnist.tar.gz", dst, quick()); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dst, map[string]string{"1/saved_model.pb": "graph", "1/variables/v": "weights"})
	if _, err := os.Stat(filepath.Join(dst, "mnist.tar.gz")); err == nil {
		t.Error("the archive itself is in the folder")
	}
}

// TestFetchWebContinues: where the server has parts and says what it has by a
// strong ETag, a broken answer is continued.
func TestFetchWebContinues(t *testing.T) {
	content := strings.Repeat("model", 1_000_000)
	var ranges []string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		w.Header().Set("ETag", `"v1"`)
		if len(ranges) > 1 {
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
			return
		}
		w.Header().Set("Accept-Ranges", "bytes")
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		fmt.Fprint(w, content[:3_000_000])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	dst := filepath.Join(t.TempDir(), "models")
	if err := Fetch(t.Context(), url+"/model.bst", dst, quick()); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dst, map[string]string{"model.bst": content})
	if len(ranges) != 2 || ranges[0] != "" || !strings.HasPrefix(ranges[1], "bytes=") || !strings.HasSuffix(ranges[1], "-4999999") {
		t.Errorf("asked for %q, want the whole and then the rest", ranges)
	}
}

// TestFetchWebNoAnswer: a server that takes a request and says nothing.
func TestFetchWebNoAnswer(t *testing.T) {
	release := make(chan struct{})
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	t.Cleanup(func() { close(release) })
	o := quick()
	o.Stall, o.Attempts = 20*time.Millisecond, 2
	wantError(t, Fetch(t.Context(), url+"/m", filepath.Join(t.TempDir(), "models"), o),
		"gave up after 2 attempts: the store was not listed within 200ms")
}
