// Package storage fetches the files of a model: from a URI into a folder.
package storage

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Defaults of [Options].
const (
	// DefaultMaxBytes bounds one model: what is downloaded, and once more what
	// an archive unpacks to.
	DefaultMaxBytes = 256 << 30
	// DefaultAttempts is how often a download is tried.
	DefaultAttempts = 5
	// DefaultStall is how long a download may bring nothing before it is given
	// up and tried again.
	DefaultStall = time.Minute
)

// Options adjust [Fetch]. The zero value is usable.
type Options struct {
	// Base is the folder that relative paths start from; empty: the current one.
	Base string
	// Client makes HTTP requests; nil: one without a time limit on the whole.
	Client *http.Client
	// Progress is told how far a fetch is; nil: nobody is.
	Progress func(Progress)
	// MaxBytes bounds a model, see [DefaultMaxBytes].
	MaxBytes int64
	// Attempts bounds the tries of one download, see [DefaultAttempts].
	Attempts int
	// Stall bounds the silence of a server, see [DefaultStall].
	Stall time.Duration
	// Backoff is the pause before the next try, counted from 1; nil: half a
	// second, doubled each time up to ten seconds.
	Backoff func(attempt int) time.Duration
}

// Progress is the state of a fetch.
type Progress struct {
	// URI is safe to show: it carries no credentials.
	URI string
	// Bytes are there so far, of Total; Total is 0 where nobody knows.
	Bytes, Total int64
	// Done is true in the last report of a fetch that succeeded.
	Done bool
	// Failed is why an attempt failed; the next one starts after Pause.
	Failed error
	Pause  time.Duration
}

// fetcher fills job.dir with the files that job.uri names.
type fetcher func(ctx context.Context, j *job) error

// schemes is the table of what can be fetched. The empty scheme is a path.
func schemes() map[string]fetcher {
	return map[string]fetcher{
		"":      fetchPath,
		"file":  fetchPath,
		"http":  fetchWeb,
		"https": fetchWeb,
	}
}

// job is one fetch.
type job struct {
	uri string
	// dir is to be filled, scratch is for whatever is needed on the way.
	dir, scratch string
	Options
	bytes, total int64
}

// Fetch copies what uri names into the folder dst: the content of a folder, or
// a single file under its own name, or the content of an archive (.tar,
// .tar.gz, .tgz, .zip).
//
// Where dst does not exist it is complete as soon as it does. Where it exists,
// such as a mounted volume, files arrive under a temporary name inside of it
// and move to their place at the end; what was there before and has the same
// name is replaced. A failed fetch leaves no files behind. Errors carry the URI
// without its credentials.
func Fetch(ctx context.Context, uri, dst string, o Options) error {
	scheme := schemeOf(uri, o.Base)
	fetch, ok := schemes()[scheme]
	if !ok {
		return fmt.Errorf("fetching %s: scheme %s is not supported by this build, which reads %s and plain paths",
			Redact(uri), scheme, supported())
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Attempts == 0 {
		o.Attempts = DefaultAttempts
	}
	if o.Stall == 0 {
		o.Stall = DefaultStall
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	err := fill(dst, func(dir, scratch string) error {
		j := &job{uri: uri, dir: dir, scratch: scratch, Options: o}
		if err := fetch(ctx, j); err != nil {
			return err
		}
		j.report(true)
		return nil
	})
	if err != nil {
		return fmt.Errorf("fetching %s: %w", Redact(uri), err)
	}
	return nil
}

// Supported reports whether Fetch knows the scheme of uri, which starts at
// base where it is relative.
func Supported(uri, base string) bool {
	_, ok := schemes()[schemeOf(uri, base)]
	return ok
}

func supported() string {
	names := slices.Sorted(maps.Keys(schemes()))
	names = slices.DeleteFunc(names, func(s string) bool { return s == "" })
	return strings.Join(names, ", ")
}

// schemeOf is what stands before the first colon, as in gs://bucket and in
// gs:bucket, unless that is part of a path that exists.
func schemeOf(uri, base string) string {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || scheme == "" || strings.ContainsAny(scheme, "/.\\") {
		return ""
	}
	if !strings.HasPrefix(rest, "//") {
		if _, err := os.Lstat(absolute(uri, base)); err == nil {
			return ""
		}
	}
	return strings.ToLower(scheme)
}

func absolute(path, base string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(base, path)
}

func backoff(attempt int) time.Duration {
	return min(500*time.Millisecond<<(attempt-1), 10*time.Second)
}

// add counts bytes against the bound.
func (j *job) add(n int) error {
	j.bytes += int64(n)
	if j.bytes > j.MaxBytes {
		return tooLarge(j.MaxBytes)
	}
	j.report(false)
	return nil
}

func tooLarge(limit int64) error {
	return fmt.Errorf("the model is larger than the limit of %s", size(limit))
}

func (j *job) report(done bool) {
	if j.Progress != nil {
		j.Progress(Progress{URI: Redact(j.uri), Bytes: j.bytes, Total: j.total, Done: done})
	}
}
