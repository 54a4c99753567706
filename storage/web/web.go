// Package web reads one file from a web server.
package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// Open is the store of an http:// or https:// URL.
func Open(_ context.Context, uri string, a access.Access) (transfer.Store, error) {
	// What is wrong with a URI may quote a part of its password.
	u, err := url.Parse(uri)
	if err != nil {
		return nil, transfer.Permanent(errors.New("the URI is malformed; special characters in it are written with their code, such as %2F for /"))
	}
	if u.Host == "" {
		return nil, transfer.Permanent(fmt.Errorf("the URI names no host; write %s://HOST/PATH", u.Scheme))
	}
	return &store{uri: uri, client: a.Client}, nil
}

type store struct {
	uri    string
	client *http.Client

	// first is the answer to the request that described the file. Its body is read
	// first, so that the file is not asked for twice.
	mu    sync.Mutex
	first *http.Response
	// seen are the headers of the answer that told the last state.
	seen http.Header
}

// List asks for the file, and leaves its body to Open: a signed URL is often
// good for just that request.
func (s *store) List(ctx context.Context) ([]transfer.Object, error) {
	// The body outlives the call, and ctx bounds the call only.
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	r, err := s.ask(lasting, http.MethodGet, http.Header{})
	if !stop() && err == nil {
		r.Body.Close()
		err = ctx.Err()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	r.Body = closing{r.Body, cancel}
	name, err := fileName(r)
	if err != nil {
		r.Body.Close()
		return nil, transfer.Permanent(err)
	}
	s.mu.Lock()
	s.first = r
	s.mu.Unlock()
	o := transfer.Object{Key: name, Name: name, Size: r.ContentLength, Version: version(r)}
	o.Whole = o.Size < 0 || o.Version == "" || r.Header.Get("Accept-Ranges") != "bytes"
	o.Sums = sums(r)
	return []transfer.Object{o}, nil
}

// version is a strong ETag. A weak one may stay while bytes change.
func version(r *http.Response) string {
	if etag := r.Header.Get("ETag"); !strings.HasPrefix(etag, "W/") {
		return etag
	}
	return ""
}

// sums are what some servers say of the content.
func sums(r *http.Response) []transfer.Sum {
	if r.StatusCode == http.StatusPartialContent {
		return nil
	}
	found := transfer.Base64Sum(transfer.MD5, r.Header.Get("Content-MD5"))
	for _, header := range r.Header.Values("X-Goog-Hash") {
		for _, field := range strings.Split(header, ",") {
			algorithm, value, _ := strings.Cut(strings.TrimSpace(field), "=")
			switch algorithm {
			case "crc32c":
				found = append(found, transfer.Base64Sum(transfer.CRC32C, value)...)
			case "md5":
				found = append(found, transfer.Base64Sum(transfer.MD5, value)...)
			}
		}
	}
	return found
}

// Open reads.
func (s *store) Open(ctx context.Context, o *transfer.Object, offset, length int64) (*transfer.Body, error) {
	if first := s.takeFirst(); first != nil {
		if offset == 0 {
			stop := context.AfterFunc(ctx, func() { first.Body.Close() })
			return &transfer.Body{ReadCloser: closing{first.Body, func() { stop() }}, Version: version(first)}, nil
		}
		first.Body.Close()
	}
	header := http.Header{}
	if !o.Whole && (offset > 0 || length != o.Size) {
		header.Set("Range", access.Range(offset, length))
	}
	r, err := s.ask(ctx, http.MethodGet, header)
	if err != nil {
		return nil, err
	}
	if header.Get("Range") != "" && r.StatusCode != http.StatusPartialContent {
		r.Body.Close()
		return nil, transfer.Changed()
	}
	return &transfer.Body{ReadCloser: r.Body, Version: version(r)}, nil
}

func (s *store) takeFirst() *http.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.first
	s.first = nil
	return first
}

// Close ends an answer that nobody has read.
func (s *store) Close() error {
	if first := s.takeFirst(); first != nil {
		return first.Body.Close()
	}
	return nil
}

func (s *store) ask(ctx context.Context, method string, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.uri, nil)
	if err != nil {
		return nil, transfer.Permanent(access.Failure(err))
	}
	request.Header = header
	// A .gz file is to come as it is.
	request.Header.Set("Accept-Encoding", "identity")
	r, err := s.client.Do(request)
	if err != nil {
		return nil, access.Failure(err)
	}
	switch {
	case r.StatusCode == http.StatusOK, r.StatusCode == http.StatusPartialContent:
		return r, nil
	case r.StatusCode == http.StatusNotModified && header.Get("If-None-Match") != "":
		return r, nil
	}
	defer r.Body.Close()
	return nil, access.Answered(r, map[int]string{
		http.StatusUnauthorized: "it wants other credentials",
		http.StatusForbidden:    "it wants other credentials",
		http.StatusNotFound:     "there is no such file",
		http.StatusGone:         "there is no such file",
	}[r.StatusCode])
}

// fileName is what the server calls the file, or the last part of the URL that
// the user wrote, or of the one that was asked at the end of all redirects. A
// web page is no file: it is the listing of a folder, or asks who you are.
func fileName(response *http.Response) (string, error) {
	_, parameters, err := mime.ParseMediaType(response.Header.Get("Content-Disposition"))
	if err == nil && parameters["filename"] != "" {
		if name := path.Base(filepath.ToSlash(parameters["filename"])); proper(name) {
			return name, nil
		}
	}
	first := response.Request
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	last := response.Request.URL
	content, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	for _, u := range []*url.URL{first.URL, last} {
		name := path.Base(u.Path)
		switch {
		case strings.HasSuffix(u.Path, "/") || !proper(name):
		case content == "text/html" && !strings.HasPrefix(path.Ext(name), ".htm"):
		default:
			return name, nil
		}
	}
	if content == "text/html" && !strings.HasSuffix(last.Path, "/") {
		return "", errors.New("the server answers a web page and not a file; perhaps it wants credentials")
	}
	return "", errors.New("the URL names no file: over http a model is one file or an archive, and the URL must end in its name")
}

func proper(name string) bool {
	return name != "" && name != "." && name != ".." && name != "/" && filepath.IsLocal(name) && filepath.Base(name) == name
}

// closing is a body with something to do at its end.
type closing struct {
	io.ReadCloser
	end func()
}

func (c closing) Close() error {
	c.end()
	return c.ReadCloser.Close()
}

// ID tells this file from others, without what may be secret.
func (s *store) ID() string {
	u, err := url.Parse(s.uri)
	if err != nil {
		return ""
	}
	return "web " + u.Scheme + "://" + u.Host + u.EscapedPath()
}
