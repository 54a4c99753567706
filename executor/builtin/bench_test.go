package builtin

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/prime-radiant/radiant/reference"
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
	files := data.files(b, reference.Options{})
	for _, c := range []struct {
		name, implementation string
		w                    *World
	}{
		{"mahalanobis", "MAHALANOBIS_DETECTOR", files},
		{"mahalanobis learning", "MAHALANOBIS_DETECTOR", &World{}},
		{"quantiles", "QUANTILE_DETECTOR", files},
		{"100 trees of 256 rows", "ISOLATION_FOREST_DETECTOR", inForest(b, grown(data.Rows, 100, 256))},
		{"quantiles learning", "QUANTILE_DETECTOR", &World{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := made(b, c.w, c.implementation)
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

// A million rows later, detectors have no more memory than after some.
func TestDetectorsDoNotGrow(t *testing.T) {
	rows := features30(1000).table()
	for _, implementation := range []string{"MAHALANOBIS_DETECTOR", "QUANTILE_DETECTOR"} {
		d := made(t, &World{}, implementation)
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
		before := size(20)
		after := size(980)
		if after > before+64<<10 {
			t.Errorf("%s: the heap has %d bytes after 20,000 rows and %d after a million", implementation, before, after)
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
