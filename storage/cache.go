package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/storage/transfer"
)

// cache keeps files by the SHA-256 of their content, for several runs on one
// machine, and what the versions of objects are by that digest:
//
//	sha256/DIGEST   the content
//	index/HASH      the digest of an object that its store gives no SHA-256
//	locks/HASH      held while a URI is fetched
//
// Files are hard links of those in the models' folders where that is possible.
// So that a change through one of them shows, they all have one fixed time.
type cache struct{ dir string }

// untouched is the time of files in the cache.
func untouched() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// named is a store with a name. Its name, an object's key and the object's version
// together identify the content of the object.
type named interface{ ID() string }

// lockPause is the wait before a lock is tried again.
const lockPause = 200 * time.Millisecond

// lockCache waits until no other run fetches the same URI: what that brings,
// this one finds.
func (j *job) lockCache(ctx context.Context) (unlock func(), err error) {
	if j.Cache == "" {
		return func() {}, nil
	}
	path := filepath.Join(j.Cache, "locks", hash(j.uri))
	if err := os.MkdirAll(path, dirMode); err != nil {
		return nil, fmt.Errorf("making the cache folder: %w", err)
	}
	for {
		held, err := lock(path)
		if err == nil {
			return func() { _ = held.Close() }, nil
		}
		if !isHeld(err) {
			return func() {}, nil // No locks here: both will fetch.
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockPause):
		}
	}
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// fromCache puts what the cache has into dir; rest is what is to be fetched.
func (j *job) fromCache(ctx context.Context, s transfer.Store, objects []transfer.Object, dir string) (rest []transfer.Object, kept []transfer.File, err error) {
	if j.Cache == "" {
		return objects, nil, nil
	}
	c := cache{j.Cache}
	for i := range objects {
		o := &objects[i]
		digest := c.digest(s, o)
		if digest == "" || !filepath.IsLocal(filepath.FromSlash(o.Name)) {
			rest = append(rest, *o)
			continue
		}
		to := filepath.Join(dir, filepath.FromSlash(o.Name))
		found, err := c.take(ctx, digest, o.Size, to)
		if err != nil {
			return nil, nil, err
		}
		if !found {
			rest = append(rest, *o)
			continue
		}
		kept = append(kept, transfer.File{Name: o.Name, Size: o.Size, Version: o.Version, Digest: "sha256:" + digest})
		j.report(o.Size)
	}
	return rest, kept, nil
}

// toCache keeps what was fetched. A cache that has no room is none: the model
// is there.
func (j *job) toCache(ctx context.Context, s transfer.Store, objects []transfer.Object, files []transfer.File, dir string) error {
	if j.Cache == "" {
		return nil
	}
	c := cache{j.Cache}
	for i := range objects {
		if objects[i].Version == "" && known(&objects[i]) == "" {
			continue
		}
		if err := c.keep(ctx, s, &objects[i], filepath.Join(dir, filepath.FromSlash(files[i].Name))); err != nil {
			return fmt.Errorf("writing to the cache: %w", err)
		}
	}
	return nil
}

// known is the SHA-256 that the store gives.
func known(o *transfer.Object) string {
	for _, s := range o.Sums {
		if s.Algorithm == transfer.SHA256 {
			return hex.EncodeToString(s.Value)
		}
	}
	return ""
}

func (c cache) content(digest string) string { return filepath.Join(c.dir, "sha256", digest) }

// index is the file that has the digest of an object; empty for objects
// whose content has no identity that the store gives.
func (c cache) index(s transfer.Store, o *transfer.Object) string {
	n, ok := s.(named)
	if !ok || o.Version == "" {
		return ""
	}
	return filepath.Join(c.dir, "index", hash(fmt.Sprintf("%s\n%s\n%s\n%d", n.ID(), o.Key, o.Version, o.Size)))
}

func (c cache) digest(s transfer.Store, o *transfer.Object) string {
	if digest := known(o); digest != "" {
		return digest
	}
	if index := c.index(s, o); index != "" {
		if text, err := os.ReadFile(index); err == nil && len(text) == 2*sha256.Size && !strings.ContainsAny(string(text), "/.") {
			return string(text)
		}
	}
	return ""
}

// take puts the content of a digest to a path, if it is there and whole.
func (c cache) take(ctx context.Context, digest string, size int64, to string) (found bool, err error) {
	from := c.content(digest)
	info, err := os.Stat(from)
	if err != nil || info.Size() != size {
		return false, nil
	}
	if !info.ModTime().Equal(untouched()) {
		// Somebody has written to it, or it was never finished.
		now, err := digestOf(ctx, from)
		if err != nil || now != digest {
			_ = os.Remove(from)
			return false, ctx.Err()
		}
		if err := os.Chtimes(from, untouched(), untouched()); err != nil {
			return false, nil
		}
	}
	if err := os.MkdirAll(filepath.Dir(to), dirMode); err != nil {
		return false, err
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if os.Link(from, to) == nil {
		return true, nil
	}
	return true, copyWhole(ctx, from, to)
}

// keep makes the file at path the content of its digest.
func (c cache) keep(ctx context.Context, s transfer.Store, o *transfer.Object, path string) error {
	digest := known(o)
	if digest == "" {
		var err error
		if digest, err = digestOf(ctx, path); err != nil {
			return err
		}
	}
	for _, dir := range []string{"sha256", "index"} {
		if err := os.MkdirAll(filepath.Join(c.dir, dir), dirMode); err != nil {
			return err
		}
	}
	if err := c.put(ctx, path, c.content(digest)); err != nil {
		return err
	}
	if index := c.index(s, o); index != "" && known(o) == "" {
		return c.write(index, func(f *os.File) error {
			_, err := f.WriteString(digest)
			return err
		})
	}
	return nil
}

// put links or copies a file into the cache, unless it is there.
func (c cache) put(ctx context.Context, path, to string) error {
	if err := os.Chmod(path, 0o444); err != nil {
		return err
	}
	if err := os.Chtimes(path, untouched(), untouched()); err != nil {
		return err
	}
	err := os.Link(path, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return c.write(to, func(f *os.File) error {
		if err := copyTo(ctx, f, path); err != nil {
			return err
		}
		return errors.Join(f.Chmod(0o444), os.Chtimes(f.Name(), untouched(), untouched()))
	})
}

// write makes a file that is complete as soon as it is there.
func (c cache) write(path string, write func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func digestOf(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, &counted{ctx: ctx, r: f, count: func(int) error { return nil }}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func copyWhole(ctx context.Context, from, to string) error {
	return writeFile(to, func(f *os.File) error { return copyTo(ctx, f, from) })
}

func copyTo(ctx context.Context, to *os.File, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return copyChunks(ctx, to, f, func(int64) error { return nil })
}
