package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/azure"
	"github.com/prime-radiant/radiant/storage/bucket"
	"github.com/prime-radiant/radiant/storage/gcs"
	"github.com/prime-radiant/radiant/storage/rclone"
	"github.com/prime-radiant/radiant/storage/s3"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// Catalog is a folder of a store that is looked at again and again: which folders it
// has, what is in one of them. Its methods may be called by one goroutine at a time.
type Catalog struct {
	remains
	uri     string
	options Options
	open    opener
	// path is that of a folder of this machine; empty: it is in a store.
	path string

	mu     sync.Mutex
	folder *bucket.Folder
}

// catalogs is the table of the stores that can be looked at so, beside the folders of
// this machine.
func catalogs() map[string]opener {
	return map[string]opener{"s3": s3.Open, "gs": gcs.Open, "azblob": azure.Open, "https": azure.OpenURL}
}

// NewCatalog is that of a URI. Nothing is asked yet. The error is about what has no
// folders.
func NewCatalog(uri string, o Options) (*Catalog, error) {
	name := schemeOf(uri, o.Base)
	o = o.withDefaults()
	c := &Catalog{uri: uri, options: o}
	j := newJob(uri, "", o)
	switch open, known := catalogs()[name]; {
	case name != "" && rclone.Configured(name, j.access()):
		c.open = rclone.Open
	case name == "pvc":
		_, path, _ := strings.Cut(strings.TrimLeft(uri[len("pvc:"):], "/"), "/")
		c.path = filepath.Join(claimDir, filepath.FromSlash(path))
	case name == "" || name == "file":
		path, err := localPath(uri)
		if err != nil {
			return nil, err
		}
		c.path = absolute(path, o.Base)
	case known && (name != "https" || azure.Hosted(uri)):
		c.open = open
	default:
		return nil, fmt.Errorf("%s names no folder whose folders can be listed: s3://, gs://, azblob://, pvc:// and paths do", Redact(uri))
	}
	return c, nil
}

// IsLocal reports whether it is a folder of this machine, as file:// says. What a plain
// path is may be mounted from elsewhere.
func (c *Catalog) IsLocal() bool { return schemeOf(c.uri, c.options.Base) == "file" }

// Folders are the names of the folders, in the order of the store. One small request
// tells, however many files are in them.
func (c *Catalog) Folders(ctx context.Context) ([]string, error) {
	names, err := c.folders(ctx)
	return names, c.about(err)
}

func (c *Catalog) folders(ctx context.Context) (names []string, err error) {
	if c.path == "" {
		return ask(ctx, c, func(ctx context.Context, all *bucket.Folder) ([]string, error) { return all.Folders(ctx) })
	}
	entries, err := os.ReadDir(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(c.path)
	}
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(c.path, e.Name())); err == nil && info.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// ask asks the store for a list, again where that may help, and for a bounded time.
func ask[T any](ctx context.Context, c *Catalog, get func(context.Context, *bucket.Folder) ([]T, error)) (all []T, err error) {
	err = newJob(c.uri, "", c.options).policy().Retry(ctx, func() (bool, error) {
		folder, err := c.store(ctx)
		if err != nil {
			return false, err
		}
		all, err = bounded(ctx, c.options.Stall, func(ctx context.Context) ([]T, error) { return get(ctx, folder) })
		return false, err
	})
	return all, err
}

// store is opened once: what it takes to get credentials is not for each look.
func (c *Catalog) store(ctx context.Context) (*bucket.Folder, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.folder != nil {
		return c.folder, nil
	}
	s, err := c.open(context.WithoutCancel(ctx), c.uri, newJob(c.uri, "", c.options).access())
	if err != nil {
		return nil, err
	}
	folder, ok := s.(bucket.Folder)
	if !ok {
		return nil, transfer.Permanent(errors.New("its folders cannot be listed"))
	}
	c.folder = &folder
	return c.folder, nil
}

// about is an error that names the URI, without its credentials.
func (c *Catalog) about(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", Redact(c.uri), err)
}

// Files are those of one of the folders, in the order of their names: what there is,
// how large, and by which version each is told from another of its name.
func (c *Catalog) Files(ctx context.Context, folder string) ([]transfer.Object, error) {
	files, err := c.files(ctx, folder)
	slices.SortFunc(files, func(a, b transfer.Object) int { return strings.Compare(a.Name, b.Name) })
	return files, c.about(err)
}

func (c *Catalog) files(ctx context.Context, folder string) ([]transfer.Object, error) {
	if c.path == "" {
		return ask(ctx, c, func(ctx context.Context, all *bucket.Folder) ([]transfer.Object, error) {
			return all.Below(folder).List(ctx)
		})
	}
	var l lister
	if err := l.list(filepath.Join(c.path, folder), ".", nil); err != nil {
		return nil, err
	}
	var files []transfer.Object
	for _, f := range l.files {
		info, err := os.Stat(f.path)
		if err != nil {
			return nil, err
		}
		files = append(files, transfer.Object{
			Key: f.path, Name: filepath.ToSlash(f.name), Size: info.Size(), Version: strconv.FormatInt(info.ModTime().UnixNano(), 36),
		})
	}
	return files, nil
}

// Fetch brings one of the folders to dst, as [Fetch] does: where dst does not exist, it
// is complete as soon as it does.
func (c *Catalog) Fetch(ctx context.Context, folder, dst string) error {
	fetch := func(ctx context.Context, j *job) error { return j.copyPath(ctx, filepath.Join(c.path, folder)) }
	if c.path == "" {
		all, err := c.store(ctx)
		if err != nil {
			return c.about(err)
		}
		fetch = from(func(context.Context, string, access.Access) (transfer.Store, error) { return all.Below(folder), nil })
	}
	return c.about(c.options.run(ctx, fetch, Redact(c.uri)+"/"+folder, dst))
}

// FetchBeside brings the files that lie beside the folders, and not in one, to dst. It
// reports whether there are any; where there are none, dst does not exist.
func (c *Catalog) FetchBeside(ctx context.Context, dst string) (found bool, err error) {
	if c.path == "" {
		all, err := c.store(ctx)
		if err != nil {
			return false, c.about(err)
		}
		beside := besideFolders{*all}
		files, err := ask(ctx, c, func(ctx context.Context, _ *bucket.Folder) ([]transfer.Object, error) { return beside.List(ctx) })
		if err != nil || len(files) == 0 {
			return false, c.about(err)
		}
		fetch := from(func(context.Context, string, access.Access) (transfer.Store, error) { return beside, nil })
		return true, c.about(c.options.run(ctx, fetch, Redact(c.uri), dst))
	}
	entries, err := os.ReadDir(c.path)
	if err != nil {
		return false, c.about(err)
	}
	var files []file
	for _, e := range entries {
		path := filepath.Join(c.path, e.Name())
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			files = append(files, file{path, e.Name(), info.Size()})
		}
	}
	if len(files) == 0 {
		return false, nil
	}
	fetch := func(ctx context.Context, j *job) error { return j.copyFiles(ctx, files) }
	return true, c.about(c.options.run(ctx, fetch, Redact(c.uri), dst))
}

// besideFolders has the files of a folder that lie in no folder below it.
type besideFolders struct{ bucket.Folder }

// List implements [transfer.Store].
func (b besideFolders) List(ctx context.Context) ([]transfer.Object, error) {
	all, err := b.Folder.List(ctx)
	return slices.DeleteFunc(all, func(o transfer.Object) bool { return strings.Contains(o.Name, "/") }), err
}
