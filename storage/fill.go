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
	// filesDir is the part of a temporary folder that becomes the model.
	filesDir = "files"
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
	}
	if err := os.MkdirAll(parent, dirMode); err != nil {
		return err
	}
	if err := removeStale(parent); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(parent, tempPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if held, err := lock(temp); err == nil {
		defer held.Close()
	}
	// Not before the lock is held: see removeStale.
	dir, scratch := filepath.Join(temp, filesDir), filepath.Join(temp, "scratch")
	for _, d := range []string{dir, scratch} {
		if err := os.Mkdir(d, dirMode); err != nil {
			return err
		}
	}
	if err := write(dir, scratch); err != nil {
		return err
	}
	if !exists {
		err := os.Rename(dir, dst)
		if info, e := os.Stat(dst); err == nil || e != nil || !info.IsDir() {
			return err
		}
		// Another fetch was faster.
	}
	return merge(dir, dst)
}

// removeStale removes what fetches into a folder left that were killed: those
// of a running process are locked.
func removeStale(parent string) error {
	stale, err := filepath.Glob(filepath.Join(parent, tempPattern, filesDir))
	if err != nil {
		return err
	}
	for _, files := range stale {
		dir := filepath.Dir(files)
		held, err := lock(dir)
		if err != nil {
			continue
		}
		err = os.RemoveAll(dir)
		_ = held.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// merge moves the entries of dir into dst. A folder on both sides is merged,
// everything else replaced: a file by a file at one blow.
func merge(dir, dst string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		from, to := filepath.Join(dir, e.Name()), filepath.Join(dst, e.Name())
		if os.Rename(from, to) == nil {
			continue
		}
		there, err := os.Lstat(to)
		if err == nil && e.IsDir() && there.IsDir() {
			err = merge(from, to)
		} else {
			err = errors.Join(os.RemoveAll(to), os.Rename(from, to))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
