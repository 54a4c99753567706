package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Look finds what is wrong with a URI as far as that is known without a
// fetch: a scheme that [Fetch] does not know, a path that does not exist, a
// folder without files. For a path it returns the names of the files that
// Fetch would bring, with slashes; known is false where only a fetch can tell,
// as for an archive or a web server. Of o, Base and Lookup are used.
func Look(uri string, o Options) (names []string, known bool, err error) {
	scheme := schemeOf(uri, o.Base)
	if _, err := o.fetcher(uri); err != nil {
		return nil, false, err
	}
	if scheme != "" && scheme != "file" {
		return nil, false, nil
	}
	path, err := localPath(uri)
	if err != nil {
		return nil, false, err
	}
	path = absolute(path, o.Base)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, missing(path)
	case err != nil:
		return nil, false, err
	case !info.IsDir():
		return []string{filepath.Base(path)}, !isArchive(path), nil
	}
	var l lister
	if err := l.list(path, ".", nil); err != nil {
		return nil, false, err
	}
	if len(l.files) == 0 {
		return nil, false, fmt.Errorf("folder %s has no files", path)
	}
	for _, f := range l.files {
		names = append(names, filepath.ToSlash(f.name))
	}
	return names, true, nil
}
