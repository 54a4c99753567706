package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// job is one fetch.
type job struct {
	uri, dst string
	// dir is to be filled, scratch is for whatever is needed on the way.
	dir, scratch string
	Options
	// there is set where dst has it all already.
	there bool
	// files are what was fetched.
	files []transfer.File

	mu           sync.Mutex
	bytes, total int64
}

func newJob(uri, dst string, o Options) *job { return &job{uri: uri, dst: dst, Options: o} }

func (j *job) access() access.Access { return access.Access{Lookup: j.Lookup, Client: j.Client} }

// from is the fetcher of a store.
func from(open opener) fetcher {
	return func(ctx context.Context, j *job) error {
		unlock, err := j.lockCache(ctx)
		if err != nil {
			return err
		}
		defer unlock()
		var s transfer.Store
		var objects []transfer.Object
		err = j.policy().Retry(ctx, func() (bool, error) {
			if s, err = open(ctx, j.uri, j.access()); err != nil {
				return false, err
			}
			objects, err = list(ctx, s, j.Stall)
			return false, err
		})
		if err != nil {
			return err
		}
		if c, ok := s.(io.Closer); ok {
			defer c.Close()
		}
		return j.bring(ctx, s, objects)
	}
}

func list(ctx context.Context, s transfer.Store, stall time.Duration) ([]transfer.Object, error) {
	return bounded(ctx, stall, s.List)
}

// bounded lists for so long that each page may be waited for: what comes is an answer.
func bounded[T any](ctx context.Context, stall time.Duration, get func(context.Context) ([]T, error)) ([]T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, listStalls*stall, fmt.Errorf("the store was not listed within %s", listStalls*stall))
	defer cancel()
	all, err := get(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return all, err
}

// listStalls is how many times the silence that is allowed a listing may take.
const listStalls = 10

func (j *job) policy() transfer.Policy {
	return transfer.Policy{Attempts: j.Attempts, Backoff: j.Backoff, Failed: func(err error, pause time.Duration) {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.Progress != nil {
			j.Progress(Progress{URI: Redact(j.uri), Failed: err, Pause: pause})
		}
	}}
}

// bring fetches objects: files to their place, archives to be unpacked there.
func (j *job) bring(ctx context.Context, s transfer.Store, objects []transfer.Object) error {
	var files, archives []transfer.Object
	for _, o := range objects {
		if len(objects) == 1 && isArchive(o.Name) && o.Name == path.Base(o.Name) {
			o.Archive = path.Ext(o.Name)
		}
		if o.Archive == "" {
			files = append(files, o)
		} else {
			archives = append(archives, o)
		}
		if o.Size < 0 || j.total < 0 {
			j.total = -1 // Nobody knows.
		} else {
			j.total += o.Size
		}
	}
	j.total = max(j.total, 0)
	if j.isThere(objects) {
		j.there, j.bytes = true, j.total
		return nil
	}
	if err := j.download(ctx, s, files, j.dir, "files"); err != nil {
		return err
	}
	packed := filepath.Join(j.scratch, "packed")
	if err := j.download(ctx, s, archives, packed, "packed"); err != nil {
		return err
	}
	for _, o := range archives {
		if err := unpack(ctx, filepath.Join(packed, o.Name), j); err != nil {
			return err
		}
	}
	return nil
}

// download fetches objects to a folder, or takes them from the cache.
func (j *job) download(ctx context.Context, s transfer.Store, objects []transfer.Object, dir, name string) error {
	if len(objects) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	objects, kept, err := j.fromCache(ctx, s, objects, dir)
	if err != nil {
		return err
	}
	files, err := transfer.Download(ctx, s, objects, transfer.Target{Dir: dir, Journal: filepath.Join(j.scratch, journalPrefix+name)}, transfer.Options{
		Streams: j.Streams, Stall: j.Stall, MaxBytes: j.MaxBytes, Policy: j.policy(), Report: j.report,
	})
	if err != nil {
		return err
	}
	j.files = append(append(j.files, kept...), files...)
	return j.toCache(ctx, s, objects, files, dir)
}

// report counts bytes that have arrived.
func (j *job) report(n int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.bytes += n
	if j.Progress != nil {
		j.Progress(Progress{URI: Redact(j.uri), Bytes: j.bytes, Total: max(j.total, j.bytes)})
	}
}

// add counts bytes that were copied, against the bound.
func (j *job) add(n int) error {
	j.report(int64(n))
	if j.bytes > j.MaxBytes {
		return tooLarge(j.MaxBytes)
	}
	return nil
}

func tooLarge(limit int64) error {
	return transfer.Permanent(fmt.Errorf("the model is larger than the limit of %s", transfer.Size(limit)))
}

// done is the last report.
func (j *job) done() {
	if j.Progress != nil {
		j.Progress(Progress{URI: Redact(j.uri), Bytes: j.bytes, Total: j.bytes, Done: true})
	}
}

const journalPrefix = "journal-"

// isResumable reports whether a later run can continue what failed: something
// has arrived, and the failure may pass.
func isResumable(scratch string, err error) bool {
	if transfer.IsPermanent(err) || errors.Is(err, os.ErrPermission) {
		return false
	}
	journals, _ := filepath.Glob(filepath.Join(scratch, journalPrefix+"*"))
	for _, journal := range journals {
		if info, err := os.Stat(journal); err == nil && info.Size() > 0 {
			return true
		}
	}
	return false
}
