package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// fetchPath copies a folder or a file of this machine.
func fetchPath(ctx context.Context, j *job) error {
	path, err := localPath(j.uri)
	if err != nil {
		return err
	}
	return j.copyPath(ctx, absolute(path, j.Base))
}

// fetchClaim copies from a volume claim, where a cluster has mounted it.
func fetchClaim(ctx context.Context, j *job) error {
	claim, path, _ := strings.Cut(strings.TrimLeft(j.uri[len("pvc:"):], "/"), "/")
	if _, err := os.Stat(claimDir); err != nil {
		return fmt.Errorf("volume claim %s exists in a cluster only, where it is mounted at %s", claim, claimDir)
	}
	if !filepath.IsLocal("./" + path) {
		return fmt.Errorf("path %s leads out of volume claim %s", path, claim)
	}
	return j.copyPath(ctx, filepath.Join(claimDir, filepath.FromSlash(path)))
}

// copyPath copies a folder, a file, or what an archive has.
func (j *job) copyPath(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return missing(path)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is neither a file nor a folder", path)
	}
	if !info.IsDir() {
		if isArchive(path) {
			j.files = []transfer.File{{Name: filepath.Base(path), Size: info.Size()}}
			return unpack(ctx, path, j)
		}
		return j.copyFiles(ctx, []file{{path, filepath.Base(path), info.Size()}})
	}
	var l lister
	if err := l.list(path, ".", nil); err != nil {
		return err
	}
	if len(l.files) == 0 {
		return fmt.Errorf("folder %s has no files", path)
	}
	return j.copyFiles(ctx, l.files)
}

// missing says which part of a path is the first that is not there.
func missing(path string) error {
	for parent := filepath.Dir(path); ; parent = filepath.Dir(parent) {
		if _, err := os.Stat(parent); err == nil || parent == filepath.Dir(parent) {
			if parent == filepath.Dir(path) {
				return fmt.Errorf("%s does not exist", path)
			}
			return fmt.Errorf("%s does not exist (of its path, %s does)", path, parent)
		}
	}
}

// localPath is the path in file:///path, file://relative/path, or uri itself.
func localPath(uri string) (string, error) {
	if len(uri) < 5 || !strings.EqualFold(uri[:5], "file:") {
		return uri, nil
	}
	// A name may hold what has a meaning in a URI, such as "#", unescaped.
	if path := strings.TrimPrefix(uri[5:], "//"); filepath.IsAbs(path) {
		if _, err := os.Lstat(path); err == nil {
			return path, nil
		}
	}
	u, err := url.Parse(uri)
	if err != nil {
		return "", access.Failure(err)
	}
	path := u.Opaque + u.Path
	if u.Host != "" && u.Host != "localhost" {
		path = u.Host + path
	}
	if path == "" {
		return "", errors.New("the URI names no path")
	}
	return filepath.FromSlash(path), nil
}

// file is one file to copy: from path to name below the target.
type file struct {
	path, name string
	size       int64
}

type lister struct{ files []file }

// list collects all files below path. Links are followed: model caches keep
// their files as links into a store. above are the folders on the way down.
func (l *lister) list(path, name string, above []string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if slices.Contains(above, real) {
		return fmt.Errorf("%s leads back to %s", path, real)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path, name := filepath.Join(path, e.Name()), filepath.Join(name, e.Name())
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return err
		case info.IsDir():
			if err := l.list(path, name, append(above, real)); err != nil {
				return err
			}
		case info.Mode().IsRegular():
			l.files = append(l.files, file{path, name, info.Size()})
		}
	}
	return nil
}

func (j *job) copyFiles(ctx context.Context, files []file) error {
	for _, f := range files {
		j.total += f.size
	}
	if j.total > j.MaxBytes {
		return tooLarge(j.MaxBytes)
	}
	for _, f := range files {
		if err := j.copyFile(ctx, f); err != nil {
			return err
		}
		j.files = append(j.files, transfer.File{Name: filepath.ToSlash(f.name), Size: f.size})
	}
	return nil
}

func (j *job) copyFile(ctx context.Context, f file) error {
	from, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer from.Close()
	path := filepath.Join(j.dir, f.name)
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return err
	}
	return writeFile(path, func(to *os.File) error {
		return copyChunks(ctx, to, from, func(n int64) error { return j.add(int(n)) })
	})
}

// copyChunks copies in large pieces between two files, so that the kernel
// copies, or shares the blocks where the file system can.
func copyChunks(ctx context.Context, to, from *os.File, count func(int64) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(to, from, copyChunk)
		if e := count(n); e != nil {
			return e
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

const copyChunk = 16 << 20

// writeFile writes a new file. A failed Close is an error too: it is where a
// full disk may show.
func writeFile(path string, write func(*os.File) error) error {
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	return errors.Join(write(to), to.Close())
}

// counted is a reader that counts the bytes that pass, and stops when ctx ends.
type counted struct {
	ctx   context.Context
	r     io.Reader
	count func(n int) error
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	if n > 0 {
		if e := c.count(n); e != nil {
			return 0, e
		}
	}
	return n, err
}
