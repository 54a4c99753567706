package builtin

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/reference"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// dataset is what testdata/truth.py prints of one set of data.
type dataset struct {
	Rows                        [][]float64
	Shrunk, Decayed, Components []float64
	Probabilistic               []float64
	Threshold                   float64
	Beyond                      [][]float64
	Logits                      [][]float64
	Confidence, Margin          []float64
	Entropy, Energy             []float64
}

func truths(t *testing.T) map[string]dataset {
	t.Helper()
	python := tools.Path(t, "crossed-servers")
	out, err := exec.CommandContext(t.Context(), python, "testdata/truth.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]dataset{}
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 {
		t.Fatalf("there are %d sets of data", len(all))
	}
	return all
}

func (t *dataset) table() table {
	all := table{rows: len(t.Rows), width: len(t.Rows[0])}
	for _, row := range t.Rows {
		all.values = append(all.values, row...)
	}
	return all
}

// files writes a reference of the rows for node "t", and returns the world that
// has it.
func (t *dataset) files(tb testing.TB, o reference.Options) *World {
	tb.Helper()
	columns := make([]reference.Column, len(t.Rows[0]))
	for _, row := range t.Rows {
		for j, v := range row {
			columns[j].Numbers = append(columns[j].Numbers, v)
		}
	}
	r, err := reference.Build(columns, o)
	if err != nil {
		tb.Fatal(err)
	}
	body, err := r.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	folder := tb.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "t"), 0o750); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "t", reference.Name), body, 0o600); err != nil {
		tb.Fatal(err)
	}
	return &World{Files: folder}
}

// made is the judge of a detector with these parameters, by name and value.
func made(tb testing.TB, w *World, implementation string, parameters ...string) judge {
	tb.Helper()
	node := graph.Node{Name: "t", Implementation: implementation}
	if w.Files != "" { // Its folder has the reference of node "t".
		node.ModelURI = "there"
	}
	for i := 0; i < len(parameters); i += 2 {
		node.Parameters = append(node.Parameters, graph.Parameter{Name: parameters[i], Value: parameters[i+1]})
	}
	plan, err := graph.Compile(&node)
	if err != nil {
		tb.Fatal(err)
	}
	n, err := All().New(&plan.Steps[0], w)
	if err != nil {
		tb.Fatal(err)
	}
	return n.(*detector).judge
}

// same compares within a part of the larger one.
func same(t *testing.T, what string, tolerance float64, got, want []float64) {
	t.Helper()
	worst := 0.0
	for i := range want {
		off := math.Abs(got[i]-want[i]) / max(math.Abs(want[i]), 1)
		worst = max(worst, off)
		if !(off <= tolerance) {
			t.Errorf("%s: row %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
	t.Logf("%s: %d scores, at most %.1e apart", what, len(want), worst)
}

func TestTruth(t *testing.T) {
	for name, truth := range truths(t) {
		t.Run(name, func(t *testing.T) {
			rows := truth.table()
			w := truth.files(t, reference.Options{})
			distances := func(d judge) []float64 {
				k := d.(*mahalanobis).known.Load()
				all := make([]float64, rows.rows)
				for i := range all {
					all[i] = k.score(rows.row(i))
				}
				return all
			}
			read := made(t, w, "MAHALANOBIS_DETECTOR", "shrinkage", "0.01")
			same(t, "distance", 1e-8, distances(read), truth.Shrunk)
			same(t, "threshold", 1e-9, []float64{read.(*mahalanobis).known.Load().threshold}, []float64{truth.Threshold})
			same(t, "components", 1e-7, distances(made(t, w, "MAHALANOBIS_DETECTOR", "shrinkage", "0.01", "components", "5")), truth.Components)
			main := truth.files(t, reference.Options{Components: 5, NoQuantiles: true})
			same(t, "main directions", 1e-7, distances(made(t, main, "MAHALANOBIS_DETECTOR", "shrinkage", "0")), truth.Probabilistic)
			for decay, want := range map[string][]float64{"1": truth.Shrunk, "0.99": truth.Decayed} {
				learnt := made(t, &World{}, "MAHALANOBIS_DETECTOR", "shrinkage", "0.01", "warmup", "1000000", "decay", decay).(*mahalanobis)
				if _, err := learnt.judge(rows); err != nil {
					t.Fatal(err)
				}
				if err := learnt.refresh(); err != nil {
					t.Fatal(err)
				}
				same(t, "learnt with decay "+decay, 1e-7, distances(learnt), want)
			}
			for least, at := range map[string]int{"1": 0, "3": 2} {
				d := made(t, w, "QUANTILE_DETECTOR", "least", least).(*quantiles)
				got, want := make([]float64, rows.rows), make([]float64, rows.rows)
				for i := range got {
					got[i], want[i] = d.score(*d.fences.Load(), rows.row(i)), truth.Beyond[i][at]
				}
				same(t, "beyond "+least, 1e-9, got, want)
			}
			for measure, want := range map[string][]float64{
				"confidence": truth.Confidence, "margin": truth.Margin, "entropy": truth.Entropy, "energy": truth.Energy,
			} {
				temperature := "1"
				if measure == "energy" {
					temperature = "2"
				}
				s := step(t, "SCORE_DETECTOR", 1, graph.Parameter{Name: "measure", Value: measure}, graph.Parameter{Name: "logits", Value: "true"},
					graph.Parameter{Name: "threshold", Value: "1"}, graph.Parameter{Name: "temperature", Value: temperature})
				n, err := All().New(s, &World{})
				if err != nil {
					t.Fatal(err)
				}
				got := make([]float64, len(want))
				for i, logits := range truth.Logits {
					if got[i], err = n.(*scores).score(append([]float64(nil), logits...)); err != nil {
						t.Fatal(err)
					}
				}
				same(t, measure, 1e-9, got, want)
			}
		})
	}
}

// A sketch is off by a part of the value, and the fences that are learnt differ
// from those of all rows by that.
func TestLearntFences(t *testing.T) {
	for name, truth := range truths(t) {
		rows := truth.table()
		exact := *made(t, truth.files(t, reference.Options{}), "QUANTILE_DETECTOR").(*quantiles).fences.Load()
		learnt := made(t, &World{}, "QUANTILE_DETECTOR", "warmup", "1000000").(*quantiles)
		if _, err := learnt.judge(rows); err != nil {
			t.Fatal(err)
		}
		if err := learnt.refresh(); err != nil {
			t.Fatal(err)
		}
		sorted := make([]float64, rows.rows)
		for j, f := range *learnt.fences.Load() {
			for i := range sorted {
				sorted[i] = rows.row(i)[j]
			}
			// A sketch takes the lower of the two values that a quantile is between.
			for _, end := range [][2]float64{{f.low, exact[j].low}, {f.high, exact[j].high}} {
				step := gap(sorted, end[1])
				if off := math.Abs(end[0] - end[1]); off > sketchAccuracy*math.Abs(end[1])+step+1e-9 {
					t.Errorf("%s, feature %d: the fence is at %v, want %v", name, j, end[0], end[1])
				}
			}
		}
	}
}

// gap is the distance of the two values around a place.
func gap(values []float64, at float64) float64 {
	low, high := math.Inf(-1), math.Inf(1)
	for _, v := range values {
		if v <= at {
			low = max(low, v)
		}
		if v >= at {
			high = min(high, v)
		}
	}
	return high - low
}
