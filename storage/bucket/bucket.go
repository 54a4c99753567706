// Package bucket is what object stores have in common: objects whose keys begin
// alike are a folder.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/prime-radiant/radiant/storage/transfer"
)

// maxObjects bounds a listing, so that a wrong prefix does not exhaust memory.
const maxObjects = 1_000_000

// Bucket is what differs between object stores.
type Bucket interface {
	// Each calls found for each object whose key begins with prefix, in any
	// order, without a name.
	Each(ctx context.Context, prefix string, found func(transfer.Object) error) error
	// Stat describes one object, without a name.
	Stat(ctx context.Context, key string) (transfer.Object, error)
	// Open is that of [transfer.Store].
	Open(ctx context.Context, o *transfer.Object, offset, length int64) (*transfer.Body, error)
}

// Shelf is a bucket that lists the folders at a prefix without the objects in them.
type Shelf interface {
	// Folders calls found for the beginning, up to the next slash, of keys that begin
	// with prefix: once for each.
	Folders(ctx context.Context, prefix string, found func(key string) error) error
}

// Folder is the store of what a path names in a bucket: all objects below it,
// or the one object of that key.
type Folder struct {
	Bucket
	Path string
}

// Split cuts "bucket/path".
func Split(text string) (bucket, path string, err error) {
	bucket, path, _ = strings.Cut(text, "/")
	if bucket == "" {
		return "", "", transfer.Permanent(errors.New("the URI names no bucket"))
	}
	return bucket, strings.TrimLeft(path, "/"), nil
}

// prefix is how the keys of objects below the path begin.
func (f Folder) prefix() string {
	if f.Path != "" && !strings.HasSuffix(f.Path, "/") {
		return f.Path + "/"
	}
	return f.Path
}

// Folders are the names of the folders right below the path, by a request whose answer
// has a line for each and none for the objects in them; none is no error.
func (f Folder) Folders(ctx context.Context) (names []string, err error) {
	shelf, ok := f.Bucket.(Shelf)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	prefix := f.prefix()
	err = shelf.Folders(ctx, prefix, func(key string) error {
		if name := strings.Trim(strings.TrimPrefix(key, prefix), "/"); name != "" {
			names = append(names, name)
		}
		if len(names) > maxObjects {
			return transfer.Permanent(fmt.Errorf("there are more than %d folders", maxObjects))
		}
		return nil
	})
	return names, err
}

// Below is the folder of that name right below the path.
func (f Folder) Below(name string) Folder { return Folder{f.Bucket, f.prefix() + name} }

// List is that of [transfer.Store]. Names are relative to the path; one object
// has the last part of its key.
func (f Folder) List(ctx context.Context) ([]transfer.Object, error) {
	prefix := f.prefix()
	var objects []transfer.Object
	err := f.Each(ctx, prefix, func(o transfer.Object) error {
		o.Name = strings.TrimPrefix(o.Key, prefix)
		// Keys that end in a slash are how some tools write an empty folder.
		if o.Name == "" || strings.HasSuffix(o.Name, "/") {
			return nil
		}
		if len(objects) == maxObjects {
			return transfer.Permanent(fmt.Errorf("there are more than %d objects", maxObjects))
		}
		objects = append(objects, o)
		return nil
	})
	if len(objects) > 0 && err == nil {
		return objects, nil
	}
	// Who may read an object may not always list the bucket.
	if err != nil && !errors.Is(err, transfer.ErrDenied) || f.Path == "" || strings.HasSuffix(f.Path, "/") {
		return nil, orNothing(err)
	}
	o, statErr := f.Stat(ctx, f.Path)
	switch {
	case statErr == nil:
		o.Name = path.Base(f.Path)
		return []transfer.Object{o}, nil
	case err != nil:
		return nil, err
	case errors.Is(statErr, transfer.ErrNotFound):
		return nil, orNothing(nil)
	}
	return nil, statErr
}

func orNothing(err error) error {
	if err == nil {
		return transfer.NotFound(errors.New("there is nothing at this path: no object of this name, and none below it"))
	}
	return err
}

// Sums asks a bucket that is a [transfer.Summer].
func (f Folder) Sums(ctx context.Context, o *transfer.Object) ([]transfer.Sum, error) {
	if s, ok := f.Bucket.(transfer.Summer); ok {
		return s.Sums(ctx, o)
	}
	return nil, nil
}

// ID is that of the bucket.
func (f Folder) ID() string {
	if n, ok := f.Bucket.(interface{ ID() string }); ok {
		return n.ID()
	}
	return ""
}
