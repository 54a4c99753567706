// Package drift tells whether values are distributed as those of a reference,
// feature by feature. Values are counted where they fall between the quantiles of
// the reference: such counts take little room, and those of several replicas add
// up.
package drift

import (
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"sort"
	"strconv"

	"github.com/prime-radiant/radiant/reference"
)

// Column is what is known of one feature: where its values are counted, and how
// many of the reference are there. It is not changed.
type Column struct {
	// Label names the feature.
	Label string

	// rows is how many the reference was made of.
	rows   float64
	places int

	// edges are the quantiles that differ, ascending, and upTo the shares of the
	// reference that are at most each. Place 2i holds what is below edge i and above
	// the one before, place 2i+1 what equals it.
	edges, upTo []float64
	cuts        []cut

	// words are the places of words, and shares those of the reference in each. The
	// last place holds all other words.
	words  map[string]int
	shares []float64
}

// cut is where one part of a numeric feature ends: with a place, up to which the
// reference has that share.
type cut struct {
	place int
	upTo  float64
}

// parts is how many a numeric feature is divided into by PSI and by chi-squared.
const parts = 10

// NewColumn makes the column of a feature of a reference of so many rows.
func NewColumn(label string, f *reference.Feature, rows int64) (*Column, error) {
	c := &Column{Label: label, rows: float64(rows)}
	if !f.Numeric() {
		c.words = make(map[string]int, len(f.Categories))
		for i, word := range slices.Sorted(maps.Keys(f.Categories)) {
			c.words[word] = i
			c.shares = append(c.shares, float64(f.Categories[word])/c.rows)
		}
		c.shares = append(c.shares, 0)
		c.places = len(c.shares)
		return c, nil
	}
	if len(f.Quantiles) == 0 {
		return nil, errors.New("the reference was made without quantiles")
	}
	for i, q := range f.Quantiles {
		if i > 0 && q == f.Quantiles[i-1] {
			continue
		}
		c.edges, c.upTo = append(c.edges, q), append(c.upTo, f.UpTo[i])
	}
	c.places = 2*len(c.edges) + 1
	for k := 1; k < parts; k++ {
		c.cut(f.Quantiles, k*reference.Steps/parts)
	}
	return c, nil
}

// cut ends a part with a quantile. Where that is the quantile of the step before
// or behind too, a part ends before it as well, so that what is below a value that
// is frequent is told from it.
func (c *Column) cut(quantiles []float64, at int) {
	const step = reference.Steps / parts
	i := sort.SearchFloat64s(c.edges, quantiles[at])
	add := func(place int, upTo float64) {
		if n := len(c.cuts); n == 0 || c.cuts[n-1].place < place {
			c.cuts = append(c.cuts, cut{place, upTo})
		}
	}
	if frequent := quantiles[at] == quantiles[at-step] || quantiles[at] == quantiles[at+step]; frequent && i > 0 {
		add(2*i-1, c.upTo[i-1])
	} else if frequent {
		add(0, 0)
	}
	add(2*i+1, c.upTo[i])
}

// Numeric reports whether the feature is a number.
func (c *Column) Numeric() bool { return c.words == nil }

// Place is where a number is counted.
func (c *Column) Place(v float64) int {
	// low becomes the number of edges that are at most v.
	low := 0
	for n := len(c.edges); n > 0; {
		half := (n + 1) / 2
		if c.edges[low+half-1] <= v {
			low += half
			n -= half
		} else {
			n = half - 1
		}
	}
	if low > 0 && c.edges[low-1] == v {
		return 2*low - 1
	}
	return 2 * low
}

// longestWord bounds what is looked at of a word.
const longestWord = 128

// Cut is what is looked at of a word.
func Cut(word []byte) []byte { return word[:min(len(word), longestWord)] }

// Word is where a word is counted.
func (c *Column) Word(word []byte) int {
	if place, ok := c.words[string(Cut(word))]; ok {
		return place
	}
	return c.places - 1
}

// Hash tells columns apart: counts add up only where it is the same.
func Hash(columns []*Column) string {
	h := fnv.New64a()
	for _, c := range columns {
		c.hash(h)
	}
	return strconv.FormatUint(h.Sum64(), 16)
}

func (c *Column) hash(h hash.Hash64) {
	if c == nil {
		_, _ = h.Write([]byte{0})
		return
	}
	_, _ = fmt.Fprintf(h, "%s %v %d\n", c.Label, c.rows, c.places)
	for i := range c.edges {
		_, _ = fmt.Fprintf(h, "%x %x\n", math.Float64bits(c.edges[i]), math.Float64bits(c.upTo[i]))
	}
	for _, word := range slices.Sorted(maps.Keys(c.words)) {
		_, _ = fmt.Fprintf(h, "%q %x\n", word, math.Float64bits(c.shares[c.words[word]]))
	}
}

// Places is how many places there are for the column's values.
func (c *Column) Places() int { return c.places }
