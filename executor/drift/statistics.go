package drift

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/prime-radiant/radiant/reference"
)

// Statistics are the distances of a feature from its reference, and the chance of
// each to be as large or larger where nothing drifted.
type Statistics struct {
	// KS is the largest distance of the two distribution functions (A. N.
	// Kolmogorov, 1933; N. V. Smirnov, 1939). It is at most the true one, and at
	// least that less [KSError]. Words have none.
	KS, KSChance float64
	// PSI is the population stability index, sum (p - q) ln (p / q) over the tenths
	// of the reference. What is known of its chance does not hold for windows of some
	// hundred rows: that of chi-squared of the same parts stands for it.
	PSI float64
	// Chi2 is Pearson's chi-squared of the two rows of counts (K. Pearson, 1900).
	Chi2, Chi2Chance float64
}

// KSError is how much [Statistics.KS] may be below the true distance from a
// reference of so many rows: between two quantiles nothing is known of it.
func KSError(rows int64) float64 { return 1.0/reference.Steps + 1/float64(rows) }

// Compare compares counts by place, of so many rows in all, with the reference.
func (c *Column) Compare(counts []uint32, rows int) Statistics {
	t := tally{reference: c.rows, window: float64(rows)}
	var s Statistics
	if c.Numeric() {
		s.KS = c.ks(counts, float64(rows))
		s.KSChance = kolmogorov(s.KS, c.rows, float64(rows))
		c.divide(counts, &t)
	} else {
		for i, share := range c.shares {
			t.add(share, counts[i])
		}
	}
	s.PSI, s.Chi2, s.Chi2Chance = t.psi, t.chi2, beyond(t.chi2, t.parts-1)
	return s
}

// ks looks at each edge, and at what is just below it: there the reference has at
// least what it has up to the edge before, and a step more at most.
func (c *Column) ks(counts []uint32, rows float64) float64 {
	most, came, before := 0.0, 0.0, 0.0
	step := 1.0/reference.Steps + 1/c.rows
	for i, upTo := range c.upTo {
		came += float64(counts[2*i])
		below := came / rows
		if i == 0 {
			step = 0 // Nothing is below the least.
		}
		most = max(most, before-below, below-min(before+step, upTo))
		came += float64(counts[2*i+1])
		most = max(most, math.Abs(came/rows-upTo))
		before, step = upTo, 1.0/reference.Steps+1/c.rows
	}
	return most
}

// divide counts a numeric feature by parts.
func (c *Column) divide(counts []uint32, t *tally) {
	from, before := 0, 0.0
	part := func(end int, upTo float64) {
		n := uint32(0)
		for _, k := range counts[from:end] {
			n += k
		}
		t.add(upTo-before, n)
		from, before = end, upTo
	}
	for _, cut := range c.cuts {
		part(cut.place+1, cut.upTo)
	}
	part(len(counts), 1)
}

// tally adds up parts.
type tally struct {
	// reference and window are the rows of each.
	reference, window float64
	parts             int
	psi, chi2         float64
}

// add takes a part, of which the reference has a share. A part in which one of
// the two has nothing counts as half a row of PSI; one that is empty in both, for
// none.
func (t *tally) add(share float64, count uint32) {
	old, now := math.Round(share*t.reference), float64(count)
	if old+now == 0 {
		return
	}
	t.parts++
	all := (old + now) / (t.reference + t.window)
	for _, row := range [2][2]float64{{old, all * t.reference}, {now, all * t.window}} {
		t.chi2 += (row[0] - row[1]) * (row[0] - row[1]) / row[1]
	}
	p, q := max(now, .5)/t.window, max(old, .5)/t.reference
	t.psi += (p - q) * math.Log(p/q)
}

// beyond is the chance of a value of the chi-squared distribution to be larger.
func beyond(v float64, freedom int) float64 {
	if freedom < 1 {
		return 1
	}
	return distuv.ChiSquared{K: float64(freedom)}.Survival(v)
}

// kolmogorov is the chance of two samples of one distribution to be that far
// apart or further, with the correction for small samples of M. A. Stephens (Use of
// the Kolmogorov-Smirnov, Cramer-von Mises and related statistics, 1970).
func kolmogorov(distance, n, m float64) float64 {
	root := math.Sqrt(n * m / (n + m))
	x := (root + .12 + .11/root) * distance
	if x < .2 {
		return 1 // Within 1e-12.
	}
	sum, sign := 0.0, 1.0
	for k := 1.0; k <= 100; k++ {
		term := math.Exp(-2 * k * k * x * x)
		sum += sign * term
		sign = -sign
		if term < 1e-16*math.Abs(sum) {
			break
		}
	}
	return min(max(2*sum, 0), 1)
}
