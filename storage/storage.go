// Package storage fetches the files of a model: from a URI into a folder.
package storage

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/scheme"
	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/azure"
	"github.com/prime-radiant/radiant/storage/gcs"
	"github.com/prime-radiant/radiant/storage/hub"
	"github.com/prime-radiant/radiant/storage/rclone"
	"github.com/prime-radiant/radiant/storage/registry"
	"github.com/prime-radiant/radiant/storage/s3"
	"github.com/prime-radiant/radiant/storage/transfer"
	"github.com/prime-radiant/radiant/storage/web"
)

// Defaults of [Options].
const (
	// DefaultMaxBytes bounds one model: what is downloaded, and once more what
	// an archive unpacks to.
	DefaultMaxBytes = 1 << 40
	// DefaultAttempts is how often in a row a request is tried that brings
	// nothing.
	DefaultAttempts = 5
	// DefaultStall is how long a download may bring nothing before it is given
	// up and tried again.
	DefaultStall = time.Minute
	// DefaultStreams is how many requests run at once. Each needs a quarter of
	// a megabyte of memory.
	DefaultStreams = 16
	// claimDir is where a cluster mounts the volume claim of pvc://.
	claimDir = "/mnt/pvc"
)

// Options adjust [Fetch]. The zero value is usable.
type Options struct {
	// Base is the folder that relative paths start from; empty: the current one.
	Base string
	// Lookup reads a setting, such as os.LookupEnv: credentials, endpoints.
	// Nil: there are none. The libraries of Amazon, Google and Azure look for
	// more of them in the environment themselves.
	Lookup func(name string) (value string, ok bool)
	// Client makes HTTP requests; nil: one without a time limit on the whole.
	Client *http.Client
	// Cache is a folder that keeps what was fetched, for several runs on one
	// machine; empty: none.
	Cache string
	// Progress, if not nil, is called as a fetch goes on. Calls do not overlap.
	Progress func(Progress)
	// MaxBytes bounds a model, see [DefaultMaxBytes].
	MaxBytes int64
	// Streams is how many requests run at once, see [DefaultStreams].
	Streams int
	// Attempts bounds the tries of one request, see [DefaultAttempts].
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

// schemes is the table of what can be fetched: what [scheme.Names] lists, and the
// empty scheme, which is a path. A remote of rclone that the environment
// configures comes before it.
func schemes() map[string]fetcher {
	return map[string]fetcher{
		"":       fetchPath,
		"file":   fetchPath,
		"pvc":    fetchClaim,
		"http":   from(web.Open),
		"https":  fetchHTTPS,
		"s3":     from(s3.Open),
		"gs":     from(gcs.Open),
		"azblob": from(azure.Open),
		"hf":     fetchHub,
		"oci":    from(registry.Open),
	}
}

// fetchHTTPS knows that a host of Azure is a store and no web server.
func fetchHTTPS(ctx context.Context, j *job) error {
	if azure.Hosted(j.uri) {
		return from(azure.OpenURL)(ctx, j)
	}
	return from(web.Open)(ctx, j)
}

// fetchHub takes what Hugging Face's own programs have brought to this
// machine, if a network must not be used.
func fetchHub(ctx context.Context, j *job) error {
	kept, err := hub.Kept(j.uri, j.access())
	if err != nil {
		return err
	}
	if kept != "" {
		return j.copyPath(ctx, kept)
	}
	return from(hub.Open)(ctx, j)
}

// Fetch copies what uri names into the folder dst: the content of a folder, or
// a single file under its own name, or the content of an archive (.tar,
// .tar.gz, .tgz, .zip).
//
// Where dst does not exist it is complete as soon as it does. Where it exists,
// such as a mounted volume, files arrive under a temporary name inside of it
// and move to their place at the end; what was there before and has the same
// name is replaced. A failed fetch leaves no files behind, except for a hidden
// folder where trying again is of use: the next fetch of that URI to that
// place continues there. The file [ManifestName] in dst says what was fetched.
// Errors carry the URI without its credentials.
func Fetch(ctx context.Context, uri, dst string, o Options) error {
	fetch, err := o.fetcher(uri)
	if err == nil {
		err = o.withDefaults().run(ctx, fetch, uri, dst)
	}
	if err != nil {
		return fmt.Errorf("fetching %s: %w", Redact(uri), err)
	}
	return nil
}

func (o Options) run(ctx context.Context, fetch fetcher, uri, dst string) error {
	return fill(dst, uri, func(dir, scratch string) (wanted bool, err error) {
		j := newJob(uri, dst, o)
		j.dir, j.scratch = dir, scratch
		if err := fetch(ctx, j); err != nil {
			return false, err
		}
		if !j.there {
			err = j.writeManifest()
		}
		if err == nil {
			j.done()
		}
		return !j.there, err
	})
}

// fetcher is the table's, by the scheme of uri.
func (o Options) fetcher(uri string) (fetcher, error) {
	name := schemeOf(uri, o.Base)
	if name != "" && rclone.Configured(name, access.Access{Lookup: o.Lookup}) {
		return from(rclone.Open), nil
	}
	fetch, ok := schemes()[name]
	if !ok {
		return nil, fmt.Errorf("scheme %s is not known; known are %s, plain paths, and the remotes of rclone that RCLONE_CONFIG_%s_TYPE and the like configure",
			name, strings.Join(scheme.Names(), ", "), strings.ToUpper(name))
	}
	return fetch, nil
}

func (o Options) withDefaults() Options {
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Streams == 0 {
		o.Streams = DefaultStreams
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
	if o.Client == nil {
		o.Client = access.NewClient(http.ProxyFromEnvironment)
	}
	return o
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

// opener opens the store of a URI.
type opener func(ctx context.Context, uri string, a access.Access) (transfer.Store, error)
