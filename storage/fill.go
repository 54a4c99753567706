package storage

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// Model servers often run as another user than the one who fetches.
	dirMode  = 0o755
	fileMode = 0o644

	tempPrefix = ".fetching-"
	// filesDir is the part of a temporary folder that becomes the model.
	filesDir = "files"
)

// fill runs write on a folder beside or inside of dst, and moves what it wrote
// to dst when it succeeded and its result is wanted. The folder is empty, or
// has what an earlier run for the same URI left.
func fill(dst, uri string, write func(dir, scratch string) (wanted bool, err error)) error {
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
	t, err := openTemp(parent, dst, uri)
	if err != nil {
		return err
	}
	defer t.close()
	if err := t.removeStale(exists); err != nil {
		return err
	}
	wanted, err := write(t.files(), t.scratch())
	if err != nil {
		t.keep = t.mine && isResumable(t.scratch(), err)
		return err
	}
	if !wanted {
		return nil
	}
	if !exists {
		err := os.Rename(t.files(), dst)
		if info, e := os.Stat(dst); err == nil || e != nil || !info.IsDir() {
			return err
		}
		// Another fetch was faster.
	}
	return merge(t.files(), dst)
}

// temp is a temporary folder.
type temp struct {
	parent, dir string
	// prefix begins the names of all folders for one destination.
	prefix string
	// mine is true where the folder has the name that a later run looks for.
	mine, keep bool
	held       *os.File
}

func (t *temp) files() string   { return filepath.Join(t.dir, filesDir) }
func (t *temp) scratch() string { return filepath.Join(t.dir, "scratch") }

// openTemp takes the folder of this destination and URI, or, where another
// fetch has it or the file system has no locks, a new one.
func openTemp(parent, dst, uri string) (*temp, error) {
	t := &temp{parent: parent, prefix: partialPrefix(dst)}
	t.dir = filepath.Join(parent, t.prefix+shortHash(uri))
	if err := os.Mkdir(t.dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	t.held, t.mine = lockSame(t.dir)
	if !t.mine {
		var err error
		if t.dir, err = os.MkdirTemp(parent, t.prefix+"*"); err != nil {
			return nil, err
		}
		if err := os.Chmod(t.dir, dirMode); err != nil {
			return nil, err
		}
		t.held, _ = lockSame(t.dir)
	}
	// Not before the lock is held: see removeStale.
	for _, d := range []string{t.files(), t.scratch()} {
		if err := os.Mkdir(d, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, errors.Join(err, os.RemoveAll(t.dir))
		}
	}
	return t, nil
}

// lockSame locks a folder, unless another process has it, or has removed it
// in the meantime.
func lockSame(dir string) (*os.File, bool) {
	held, err := lock(dir)
	if err != nil {
		return nil, false
	}
	locked, err := held.Stat()
	now, e := os.Stat(dir)
	if err != nil || e != nil || !os.SameFile(locked, now) {
		_ = held.Close()
		return nil, false
	}
	return held, true
}

// Hold takes a folder for this process, until it is released or the process ends. The
// error is that another one has it, as far as its file system tells.
func Hold(dir string) (release func(), err error) {
	f, err := lock(dir)
	switch {
	case isHeld(err):
		return nil, fmt.Errorf("another program brings versions into %s: each needs a folder of its own", dir)
	case err != nil:
		return func() {}, nil //nolint:nilerr // There are file systems without locks.
	}
	return func() { _ = f.Close() }, nil
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

func (t *temp) close() {
	if !t.keep {
		_ = os.RemoveAll(t.dir)
	}
	if t.held != nil {
		_ = t.held.Close()
	}
}

// removeStale removes what other fetches left that were killed: those of a
// running process are locked. Beside dst there may be parts of other models.
func (t *temp) removeStale(inside bool) error {
	stale, err := filepath.Glob(filepath.Join(t.parent, tempPrefix+"*", filesDir))
	if err != nil {
		return err
	}
	for _, files := range stale {
		dir := filepath.Dir(files)
		if dir == t.dir || !inside && !strings.HasPrefix(filepath.Base(dir), t.prefix) {
			continue
		}
		if err := removeUnlocked(dir); err != nil {
			return err
		}
	}
	return nil
}

// merge moves the entries of dir into dst, the manifest last. A folder on both
// sides is merged, everything else replaced: a file by a file at one blow.
func merge(dir, dst string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != ManifestName {
			err = errors.Join(err, mergeEntry(dir, dst, e))
		}
	}
	for _, e := range entries {
		if e.Name() == ManifestName && err == nil {
			err = mergeEntry(dir, dst, e)
		}
	}
	return err
}

func mergeEntry(dir, dst string, e fs.DirEntry) error {
	from, to := filepath.Join(dir, e.Name()), filepath.Join(dst, e.Name())
	if os.Rename(from, to) == nil {
		return nil
	}
	there, err := os.Lstat(to)
	if err == nil && e.IsDir() && there.IsDir() {
		return merge(from, to)
	}
	return errors.Join(os.RemoveAll(to), os.Rename(from, to))
}
