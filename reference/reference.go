// Package reference is the file that says what ordinary data look like: the
// distribution of each feature, and how features go together. `radiant reference`
// writes it, and nodes that judge requests read it.
package reference

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
)

// Format and Version are in each file. A file of another version is refused.
const (
	Format  = "radiant-reference"
	Version = 1
)

// Name is the name of the file in the folder that a modelUri names.
const Name = "reference.json"

// Steps is how many equal parts of the rows the quantiles of a feature divide.
const Steps = 200

// MaxFeatures bounds the features of a file, MaxTogether those whose covariance is
// kept.
const (
	MaxFeatures = 16384
	MaxTogether = 1024
)

// maxBytes bounds a file: the covariance of MaxTogether features has a third of it.
const maxBytes = 256 << 20

// Reference is what is known of ordinary data.
type Reference struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	// Rows is how many it was made of.
	Rows int64 `json:"rows"`
	// Features are in the order of a row.
	Features []Feature `json:"features"`
	// Together is the covariance of the features: the upper triangle of the matrix,
	// row after row, as base64 of little-endian float64; the mean of the products of
	// deviations, without a correction for the size. Empty: there is none.
	Together string `json:"covariance,omitempty"`
	// Directions stand for the covariance where only the main ones are kept.
	Directions *Directions `json:"directions,omitempty"`
}

// Directions are the principal components of the features: the covariance is
// taken to be that of the model of probabilistic principal components.
type Directions struct {
	// Vectors are of length 1, a number for each feature, one after the other, as
	// base64 of little-endian float64.
	Vectors string `json:"vectors"`
	// Variances are those along the vectors, the largest first.
	Variances []float64 `json:"variances"`
	// Rest is the mean of the variances along all other directions.
	Rest float64 `json:"rest"`
}

// Unpacked are the vectors, of n features each.
func (d *Directions) Unpacked(n int) ([][]float64, error) {
	raw, err := base64.StdEncoding.DecodeString(d.Vectors)
	if err != nil {
		return nil, fmt.Errorf("directions: %w", err)
	}
	k := len(d.Variances)
	if k == 0 || k >= n || len(raw) != 8*k*n {
		return nil, fmt.Errorf("directions: %d variances and %d bytes of vectors do not go with %d features", k, len(raw), n)
	}
	vectors := make([][]float64, k)
	for i := range vectors {
		if !(d.Variances[i] > 0) {
			return nil, fmt.Errorf("directions: variance %d is %v", i, d.Variances[i])
		}
		vectors[i] = make([]float64, n)
		for j := range vectors[i] {
			vectors[i][j] = math.Float64frombits(binary.LittleEndian.Uint64(raw))
			raw = raw[8:]
		}
	}
	return vectors, nil
}

// Feature is what is known of one feature.
type Feature struct {
	// Name is the column's; empty: it has none.
	Name string `json:"name,omitempty"`
	// Mean and Deviation (the root of the variance, without a correction for the
	// size) are of the values that are there.
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
	// Quantiles are those of 0, 1/Steps, 2/Steps ... 1, by linear interpolation;
	// none: they are not kept.
	Quantiles []float64 `json:"quantiles,omitempty"`
	// UpTo is the share of rows whose value is at most that of each quantile.
	UpTo []float64 `json:"upTo,omitempty"`
	// Categories counts the values of a feature that is no number; nil: it is one.
	Categories map[string]int64 `json:"categories,omitempty"`
}

// Numeric reports whether the feature is a number.
func (f *Feature) Numeric() bool { return f.Categories == nil }

// Quantile is the value that a share of the rows is at most, by linear
// interpolation between the quantiles that are kept.
func (f *Feature) Quantile(share float64) float64 {
	at := share * Steps
	i := min(int(at), Steps-1)
	low, high := f.Quantiles[i], f.Quantiles[i+1]
	return low + (high-low)*(at-float64(i))
}

// Label names a feature for people: by its name, or by its number.
func (r *Reference) Label(i int) string { return Label(r.Features[i].Name, i) }

// Label is what [Reference.Label] is, of a feature of this name and number.
func Label(name string, i int) string {
	if name != "" {
		return name
	}
	return fmt.Sprintf("feature %d", i)
}

// Covariance is the matrix of the features, row after row; nil: it is not kept.
func (r *Reference) Covariance() ([]float64, error) {
	if r.Together == "" {
		return nil, nil
	}
	raw, err := base64.StdEncoding.DecodeString(r.Together)
	if err != nil {
		return nil, fmt.Errorf("covariance: %w", err)
	}
	n := len(r.Features)
	if len(raw) != 8*n*(n+1)/2 {
		return nil, fmt.Errorf("covariance: it has %d bytes, and %d features need %d", len(raw), n, 8*n*(n+1)/2)
	}
	full := make([]float64, n*n)
	for i := range n {
		for j := i; j < n; j++ {
			v := math.Float64frombits(binary.LittleEndian.Uint64(raw))
			raw = raw[8:]
			full[i*n+j], full[j*n+i] = v, v
		}
	}
	return full, nil
}

func packed(full []float64, n int) string {
	raw := make([]byte, 0, 4*n*(n+1))
	for i := range n {
		for j := i; j < n; j++ {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(full[i*n+j]))
		}
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// Read reads a file.
func Read(path string) (*Reference, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxBytes {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d that a reference may have", path, info.Size(), maxBytes)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := Parse(body)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return r, nil
}

// Parse reads a reference, and sees to it that it can be used.
func Parse(body []byte) (*Reference, error) {
	var r Reference
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&r); err != nil {
		return nil, fmt.Errorf("it is no reference: %w", err)
	}
	switch {
	case r.Format != Format:
		return nil, fmt.Errorf("it is no reference: its format is %q, not %q", r.Format, Format)
	case r.Version != Version:
		return nil, fmt.Errorf("it is a reference of version %d, and this program reads version %d: make it anew", r.Version, Version)
	case r.Rows < 1 || len(r.Features) == 0 || len(r.Features) > MaxFeatures:
		return nil, fmt.Errorf("it has %d rows of %d features", r.Rows, len(r.Features))
	}
	for i := range r.Features {
		if err := r.Features[i].check(); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Label(i), err)
		}
	}
	if _, err := r.Covariance(); err != nil {
		return nil, err
	}
	if r.Directions != nil {
		if _, err := r.Directions.Unpacked(len(r.Features)); err != nil {
			return nil, err
		}
	}
	return &r, nil
}

func (f *Feature) check() error {
	if !f.Numeric() {
		if len(f.Categories) == 0 {
			return errors.New("it has no categories")
		}
		return nil
	}
	if len(f.Quantiles) == 0 && len(f.UpTo) == 0 {
		return nil
	}
	if len(f.Quantiles) != Steps+1 || len(f.UpTo) != Steps+1 {
		return fmt.Errorf("it has %d quantiles and %d shares, not %d", len(f.Quantiles), len(f.UpTo), Steps+1)
	}
	for i := 1; i <= Steps; i++ {
		if f.Quantiles[i] < f.Quantiles[i-1] || f.UpTo[i] < f.UpTo[i-1] {
			return errors.New("its quantiles do not ascend")
		}
	}
	return nil
}

// Bytes is the file's text.
func (r *Reference) Bytes() ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("writing the reference: %w", err)
	}
	return append(text, '\n'), nil
}
