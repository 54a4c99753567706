package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	// Model servers often run as another user than the one who fetches.
	dirMode  = 0o755
	fileMode = 0o644

	tempPattern = ".fetching-*"
)

// fill runs write on an empty folder beside or inside of dst, and moves what
// it wrote to dst when it succeeded.
func fill(dst string, write func(dir, scratch string) error) error {
	dst, err := filepath.Abs(dst)
	if err != nil {
		return err
	}
	info, err := os.Stat(dst)
	exists := err == nil
	switch {
	case exists && !info.IsDir():
		return fmt.Errorf("%s is not a folder", dst)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(dst)
	if exists {
		// A mounted folder cannot be replaced, and its parent may lie on
		// another file system.
		parent = dst
		if err := removeStale(dst); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(parent, dirMode); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(parent, tempPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	dir, scratch := filepath.Join(temp, "files"), filepath.Join(temp, "scratch")
	for _, d := range []string{dir, scratch} {
		if err := os.Mkdir(d, dirMode); err != nil {
			return err
		}
	}
	if err := write(dir, scratch); err != nil {
		return err
	}
	if exists {
		return merge(dir, dst)
	}
	return os.Rename(dir, dst)
}

// removeStale removes what a fetch into dst left that was killed.
func removeStale(dst string) error {
	stale, err := filepath.Glob(filepath.Join(dst, tempPattern))
	if err != nil {
		return err
	}
	for _, dir := range stale {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// merge moves the entries of dir into dst. A folder on both sides is merged,
// everything else replaced.
func merge(dir, dst string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		from, to := filepath.Join(dir, e.Name()), filepath.Join(dst, e.Name())
		there, err := os.Lstat(to)
		if err == nil && e.IsDir() && there.IsDir() {
			if err := merge(from, to); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			if err := os.RemoveAll(to); err != nil {
				return err
			}
		}
		if err := os.Rename(from, to); err != nil {
			return err
		}
	}
	return nil
}
