package refresh

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// unfinished are the versions of which a fetch may have broken off, and is continued by
// the next look.
func (r *Refresher) unfinished() (all []version) {
	for _, v := range r.there {
		kind := r.state.of(v.number).Kind
		switch {
		case kind != "fetching" && kind != "listing":
		case r.states != nil:
			return []version{wholeState()}
		default:
			all = append(all, v)
		}
	}
	return all
}

// tidy removes what is of no use any more: parts of versions, but for what the fetches
// of those to keep have brought, and what a process left that was killed.
func (r *Refresher) tidy(keep []version) {
	var places []string
	for _, v := range keep {
		places = append(places, r.beside(v))
	}
	err := r.remains.RemovePartials(r.Dir, places...)
	entries, _ := os.ReadDir(r.Dir)
	for _, e := range entries {
		path := filepath.Join(r.Dir, e.Name())
		if strings.HasPrefix(e.Name(), hidden) && !slices.Contains(places, path) {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	if err != nil {
		r.Log.Warn("parts of versions cannot be removed", "error", err.Error())
	}
}

// contains reports whether a file has one of some texts in it; one that does not exist
// has none. The texts are shorter than what is read at once.
func contains(path string, texts ...string) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	const overlap = 64 // A text may lie across two pieces.
	buffer := make([]byte, 1<<16)
	kept := 0
	for {
		n, err := io.ReadFull(file, buffer[kept:])
		piece := buffer[:kept+n]
		for _, text := range texts {
			if bytes.Contains(piece, []byte(text)) {
				return true, nil
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		kept = copy(buffer, piece[max(0, len(piece)-overlap):])
	}
}
