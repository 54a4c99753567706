package storage

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/prime-radiant/radiant/storage/transfer"
)

// maxEntries bounds an archive, so that a small one cannot exhaust the
// file system.
const maxEntries = 1_000_000

// isArchive reports whether a file of that name is to be unpacked.
func isArchive(name string) bool { return unpacker(name) != nil }

func unpacker(name string) func(*unpacking, string) error {
	name = strings.ToLower(name)
	for suffix, f := range map[string]func(*unpacking, string) error{
		".tar":    (*unpacking).tarFile,
		".tar.gz": (*unpacking).gzipFile,
		".tgz":    (*unpacking).gzipFile,
		".zip":    (*unpacking).zipFile,
	} {
		if strings.HasSuffix(name, suffix) {
			return f
		}
	}
	return nil
}

// unpacking is an archive on its way into a folder that it cannot leave: root
// refuses paths that do, and links are checked when all is there.
type unpacking struct {
	ctx     context.Context
	root    *os.Root
	limit   int64
	bytes   int64
	entries int
	links   []string
}

// unpack writes the content of the archive at path to j.dir. Another try would
// find the same archive.
func unpack(ctx context.Context, path string, j *job) error {
	root, err := os.OpenRoot(j.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacking{ctx: ctx, root: root, limit: j.MaxBytes}
	err = unpacker(path)(u, path)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil && u.entries == 0:
		err = errors.New("the archive is empty")
	case err == nil:
		err = u.checkLinks()
	}
	if err != nil {
		return transfer.Permanent(fmt.Errorf("unpacking %s: %w", filepath.Base(path), err))
	}
	j.bytes = max(j.bytes, u.bytes)
	return nil
}

// checkLinks refuses links that lead out of the folder, by whatever detour:
// opening them through the root finds out.
func (u *unpacking) checkLinks() error {
	for _, name := range u.links {
		if _, err := u.root.Stat(name); err != nil {
			return fmt.Errorf("link %s leads out of the archive or nowhere: %w", name, err)
		}
	}
	return nil
}

func (u *unpacking) tarFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return u.tar(bufio.NewReaderSize(f, 1<<20))
}

func (u *unpacking) gzipFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return err
	}
	return u.tar(z)
}

func (u *unpacking) tar(r io.Reader) error {
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := u.entry(header.Name)
		if err != nil {
			return err
		}
		switch header.Typeflag {
		case tar.TypeDir:
			err = u.root.MkdirAll(name, dirMode)
		case tar.TypeReg:
			err = u.file(name, archive)
		case tar.TypeSymlink:
			err = u.link(name, header.Linkname)
		case tar.TypeLink:
			if err = u.parent(name); err == nil {
				err = u.root.Link(filepath.Clean(filepath.FromSlash(header.Linkname)), name)
			}
		case tar.TypeXGlobalHeader:
		default:
			err = fmt.Errorf("entry %s is neither a file nor a folder nor a link", header.Name)
		}
		if err != nil {
			return err
		}
	}
}

func (u *unpacking) zipFile(path string) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	for _, f := range archive.File {
		if err := u.zipEntry(f); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacking) zipEntry(f *zip.File) error {
	name, err := u.entry(f.Name)
	if err != nil {
		return err
	}
	if f.FileInfo().IsDir() {
		return u.root.MkdirAll(name, dirMode)
	}
	content, err := f.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	if f.Mode()&fs.ModeSymlink != 0 {
		target, err := io.ReadAll(io.LimitReader(content, 4096))
		if err != nil {
			return err
		}
		return u.link(name, string(target))
	}
	return u.file(name, content)
}

// entry counts an entry and returns its name if that lies inside the folder.
func (u *unpacking) entry(name string) (string, error) {
	if u.entries++; u.entries > maxEntries {
		return "", fmt.Errorf("the archive has more than %d entries", maxEntries)
	}
	local := filepath.Clean(filepath.FromSlash(name))
	if !filepath.IsLocal(local) {
		return "", fmt.Errorf("entry %q leads out of the archive", name)
	}
	return local, nil
}

func (u *unpacking) parent(name string) error {
	if dir := filepath.Dir(name); dir != "." {
		return u.root.MkdirAll(dir, dirMode)
	}
	return nil
}

func (u *unpacking) file(name string, content io.Reader) error {
	if err := u.parent(name); err != nil {
		return err
	}
	f, err := u.root.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, &counted{ctx: u.ctx, r: content, count: u.count})
	return errors.Join(err, f.Close())
}

func (u *unpacking) count(n int) error {
	if u.bytes += int64(n); u.bytes > u.limit {
		return tooLarge(u.limit)
	}
	return nil
}

func (u *unpacking) link(name, target string) error {
	if err := u.parent(name); err != nil {
		return err
	}
	u.links = append(u.links, name)
	return u.root.Symlink(target, name)
}
