package storage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// partialPrefix begins the names of the temporary folders of fetches to a place.
func partialPrefix(dst string) string { return tempPrefix + shortHash(dst) + "-" }

// remains is what fetches that broke off have left, of whoever looks at a store again and
// again.
type remains struct{}

// PartialSize is how many bytes on the disk a fetch to dst has left, which did not exist,
// for the next one to continue.
func (remains) PartialSize(dst string) (bytes int64) {
	dst, err := filepath.Abs(dst)
	if err != nil {
		return 0
	}
	for _, dir := range partials(filepath.Dir(dst), partialPrefix(dst)) {
		_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				if info, err := e.Info(); err == nil {
					bytes += min(info.Size(), onDisk(info))
				}
			}
			return nil //nolint:nilerr // What goes away while it is looked at has no size.
		})
	}
	return bytes
}

// RemovePartials removes what fetches to places in the folder dir have left there, but
// for those to the places to keep, and those that a process is at.
func (remains) RemovePartials(dir string, keep ...string) error {
	var prefixes []string
	for _, dst := range keep {
		dst, err := filepath.Abs(dst)
		if err != nil {
			return err
		}
		prefixes = append(prefixes, partialPrefix(dst))
	}
	var errs []error
	for _, path := range partials(dir, tempPrefix) {
		name := filepath.Base(path)
		if !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			errs = append(errs, removeUnlocked(path))
		}
	}
	return errors.Join(errs...)
}

// partials are the temporary folders in dir whose names begin so.
func partials(dir, prefix string) (all []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), prefix) {
			all = append(all, filepath.Join(dir, e.Name()))
		}
	}
	return all
}

// removeUnlocked removes a temporary folder, unless a process is at it.
func removeUnlocked(dir string) error {
	held, err := lock(dir)
	if err != nil {
		return nil //nolint:nilerr // Somebody has it.
	}
	err = os.RemoveAll(dir)
	_ = held.Close()
	return err
}
