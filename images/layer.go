package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// file is one file or, with a mode of fs.ModeDir, a folder of a layer.
type file struct {
	path    string
	mode    fs.FileMode
	content []byte
}

// pack writes a tar archive of files and the folders around them, which all
// belong to root, so that the program cannot change itself. Files of one list
// give one sequence of bytes.
func pack(files []file, at time.Time) ([]byte, error) {
	files = slices.Clone(files)
	known := map[string]bool{}
	for _, f := range files {
		known[f.path] = true
	}
	for _, f := range slices.Clone(files) {
		for dir := path.Dir(f.path); dir != "." && !known[dir]; dir = path.Dir(dir) {
			known[dir] = true
			files = append(files, file{path: dir, mode: fs.ModeDir | 0o755})
		}
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.path, b.path) })
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: f.path, Mode: tarMode(f.mode), Size: int64(len(f.content)), ModTime: at, Format: tar.FormatPAX,
		}
		if f.mode.IsDir() {
			header.Typeflag, header.Name = tar.TypeDir, strings.TrimSuffix(f.path, "/")+"/"
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("packing %s: %w", f.path, err)
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, fmt.Errorf("packing %s: %w", f.path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	return out.Bytes(), nil
}

// sticky is the bit of /tmp in a tar header.
const sticky = 0o1000

func tarMode(m fs.FileMode) int64 {
	mode := int64(m.Perm())
	if m&fs.ModeSticky != 0 {
		mode |= sticky
	}
	return mode
}
