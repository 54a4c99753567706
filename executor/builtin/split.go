package builtin

import (
	"context"
	"math"
)

// Split shares requests between arms, such as the children of a router. Of
// requests that name a user, all of one user go to the same arm.
type Split struct {
	arms []share
}

// share is an arm, by a hash of its name, and its part of the requests.
type share struct {
	name   uint64
	weight float64
}

// NewSplit makes a split by weights, of their sum, which is above 0. Owner is the
// node that splits: nodes that share users draw for themselves, by their names.
func NewSplit(owner string, names []string, weights []float64) *Split {
	s := &Split{}
	for i, weight := range shares(weights) {
		s.arms = append(s.arms, share{hash(owner + "\x00" + names[i]), weight})
	}
	return s
}

// At is the arm of a number from [0, 1).
func (s *Split) At(draw float64) int {
	for i, a := range s.arms {
		if draw < a.weight {
			return i
		}
		draw -= a.weight
	}
	return s.last()
}

// last is the last arm that gets anything, which rounding is left to.
func (s *Split) last() int {
	for i := len(s.arms) - 1; i > 0; i-- {
		if s.arms[i].weight > 0 {
			return i
		}
	}
	return 0
}

// Of is the arm of a user: each arm draws a number by the hash of both names, and
// the best one gets the user. An arm that is added wins its share from each of the
// others, and nobody else moves (D. G. Thaler, C. V. Ravishankar, Using name-based
// mappings to increase hit rates, 1998; with weights J. Resch, 2015).
func (s *Split) Of(user string) int {
	best, most := s.last(), math.Inf(-1)
	h := hash(user)
	for i, a := range s.arms {
		if a.weight == 0 {
			continue
		}
		// From (0, 1): half a step away from both ends.
		draw := (float64(mixed(h^mixed(a.name))>>11) + 0.5) / (1 << 53)
		if score := -a.weight / math.Log(draw); score > most {
			best, most = i, score
		}
	}
	return best
}

// Sticky says what names a user; empty: nothing does.
type Sticky struct {
	// Header is a header over REST, or a key of the metadata over gRPC. Key is a
	// name in the message, see [Message.Key], and counts where no header does.
	Header, Key string
}

// User is who a request is of; empty: it does not say.
func (s Sticky) User(ctx context.Context, m Message) (string, error) {
	if s.Header != "" {
		if user := m.Header(ctx, s.Header); user != "" {
			return user, nil
		}
	}
	if s.Key == "" {
		return "", nil
	}
	return m.Key(s.Key)
}

// hash is FNV-1a of 64 bits.
func hash(text string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * prime
	}
	return h
}

// mixed spreads each bit over all (the finalizer of splitmix64: G. L. Steele, D.
// Lea, C. H. Flood, Fast splittable pseudorandom number generators, 2014).
func mixed(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
