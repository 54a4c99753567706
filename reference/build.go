package reference

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mat"
)

// Column is the values of one feature: numbers, or words if Words is not nil.
type Column struct {
	Name    string
	Numbers []float64
	Words   []string
}

// Len is how many rows the column has.
func (c *Column) Len() int {
	if c.Words != nil {
		return len(c.Words)
	}
	return len(c.Numbers)
}

// maxCategories bounds the values of a feature of words.
const maxCategories = 1000

// Options say what a reference holds.
type Options struct {
	// Components, if above 0, keeps as many principal components in place of the
	// covariance.
	Components int
	// NoQuantiles leaves out the distribution of each feature.
	NoQuantiles bool
}

// Build makes the reference of columns of the same length. Numbers have to be
// finite.
func Build(columns []Column, o Options) (*Reference, error) {
	if len(columns) == 0 || columns[0].Len() == 0 {
		return nil, errors.New("there are no rows")
	}
	if len(columns) > MaxFeatures {
		return nil, fmt.Errorf("%d features are more than the %d that a reference may have", len(columns), MaxFeatures)
	}
	r := &Reference{Format: Format, Version: Version, Rows: int64(columns[0].Len())}
	numbers := true
	for i := range columns {
		c := &columns[i]
		r.Features = append(r.Features, Feature{Name: c.Name})
		if c.Len() != columns[0].Len() {
			return nil, fmt.Errorf("%s has %d rows, %s %d", r.Label(i), c.Len(), r.Label(0), columns[0].Len())
		}
		f, err := c.feature()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Label(i), err)
		}
		r.Features[i] = f
		numbers = numbers && f.Numeric()
	}
	if o.NoQuantiles {
		for i := range r.Features {
			r.Features[i].Quantiles, r.Features[i].UpTo = nil, nil
		}
	}
	switch n := len(columns); {
	case o.Components > 0 && (!numbers || n > MaxTogether || o.Components >= n):
		return nil, fmt.Errorf("%d components cannot be made of %d features: they have to be numbers, more than that and at most %d", o.Components, n, MaxTogether)
	case o.Components > 0:
		var err error
		r.Directions, err = directions(covariance(columns, r.Features), n, o.Components)
		return r, err
	case numbers && n <= MaxTogether:
		r.Together = packed(covariance(columns, r.Features), n)
	}
	return r, nil
}

// directions are the first components of a covariance (M. E. Tipping, C. M.
// Bishop, Probabilistic principal component analysis, 1999).
func directions(full []float64, n, count int) (*Directions, error) {
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(n, full), true) {
		return nil, errors.New("the principal components cannot be found")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	values := eigen.Values(nil) // They ascend.
	d := &Directions{}
	var raw []byte
	for k := range count {
		at := n - 1 - k
		if !(values[at] > 0) {
			return nil, fmt.Errorf("there are only %d directions in which the rows differ", k)
		}
		d.Variances = append(d.Variances, values[at])
		for j := range n {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(vectors.At(j, at)))
		}
	}
	for _, v := range values[:n-count] {
		d.Rest += max(v, 0) / float64(n-count)
	}
	d.Vectors = base64.StdEncoding.EncodeToString(raw)
	return d, nil
}

func (c *Column) feature() (Feature, error) {
	f := Feature{Name: c.Name}
	if c.Words != nil {
		f.Categories = map[string]int64{}
		for _, w := range c.Words {
			f.Categories[w]++
		}
		if len(f.Categories) > maxCategories {
			return f, fmt.Errorf("%d different words are more than the %d that a feature may have", len(f.Categories), maxCategories)
		}
		return f, nil
	}
	n := float64(len(c.Numbers))
	for i, v := range c.Numbers {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return f, fmt.Errorf("row %d is %v: want a finite number", i, v)
		}
		f.Mean += v / n
	}
	variance := 0.0
	for _, v := range c.Numbers {
		variance += (v - f.Mean) * (v - f.Mean) / n
	}
	f.Deviation = math.Sqrt(variance)
	sorted := slices.Sorted(slices.Values(c.Numbers))
	for i := range Steps + 1 {
		q := quantile(sorted, float64(i)/Steps)
		if i > 0 {
			q = max(q, f.Quantiles[i-1]) // Rounding may fall behind the last.
		}
		f.Quantiles = append(f.Quantiles, q)
		upTo := sort.Search(len(sorted), func(k int) bool { return sorted[k] > q })
		f.UpTo = append(f.UpTo, float64(upTo)/n)
	}
	return f, nil
}

// quantile interpolates between the two values around the place, as NumPy's
// default method does.
func quantile(sorted []float64, share float64) float64 {
	at := share * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (sorted[i+1]-sorted[i])*(at-float64(i))
}

func covariance(columns []Column, features []Feature) []float64 {
	n := len(columns)
	rows := len(columns[0].Numbers)
	full := make([]float64, n*n)
	row := make([]float64, n)
	for r := range rows {
		for i := range columns {
			row[i] = columns[i].Numbers[r] - features[i].Mean
		}
		for i, v := range row {
			if v == 0 {
				continue
			}
			line := full[i*n : (i+1)*n]
			for j := i; j < n; j++ {
				line[j] += v * row[j]
			}
		}
	}
	for i := range n {
		for j := i; j < n; j++ {
			full[i*n+j] /= float64(rows)
			full[j*n+i] = full[i*n+j]
		}
	}
	return full
}
