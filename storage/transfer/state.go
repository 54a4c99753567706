package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// State is what a store has now that has one state of a model at a time: a file of a web
// server, what a tag or a revision names.
type State struct {
	// Token tells it from other states, as the store does: by an ETag, a digest, a
	// commit.
	Token string
	// Mark tells what is in it from what is in other states, as far as that is known
	// without a fetch. States with other tokens may have the same.
	Mark string
	// Time is since when there is this state, by the clock of who made it; zero: nobody
	// says.
	Time time.Time
	// Bytes is how large it is, packed or not; negative: nobody says.
	Bytes int64
}

// Stateful is a store that tells its state by a small request.
type Stateful interface {
	// State is what the store has now. Where that is last, a few hundred bytes tell.
	State(ctx context.Context, last State) (State, error)
}

// Signature tells two lists of objects apart, whatever their order is.
func Signature(objects []Object) string {
	sorted := slices.SortedFunc(slices.Values(objects), func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
	sum := sha256.New()
	for _, o := range sorted {
		fmt.Fprintf(sum, "%q %d %q\n", o.Name, o.Size, o.Version)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// Total is how many bytes objects have; negative: of one nobody says.
func Total(objects []Object) (bytes int64) {
	for _, o := range objects {
		if o.Size < 0 {
			return -1
		}
		bytes += o.Size
	}
	return bytes
}
