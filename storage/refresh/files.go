package refresh

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/storage/transfer"
)

// Files is the kind of models that their server finds by one file: its name fits one of
// these patterns, as [path.Match] knows them.
type Files []string

// IsModel implements [Kind].
func (k Files) IsModel(files []transfer.Object) bool {
	return slices.ContainsFunc(files, func(f transfer.Object) bool {
		return slices.ContainsFunc(k, func(pattern string) bool {
			fits, err := path.Match(pattern, f.Name)
			return fits && err == nil
		})
	})
}

// Missing implements [Kind].
func (k Files) Missing(files []transfer.Object) error {
	if !k.IsModel(files) {
		return fmt.Errorf("it has none of the files %s", strings.Join(k, ", "))
	}
	return nil
}

// Complete implements [Kind]. What else a model needs, such as weights in files of their
// own, its server finds out.
func (Files) Complete(string, int64) error { return nil }

// Given implements [Kind].
func (Files) Given(dir string) []transfer.Object { return filesIn(dir) }
