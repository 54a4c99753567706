package builtin

import (
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/prime-radiant/radiant/reference"
	"github.com/prime-radiant/radiant/tests/kit/long"
)

// features30 are rows of 30 features that go together.
func features30(rows int) *dataset {
	r := rand.New(rand.NewPCG(1, 2))
	var d dataset
	for range rows {
		row := make([]float64, 30)
		shared := r.NormFloat64()
		for j := range row {
			row[j] = 10 + shared + r.NormFloat64()
		}
		d.Rows = append(d.Rows, row)
	}
	return &d
}

// BenchmarkDetector is the cost of a row of 30 features, beside reading the
// message.
func BenchmarkDetector(b *testing.B) {
	data := features30(1000)
	rows := data.table()
	all := judges(b, data)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		d := all[name]
		b.Run(name, func(b *testing.B) {
			one := table{rows: 1, width: rows.width}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				one.values = rows.row(i % rows.rows)
				i++
				if _, err := d.judge(one); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkScores is the cost of an answer's row of 30 logits.
func BenchmarkScores(b *testing.B) {
	for _, measure := range []string{"confidence", "entropy", "energy"} {
		b.Run(measure, func(b *testing.B) {
			score := scoring(b, measure)
			b.ReportAllocs()
			for b.Loop() {
				score()
			}
		})
	}
}

// judges are detectors that judge rows, each by what it reads, or by what it learns.
// The forest's threshold is one that ordinary rows are below: an outlier costs its
// place in the answer.
func judges(tb testing.TB, data *dataset) map[string]judge {
	files := data.files(tb, reference.Options{})
	return map[string]judge{
		"mahalanobis":           made(tb, files, "MAHALANOBIS_DETECTOR", "threshold", "1000"),
		"mahalanobis learning":  made(tb, &World{}, "MAHALANOBIS_DETECTOR", "threshold", "1000"),
		"components":            made(tb, files, "MAHALANOBIS_DETECTOR", "threshold", "1000", "components", "5"),
		"quantiles":             made(tb, files, "QUANTILE_DETECTOR"),
		"quantiles learning":    made(tb, &World{}, "QUANTILE_DETECTOR"),
		"100 trees of 256 rows": made(tb, inForest(tb, grown(data.Rows, 100, 256)), "ISOLATION_FOREST_DETECTOR", "threshold", "1"),
	}
}

// A row costs no allocation once a detector has seen some: a message of a thousand
// rows costs as many as what is learnt is looked at anew, which is ever more seldom.
func TestDetectorsAllocateNothingForARow(t *testing.T) {
	data := features30(1000)
	rows := data.table()
	for name, d := range judges(t, data) {
		judge := func() {
			if v, err := d.judge(rows); err != nil || len(v.outliers) > 0 {
				t.Fatalf("%s: %d outliers, %v", name, len(v.outliers), err)
			}
		}
		for range 50 {
			judge()
		}
		one := table{rows: 1, width: rows.width, values: rows.row(7)}
		if n := testing.AllocsPerRun(500, func() {
			if _, err := d.judge(one); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: a row costs %v allocations", name, n)
		}
		if n := testing.AllocsPerRun(5, judge); n > 100 {
			t.Errorf("%s: a thousand rows cost %v allocations", name, n)
		}
	}
	for _, measure := range []string{"confidence", "margin", "entropy", "energy"} {
		score := scoring(t, measure)
		if n := testing.AllocsPerRun(500, score); n > 0 {
			t.Errorf("%s: a row costs %v allocations", measure, n)
		}
	}
}

// scoring scores an answer's row of 30 logits by SCORE_DETECTOR.
func scoring(tb testing.TB, measure string) func() {
	tb.Helper()
	n, err := All().New(step(tb, "SCORE_DETECTOR", 1, parameter("threshold", "1"), parameter("measure", measure), parameter("logits", "true")), &World{})
	if err != nil {
		tb.Fatal(err)
	}
	row := make([]float64, 30)
	return func() {
		for i := range row {
			row[i] = float64(i % 7)
		}
		if _, err := n.(*scores).score(row); err != nil {
			tb.Fatal(err)
		}
	}
}

// A million rows later, detectors have no more memory than after some.
func TestDetectorsDoNotGrow(t *testing.T) {
	data := features30(1000)
	rows := data.table()
	for implementation, d := range judges(t, data) {
		size := func(times int) uint64 {
			for range times {
				if _, err := d.judge(rows); err != nil {
					t.Fatal(err)
				}
			}
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before, more := size(20), 30
		if long.Asked() { // make e2e-long
			more = 980
		}
		if after := size(more); after > before+64<<10 {
			t.Errorf("%s: the heap has %d bytes after 20,000 rows and %d after %d,000 more", implementation, before, after, more)
		}
		runtime.KeepAlive(d)
	}
}

// BenchmarkDrift is the cost of a row of 30 features, with its share of what a
// window costs at its end.
func BenchmarkDrift(b *testing.B) {
	data := features30(1000)
	rows := sideBySide(data.table())
	d := driftNode(b, data.files(b, reference.Options{})).requests
	b.ReportAllocs()
	for b.Loop() {
		take(b, d, rows)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000/30, "ns/feature")
}
