package builtin

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/reference"
)

// mahalanobis scores rows by the square of their Mahalanobis distance from the
// mean (P. C. Mahalanobis, On the generalised distance in statistics, 1936).
type mahalanobis struct {
	options shape
	warmup  int
	learns  bool
	// known is nil while too little is.
	known atomic.Pointer[whitened]

	mu     sync.Mutex
	sample moments
	// since counts the rows that were learnt after known was made.
	since int
}

// shape says what is made of a covariance.
type shape struct {
	components int
	shrinkage  float64
	// threshold is 0 where the quantile decides.
	threshold, quantile float64
}

func newMahalanobis(s *graph.Step, w *World) (Node, error) {
	n := s.Node
	d := &mahalanobis{
		options: shape{components: whole(n, "components"), shrinkage: number(n, "shrinkage"), threshold: number(n, "threshold"), quantile: number(n, "quantile")},
		warmup:  whole(n, "warmup"), learns: learns(n),
		sample: moments{decay: number(n, "decay")},
	}
	r, err := w.reference(n, reference.Name)
	if err != nil {
		return nil, err
	}
	if r != nil {
		covariance, err := r.Covariance()
		switch {
		case err != nil:
			return nil, fmt.Errorf("modelUri: %w", err)
		case r.Directions != nil && d.learns:
			return nil, errors.New("parameter learn is true, and the reference has only main directions, which cannot be learnt from")
		case r.Directions != nil:
			k, err := along(r, d.options)
			if err != nil {
				return nil, err
			}
			d.known.Store(k)
			return newDetector(s, w, d)
		case covariance == nil:
			return nil, errors.New("modelUri: the reference has no covariance: it has features that are no numbers, or too many")
		}
		mean := make([]float64, len(r.Features))
		for i := range r.Features {
			mean[i] = r.Features[i].Mean
		}
		d.sample.start(mean, covariance, float64(r.Rows))
		if err := d.refresh(); err != nil {
			return nil, err
		}
	}
	if d.learns {
		w.State.Keep(s.Name, n.Implementation, d)
	}
	return newDetector(s, w, d)
}

func (d *mahalanobis) width() int {
	if k := d.known.Load(); k != nil {
		return len(k.mean)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.sample.mean)
}

func (d *mahalanobis) judge(rows table) (verdict, error) {
	v := verdict{rows: rows.rows}
	if d.learns && rows.width > maxLearnt {
		return v, tooWide(rows.width)
	}
	for i := range rows.rows {
		row := rows.row(i)
		outlier := false
		if k := d.known.Load(); k != nil {
			if len(k.mean) != len(row) {
				return v, otherWidth(len(row), len(k.mean))
			}
			score := k.score(row)
			outlier = score > k.threshold
			v.judged, v.above = true, k.threshold
			v.add(i, score, outlier)
		}
		if d.learns && !outlier {
			if err := d.learn(row); err != nil {
				return v, err
			}
		}
	}
	return v, nil
}

// learn takes a row into account. What is known is made anew when as many rows
// came as a matrix has columns, and a part of those that it knows, so that its
// cost is spread.
func (d *mahalanobis) learn(row []float64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sample.mean != nil && len(d.sample.mean) != len(row) {
		return otherWidth(len(row), len(d.sample.mean))
	}
	d.sample.add(row)
	d.since++
	known := d.known.Load() != nil
	if !known && d.sample.rows < d.warmup || known && d.since < max(len(row), 32, min(int(d.sample.weight)/16, 4096)) {
		return nil
	}
	// A covariance that is singular, as yet, leaves things as they were.
	if err := d.refresh(); err != nil && !errors.Is(err, errSingular) {
		return err
	}
	return nil
}

func (d *mahalanobis) refresh() error {
	k, err := whiten(&d.sample, d.options)
	if err != nil {
		return err
	}
	d.known.Store(k)
	d.since = 0
	return nil
}

// whitened is a mean, and the matrix by which the square of the length of a
// deviation from it is the score. It is not changed.
type whitened struct {
	mean []float64
	// lines are those of the matrix; a line ends where the rest of it is zero.
	lines     [][]float64
	threshold float64
	// over, if not nil, is what the square along each line is multiplied by, where
	// lines are of length 1; and rest, what is left of the square of the deviation.
	over []float64
	rest float64
}

// score is the square of the distance of a row.
func (w *whitened) score(row []float64) float64 {
	score, left := 0.0, 0.0
	for i, line := range w.lines {
		sum := 0.0
		for j, weight := range line {
			sum += weight * (row[j] - w.mean[j])
		}
		if w.over == nil {
			score += sum * sum
			continue
		}
		score += sum * sum * w.over[i]
		left -= sum * sum
	}
	if w.rest == 0 {
		return score
	}
	for j, v := range row {
		left += (v - w.mean[j]) * (v - w.mean[j])
	}
	return score + max(left, 0)*w.rest
}

