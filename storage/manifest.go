package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/prime-radiant/radiant/storage/transfer"
)

// ManifestName is the file in a model's folder that says what was fetched. Its
// name begins with a dot and it is no folder: model servers look for folders,
// and for files of names that they know.
const ManifestName = ".radiant-model.json"

// Manifest says what was fetched into a folder.
type Manifest struct {
	Sources []Source `json:"sources"`
}

// Source is one URI that was fetched.
type Source struct {
	// URI carries no credentials.
	URI   string          `json:"uri"`
	Files []transfer.File `json:"files"`
}

// readManifest is empty where there is none, or none that can be read.
func readManifest(dir string) (m Manifest) {
	text, err := os.ReadFile(filepath.Join(dir, ManifestName))
	if err != nil || json.Unmarshal(text, &m) != nil {
		return Manifest{}
	}
	return m
}

// writeManifest adds to what the destination has of other URIs.
func (j *job) writeManifest() error {
	uri := Redact(j.uri)
	m := readManifest(j.dst)
	m.Sources = slices.DeleteFunc(m.Sources, func(s Source) bool { return s.URI == uri })
	m.Sources = append(m.Sources, Source{URI: uri, Files: j.files})
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(j.dir, ManifestName)
	// The model may have brought one, from a folder that was fetched.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), fileMode); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	return nil
}

// isThere reports whether an earlier fetch has brought just these objects, and
// nobody has touched them since. Archives are not looked into.
func (j *job) isThere(objects []transfer.Object) bool {
	manifest, err := os.Stat(filepath.Join(j.dst, ManifestName))
	if err != nil {
		return false
	}
	files := map[string]transfer.File{}
	for _, s := range readManifest(j.dst).Sources {
		if s.URI == Redact(j.uri) {
			for _, f := range s.Files {
				files[f.Name] = f
			}
		}
	}
	var found []transfer.File
	for _, o := range objects {
		f, ok := files[o.Name]
		if !ok || o.Version == "" || f.Version != o.Version || f.Size != o.Size || o.Archive != "" {
			return false
		}
		info, err := os.Lstat(filepath.Join(j.dst, filepath.FromSlash(o.Name)))
		if err != nil || !info.Mode().IsRegular() || info.Size() != o.Size || info.ModTime().After(manifest.ModTime()) {
			return false
		}
		found = append(found, f)
	}
	if len(files) != len(objects) {
		return false
	}
	j.files = found
	return true
}
