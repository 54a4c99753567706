package storage

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// permanentError is one that another try would not change.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

func permanent(err error) error { return permanentError{err} }

// fetchWeb downloads one file, and unpacks it if it is an archive.
func fetchWeb(ctx context.Context, j *job) error {
	// What is wrong with a URI may quote a part of its password.
	u, err := url.Parse(j.uri)
	if err != nil {
		return errors.New("the URI is malformed; special characters in it are written with their code, such as %2F for /")
	}
	if u.Host == "" {
		return fmt.Errorf("the URI names no host; write %s://HOST/PATH", u.Scheme)
	}
	download := filepath.Join(j.scratch, "download")
	name, err := j.download(ctx, download)
	if err != nil {
		return err
	}
	if isArchive(name) {
		return unpack(ctx, download, name, j)
	}
	return os.Rename(download, filepath.Join(j.dir, name))
}

// download tries until the file is complete, or another try is of no use.
func (j *job) download(ctx context.Context, to string) (name string, err error) {
	for attempt := 1; ; attempt++ {
		name, err = j.get(ctx, to)
		switch {
		case err == nil:
			return name, nil
		case ctx.Err() != nil:
			return "", ctx.Err()
		case errors.As(err, new(permanentError)):
			return "", err
		case attempt >= j.Attempts:
			return "", fmt.Errorf("gave up after %d attempts: %w", attempt, err)
		}
		if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		pause := j.Backoff(attempt)
		if j.Progress != nil {
			j.Progress(Progress{URI: Redact(j.uri), Failed: err, Pause: pause})
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(pause):
		}
	}
}

// get downloads once, into the file to, and returns the file's proper name.
func (j *job) get(ctx context.Context, to string) (name string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(j.Stall, func() { cancel(fmt.Errorf("the server sent nothing for %s", j.Stall)) })
	defer stall.Stop()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, j.uri, nil)
	if err != nil {
		return "", permanent(withoutURL(err))
	}
	// Otherwise net/http unpacks a .gz file on the way.
	request.Header.Set("Accept-Encoding", "identity")
	response, err := j.webClient().Do(request)
	if errors.As(err, new(*tls.CertificateVerificationError)) {
		return "", permanent(withoutURL(err))
	}
	if err != nil {
		return "", because(ctx, withoutURL(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", answered(response)
	}
	name, err = fileName(response)
	if err != nil {
		return "", permanent(err)
	}
	j.bytes, j.total = 0, max(response.ContentLength, 0)
	if j.total > j.MaxBytes {
		return "", permanent(tooLarge(j.MaxBytes))
	}
	body := &counted{ctx: ctx, r: response.Body, count: func(n int) error {
		stall.Reset(j.Stall)
		if err := j.add(n); err != nil {
			return permanent(err)
		}
		return nil
	}}
	err = writeFile(to, func(f *os.File) error {
		_, err := io.Copy(f, body)
		return err
	})
	return name, because(ctx, err)
}

// webClient follows redirects to the web alone, and does not tell the next
// server where it comes from: that URL may carry a signature.
func (j *job) webClient() *http.Client {
	client := http.Client{}
	if j.Client != nil {
		client = *j.Client
	}
	const most = 10
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		switch {
		case next.URL.Scheme != "http" && next.URL.Scheme != "https":
			return permanent(fmt.Errorf("the server redirects to %s://, which is not followed", next.URL.Scheme))
		case len(via) >= most:
			return permanent(fmt.Errorf("the server redirects more than %d times", most))
		}
		next.Header.Del("Referer")
		return nil
	}
	return &client
}

// because replaces an error that only says "canceled" by the reason.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// answered turns a status into an error. What the server says of it is part
// of the reason, as far as it is short.
func answered(response *http.Response) error {
	err := fmt.Errorf("the server answers %s", response.Status)
	switch {
	case response.StatusCode >= 500,
		response.StatusCode == http.StatusTooManyRequests,
		response.StatusCode == http.StatusRequestTimeout:
		_, _ = io.CopyN(io.Discard, response.Body, 4096)
		return err
	case response.StatusCode == http.StatusUnauthorized, response.StatusCode == http.StatusForbidden:
		return permanent(fmt.Errorf("%w: it wants other credentials", err))
	case response.StatusCode == http.StatusNotFound, response.StatusCode == http.StatusGone:
		return permanent(fmt.Errorf("%w: there is no such file", err))
	}
	return permanent(err)
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