// along makes what scores by the main directions of a reference.
func along(r *reference.Reference, o shape) (*whitened, error) {
	n, d := len(r.Features), r.Directions
	lines, err := d.Unpacked(n)
	if err != nil {
		return nil, fmt.Errorf("modelUri: %w", err)
	}
	trace := d.Rest * float64(n-len(lines))
	for _, v := range d.Variances {
		trace += v
	}
	shrunk := func(v float64) float64 { return (1-o.shrinkage)*v + o.shrinkage*trace/float64(n) }
	w := &whitened{threshold: o.threshold, lines: lines}
	for i := range r.Features {
		w.mean = append(w.mean, r.Features[i].Mean)
	}
	for _, v := range d.Variances {
		w.over = append(w.over, 1/shrunk(v))
	}
	freedom := n
	if o.components > 0 {
		freedom = min(o.components, len(lines))
		w.lines = lines[:freedom]
	} else if rest := shrunk(d.Rest); rest > 0 {
		w.rest = 1 / rest
	} else {
		return nil, errSingular
	}
	if w.threshold == 0 {
		w.threshold = distuv.ChiSquared{K: float64(freedom)}.Quantile(o.quantile)
	}
	return w, nil
}

// whiten makes the matrix of a sample: the inverse of the Cholesky factor of its
// covariance, or the first principal components over the roots of their
// variances. The covariance is first drawn to a multiple of the identity with the
// same trace, as scikit-learn's shrunk_covariance does.
func whiten(m *moments, o shape) (*whitened, error) {
	n := len(m.mean)
	c := m.covariance()
	trace := 0.0
	for i := range n {
		trace += c.At(i, i)
	}
	level := o.shrinkage * trace / float64(n)
	for i := range n {
		for j := i; j < n; j++ {
			v := (1 - o.shrinkage) * c.At(i, j)
			if i == j {
				v += level
			}
			c.SetSym(i, j, v)
		}
	}
	w := &whitened{mean: append([]float64(nil), m.mean...), threshold: o.threshold}
	var err error
	if o.components > 0 && o.components < n {
		w.lines, err = principal(c, o.components)
	} else {
		w.lines, err = inverse(c)
	}
	if err != nil {
		return nil, err
	}
	if w.threshold == 0 {
		w.threshold = distuv.ChiSquared{K: float64(len(w.lines))}.Quantile(o.quantile)
	}
	return w, nil
}

var errSingular = errors.New("parameter shrinkage: the covariance is singular, since features are constant or follow from others; a shrinkage above 0 makes it regular")

func inverse(c *mat.SymDense) ([][]float64, error) {
	var factor mat.Cholesky
	if !factor.Factorize(c) {
		return nil, errSingular
	}
	var lower, inverse mat.TriDense
	factor.LTo(&lower)
	if err := inverse.InverseTri(&lower); err != nil {
		var ill mat.Condition
		if !errors.As(err, &ill) || math.IsInf(float64(ill), 0) {
			return nil, errSingular
		}
	}
	n, _ := c.Dims()
	lines := make([][]float64, n)
	for i := range lines {
		lines[i] = make([]float64, i+1)
		for j := range lines[i] {
			lines[i][j] = inverse.At(i, j)
		}
	}
	return lines, nil
}

func principal(c *mat.SymDense, components int) ([][]float64, error) {
	var eigen mat.EigenSym
	if !eigen.Factorize(c, true) {
		return nil, errors.New("parameter components: the principal components cannot be found")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	values := eigen.Values(nil) // They ascend.
	n := len(values)
	lines := make([][]float64, components)
	for k := range lines {
		at := n - 1 - k
		if values[at] <= 0 {
			return nil, errSingular
		}
		lines[k] = make([]float64, n)
		for j := range lines[k] {
			lines[k][j] = vectors.At(j, at) / math.Sqrt(values[at])
		}
	}
	return lines, nil
}

// moments are the mean and the covariance of rows, of which each weighs decay
// times as much as the next (B. P. Welford, Note on a method for calculating
// corrected sums of squares and products, 1962; with weights D. H. D. West,
// Updating mean and variance estimates, 1979).
type moments struct {
	decay float64
	// rows counts those that were added, weight sums their weights.
	rows   int
	weight float64
	mean   []float64
	// products is the upper triangle of the weighted sums of products of
	// deviations, row after row.
	products []float64
	before   []float64
}

func (m *moments) start(mean, covariance []float64, rows float64) {
	n := len(mean)
	m.rows, m.weight, m.mean = int(rows), rows, mean
	if m.decay < 1 {
		m.weight = min(rows, 1/(1-m.decay))
	}
	m.before = make([]float64, n)
	m.products = make([]float64, 0, n*(n+1)/2)
	for i := range n {
		for j := i; j < n; j++ {
			m.products = append(m.products, covariance[i*n+j]*m.weight)
		}
	}
}

func (m *moments) add(row []float64) {
	n := len(row)
	if m.mean == nil {
		m.mean, m.before, m.products = make([]float64, n), make([]float64, n), make([]float64, n*(n+1)/2)
	}
	m.rows++
	m.weight = m.decay*m.weight + 1
	for i, v := range row {
		m.before[i] = v - m.mean[i]
		m.mean[i] += m.before[i] / m.weight
	}
	at := 0
	for i := range n {
		line, from := m.products[at:at+n-i], m.before[i]
		for j := range line {
			line[j] = m.decay*line[j] + from*(row[i+j]-m.mean[i+j])
		}
		at += n - i
	}
}

func (m *moments) covariance() *mat.SymDense {
	n := len(m.mean)
	c := mat.NewSymDense(n, nil)
	at := 0
	for i := range n {
		for j := i; j < n; j++ {
			c.SetSym(i, j, m.products[at]/m.weight)
			at++
		}
	}
	return c
}
