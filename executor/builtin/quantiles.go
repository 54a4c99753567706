package builtin

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/DataDog/sketches-go/ddsketch"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/reference"
)

// The sketches of learnt features: a quantile is off by one part in a hundred of
// itself, and a sketch has no more bins (C. Masson, J. E. Rim, H. K. Lee, DDSketch:
// a fast and fully-mergeable quantile sketch with relative-error guarantees, 2019).
const (
	sketchAccuracy = 0.01
	sketchBins     = 1024
)

// quantiles scores rows by how far features lie beyond their fences (J. W. Tukey,
// Exploratory data analysis, 1977).
type quantiles struct {
	low, high, reach float64
	least, warmup    int
	learns           bool
	// fences are those of the features; nil while too little is known.
	fences atomic.Pointer[[]fence]

	mu       sync.Mutex
	sketches []*ddsketch.DDSketch
	// rows counts those that were learnt, since those after the fences were made.
	rows, since int
}

// fence is an interval, and the unit by which a distance from it is measured.
type fence struct{ low, high, unit float64 }

// newFence makes a fence of two quantiles. Where they are the same, the unit is
// the distance of the extremes.
func newFence(low, high, least, most float64) fence {
	f := fence{low, high, high - low}
	if f.unit <= 0 {
		f.unit = most - least
	}
	return f
}

// beyond is how many units a value is outside of the quantiles.
func (f *fence) beyond(v float64) float64 {
	switch {
	case v > f.high:
		return (v - f.high) / f.unit
	case v < f.low:
		return (f.low - v) / f.unit
	}
	return 0
}

func newQuantiles(s *graph.Step, w *World) (Node, error) {
	n := s.Node
	d := &quantiles{
		low: number(n, "low"), high: number(n, "high"), reach: number(n, "reach"),
		least: whole(n, "least"), warmup: whole(n, "warmup"), learns: learns(n),
	}
	r, err := w.reference(n, reference.Name)
	if err != nil {
		return nil, err
	}
	if r != nil {
		if err := d.start(r); err != nil {
			return nil, err
		}
	}
	if d.learns {
		w.State.Keep(s.Name, n.Implementation, d)
	}
	return newDetector(s, w, d)
}

// start takes the fences of a reference, until as many rows as it wants are learnt.
func (d *quantiles) start(r *reference.Reference) error {
	fences := make([]fence, len(r.Features))
	for i := range r.Features {
		f := &r.Features[i]
		if f.Numeric() && len(f.Quantiles) == 0 {
			return errors.New("modelUri: the reference was made without quantiles")
		}
		if !f.Numeric() {
			return fmt.Errorf("modelUri: %s is no number, and has no quantiles", r.Label(i))
		}
		fences[i] = newFence(f.Quantile(d.low), f.Quantile(d.high), f.Quantile(0), f.Quantile(1))
	}
	if d.least > len(fences) {
		return fmt.Errorf("parameter least is %d: the reference has %d features", d.least, len(fences))
	}
	d.fences.Store(&fences)
	return nil
}

func (d *quantiles) width() int {
	if f := d.fences.Load(); f != nil {
		return len(*f)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.sketches)
}

func (d *quantiles) judge(rows table) (verdict, error) {
	v := verdict{rows: rows.rows, above: d.reach}
	if d.learns && rows.width > maxLearnt {
		return v, tooWide(rows.width)
	}
	for i := range rows.rows {
		row := rows.row(i)
		outlier := false
		if f := d.fences.Load(); f != nil {
			if len(*f) != len(row) {
				return v, otherWidth(len(row), len(*f))
			}
			score := d.score(*f, row)
			outlier = score > d.reach
			v.judged = true
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

// maxLeast bounds the features that have to be beyond their fences.
const maxLeast = 16

// score is the least-th greatest distance of the row's features from their
// quantiles: above the reach, if as many features are beyond their fences.
func (d *quantiles) score(fences []fence, row []float64) float64 {
	var greatest [maxLeast]float64
	for j := range fences {
		far := fences[j].beyond(row[j])
		for k := range greatest[:d.least] {
			if far > greatest[k] {
				far, greatest[k] = greatest[k], far
			}
		}
	}
	return greatest[d.least-1]
}

func (d *quantiles) learn(row []float64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sketches == nil {
		for range row {
			sketch, err := newSketch()
			if err != nil {
				return err
			}
			d.sketches = append(d.sketches, sketch)
		}
	}
	if len(d.sketches) != len(row) {
		return otherWidth(len(row), len(d.sketches))
	}
	for j, v := range row {
		if err := d.sketches[j].Add(v); err != nil {
			return protocol.Errorf(protocol.Invalid, "feature %d is %v: %w", j, v, err)
		}
	}
	d.rows++
	d.since++
	if d.rows < d.warmup || d.fences.Load() != nil && d.since < max(32, min(d.rows/16, 4096)) {
		return nil
	}
	return d.refresh()
}

func newSketch() (*ddsketch.DDSketch, error) {
	s, err := ddsketch.LogCollapsingLowestDenseDDSketch(sketchAccuracy, sketchBins)
	if err != nil {
		return nil, fmt.Errorf("making a sketch: %w", err)
	}
	return s, nil
}

func (d *quantiles) refresh() error {
	fences := make([]fence, len(d.sketches))
	for j, sketch := range d.sketches {
		at, err := sketch.GetValuesAtQuantiles([]float64{d.low, d.high, 0, 1})
		if err != nil {
			return fmt.Errorf("reading a sketch: %w", err)
		}
		fences[j] = newFence(at[0], at[1], at[2], at[3])
	}
	d.fences.Store(&fences)
	d.since = 0
	return nil
}
