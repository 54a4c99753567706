package refresh

import (
	"errors"

	"github.com/prime-radiant/radiant/storage/transfer"
)

// Triton is the kind of models that Triton loads: what their files are called is up to
// the backend, so that of a version there has to be one at least.
type Triton struct{}

// IsModel implements [Kind].
func (Triton) IsModel(files []transfer.Object) bool { return len(files) > 0 }

// Missing implements [Kind].
func (k Triton) Missing(files []transfer.Object) error {
	if !k.IsModel(files) {
		return errors.New("it has no files")
	}
	return nil
}

// Complete implements [Kind].
func (Triton) Complete(string, int64) error { return nil }

// Given implements [Kind].
func (Triton) Given(dir string) []transfer.Object { return filesIn(dir) }
