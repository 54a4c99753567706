package builtin

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/prime-radiant/radiant/graph"
)

// abTest sends a share of the requests to each child. Of requests that name a
// user, all of one user go to the same child.
type abTest struct {
	arms []share
	// header and key name what says who the user is; empty: nothing does.
	header, key string
	random      Random
}

// share is a child, by a hash of its name, and its part of the requests.
type share struct {
	name   uint64
	weight float64
}

func newABTest(s *graph.Step, w *World) (Node, error) {
	weights, err := abWeights(s)
	if err != nil {
		return nil, err
	}
	t := &abTest{header: s.Node.Setting("stickyHeader"), key: s.Node.Setting("stickyKey"), random: w.Random}
	for i, weight := range shares(weights) {
		// Routers that share users draw for themselves, by their names.
		t.arms = append(t.arms, share{hash(s.Name + "\x00" + s.Node.Children[i].Name), weight})
	}
	return t, nil
}

// abWeights are those of the children: what weights says, or else ratioA (0.5)
// for child 0 and the rest for child 1. Children beyond these get none.
func abWeights(s *graph.Step) ([]float64, error) {
	if len(s.Children) < 2 {
		return nil, fmt.Errorf("RANDOM_ABTEST has %d children: want 2", len(s.Children))
	}
	if weights := s.Node.Weights(); weights != nil {
		return weights, nil
	}
	ratio := 0.5
	if text, ok := s.Node.Parameter("ratioA"); ok {
		r, err := strconv.ParseFloat(text, 32)
		if err != nil || math.IsNaN(r) || r < 0 || r > 1 {
			return nil, fmt.Errorf("parameter ratioA is %q: want a number from 0 to 1", text)
		}
		ratio = r
	}
	return []float64{ratio, 1 - ratio}, nil
}

func (t *abTest) Route(ctx context.Context, m Message) (int, error) {
	user, err := t.user(ctx, m)
	if err != nil {
		return 0, err
	}
	if user != "" {
		return t.of(user), nil
	}
	left := t.random()
	for i, a := range t.arms {
		if left < a.weight {
			return i, nil
		}
		left -= a.weight
	}
	return t.last(), nil
}

// user is who the request is of; empty: it does not say.
func (t *abTest) user(ctx context.Context, m Message) (string, error) {
	if t.header != "" {
		if user := m.Header(ctx, t.header); user != "" {
			return user, nil
		}
	}
	if t.key == "" {
		return "", nil
	}
	return m.Key(t.key)
}

// last is the last child that gets anything, which rounding is left to.
func (t *abTest) last() int {
	for i := len(t.arms) - 1; i > 0; i-- {
		if t.arms[i].weight > 0 {
			return i
		}
	}
	return 0
}

// of is the child of a user: each child draws a number by the hash of both names,
// and the best one gets the user. A child that is added wins its share from each of
// the others, and nobody else moves (D. G. Thaler, C. V. Ravishankar, Using
// name-based mappings to increase hit rates, 1998; with weights J. Resch, 2015).
func (t *abTest) of(user string) int {
	best, most := t.last(), math.Inf(-1)
	h := hash(user)
	for i, a := range t.arms {
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
