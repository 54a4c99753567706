package refresh

import "github.com/prime-radiant/radiant/storage/transfer"

// Triton is the kind of models that Triton loads: what their files are called, and in which
// folders they lie, is up to the backend.
type Triton struct{ Any }

// IsModel implements [Kind].
func (Triton) IsModel(files []transfer.Object) bool { return len(files) > 0 }
