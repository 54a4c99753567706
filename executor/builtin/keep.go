package builtin

import (
	"encoding/json"
	"errors"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

// keptMoments is what MAHALANOBIS_DETECTOR keeps: see moments.
type keptMoments struct {
	Rows     int       `json:"rows"`
	Weight   float64   `json:"weight"`
	Mean     []float64 `json:"mean"`
	Products []float64 `json:"products"`
}

// Save is that of state.Keeper.
func (d *mahalanobis) Save() (json.RawMessage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := &d.sample
	return json.Marshal(keptMoments{m.rows, m.weight, m.mean, m.products})
}

// Load is that of state.Keeper.
func (d *mahalanobis) Load(saved json.RawMessage) error {
	var k keptMoments
	if err := json.Unmarshal(saved, &k); err != nil {
		return err
	}
	n := len(k.Mean)
	d.mu.Lock()
	defer d.mu.Unlock()
	if n == 0 || n > maxLearnt || len(k.Products) != n*(n+1)/2 || !(k.Weight > 0) || d.sample.mean != nil && len(d.sample.mean) != n {
		return errors.New("it has other features")
	}
	d.sample.rows, d.sample.weight, d.sample.mean, d.sample.products, d.sample.before = k.Rows, k.Weight, k.Mean, k.Products, make([]float64, n)
	if d.sample.rows < d.warmup {
		return nil
	}
	if err := d.refresh(); err != nil && !errors.Is(err, errSingular) {
		return err
	}
	return nil
}

// Others is that of state.Keeper: each replica learns for itself.
func (d *mahalanobis) Others([]json.RawMessage) bool { return false }

// keptSketches is what QUANTILE_DETECTOR keeps: sketches in their own encoding.
type keptSketches struct {
	Rows     int      `json:"rows"`
	Sketches [][]byte `json:"sketches"`
}

// Save is that of state.Keeper.
func (d *quantiles) Save() (json.RawMessage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := keptSketches{Rows: d.rows}
	for _, s := range d.sketches {
		var body []byte
		s.Encode(&body, false)
		k.Sketches = append(k.Sketches, body)
	}
	return json.Marshal(k)
}

// Load is that of state.Keeper.
func (d *quantiles) Load(saved json.RawMessage) error {
	var k keptSketches
	if err := json.Unmarshal(saved, &k); err != nil {
		return err
	}
	if len(k.Sketches) == 0 || len(k.Sketches) > maxLearnt {
		return errors.New("it has other features")
	}
	sketches := make([]*ddsketch.DDSketch, len(k.Sketches))
	for i, body := range k.Sketches {
		var err error
		if sketches[i], err = newSketch(); err != nil {
			return err
		}
		read, err := ddsketch.DecodeDDSketch(body, store.BufferedPaginatedStoreConstructor, nil)
		if err != nil {
			return err
		}
		if err := sketches[i].MergeWith(read); err != nil {
			return err
		}
	}
	if known := d.fences.Load(); known != nil && len(*known) != len(sketches) {
		return errors.New("it has other features")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sketches, d.rows = sketches, k.Rows
	if d.rows < d.warmup {
		return nil
	}
	return d.refresh()
}

// Others is that of state.Keeper: each replica learns for itself.
func (d *quantiles) Others([]json.RawMessage) bool { return false }
