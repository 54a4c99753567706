package telemetry

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// began is when all requests of these tests began.
var began = time.Now()

// Quantiles may be off by half the width of a cell at most.
func TestQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() time.Duration{
		"even": func() time.Duration { return time.Duration(random.Int64N(int64(50 * time.Millisecond))) },
		"long tail": func() time.Duration {
			return time.Duration(math.Exp(random.NormFloat64()*2) * float64(time.Millisecond))
		},
		"two peaks": func() time.Duration {
			return []time.Duration{3 * time.Millisecond, 4 * time.Second}[random.IntN(2)] + time.Duration(random.IntN(1000))
		},
		"all alike": func() time.Duration { return 1234567 },
	} {
		var l latency
		var all []time.Duration
		for range 20_000 {
			d := draw()
			all = append(all, d)
			l.observe(d, time.Minute)
		}
		slices.Sort(all)
		for q, got := range l.quantiles(time.Minute) {
			// The values a thousandth of the rank to either side.
			rank := q * float64(len(all)-1)
			low, high := all[int(max(rank-20, 0))].Seconds(), all[min(int(rank+20), len(all)-1)].Seconds()
			if got < low*(1-1./cells)-1e-6 || got > high*(1+1./cells)+1e-6 {
				t.Errorf("%s: quantile %g is %g, want %g to %g", name, q, got, low, high)
			}
			if q == 1 && got != high {
				t.Errorf("%s: maximum is %g, want %g", name, got, high)
			}
		}
	}
}

func TestCells(t *testing.T) {
	last := -1
	for d := time.Duration(0); d < 5*time.Hour; d += d/100 + 1 {
		c := cell(d)
		if c != last && c != last+1 {
			t.Fatalf("%v is in cell %d, what is a little less in %d", d, c, last)
		}
		if last = c; c < (doublings+1)*cells-1 && (float64(d) < start(c) || float64(d) >= start(c+1)) {
			t.Fatalf("%v is in cell %d, which is from %g to %g", d, c, start(c), start(c+1))
		}
	}
	if last != (doublings+1)*cells-1 {
		t.Errorf("the longest is in cell %d", last)
	}
}

func TestQuantilesForget(t *testing.T) {
	var l latency
	if q := l.quantiles(0); !math.IsNaN(q[.5]) || !math.IsNaN(q[1]) {
		t.Errorf("quantiles of nothing are %v", q)
	}
	l.observe(time.Second, 0)
	l.observe(time.Millisecond, 9*time.Minute)
	if q := l.quantiles(9 * time.Minute); q[1] != 1 {
		t.Errorf("after 9 minutes the maximum is %g", q[1])
	}
	if q := l.quantiles(11 * time.Minute); q[1] != .001 {
		t.Errorf("after 11 minutes the maximum is %g", q[1])
	}
	// The place of the first two minutes is used again.
	l.observe(2*time.Millisecond, 11*time.Minute)
	if q := l.quantiles(11 * time.Minute); q[1] != .002 {
		t.Errorf("the maximum is %g, want that of the new period", q[1])
	}
	if q := l.quantiles(time.Hour); !math.IsNaN(q[.5]) {
		t.Errorf("after an hour quantiles are %v", q)
	}
	if _, n, s := l.histogram(); n != 3 || math.Abs(s-1.003) > 1e-9 {
		t.Errorf("of three requests of 1.003 s are left %d of %g s", n, s)
	}
}

func TestHistogramBounds(t *testing.T) {
	var l latency
	for _, b := range bounds {
		l.observe(b, 0)
		l.observe(b+1, 0)
	}
	upTo, n, _ := l.histogram()
	for i, b := range bounds {
		if want := uint64(2*i + 1); upTo[b.Seconds()] != want {
			t.Errorf("up to %v are %d, want %d", b, upTo[b.Seconds()], want)
		}
	}
	if n != uint64(2*len(bounds)) {
		t.Errorf("count is %d", n)
	}
}

func TestObserveTogether(t *testing.T) {
	var l latency
	var wait sync.WaitGroup
	const goroutines, each = 8, 1000
	for range goroutines {
		wait.Go(func() {
			for i := range each {
				l.observe(time.Millisecond, time.Duration(i)*windowTime/100)
				if i%100 == 0 {
					l.quantiles(time.Duration(i) * windowTime / 100)
				}
			}
		})
	}
	wait.Wait()
	if _, n, _ := l.histogram(); n != goroutines*each {
		t.Errorf("count is %d", n)
	}
}

func TestObserveAllocatesNothing(t *testing.T) {
	tel, _ := New(Options{})
	r := tel.Requests(0, "predictions", "POST")
	start := time.Now()
	r.End(t.Context(), start, 200)
	if n := testing.AllocsPerRun(100, func() { r.End(r.Begin(t.Context(), "", nil), start, 200) }); n != 0 {
		t.Errorf("a request's telemetry allocates %v times", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	tel, _ := New(Options{})
	r := tel.Requests(0, "predictions", "POST")
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		r.End(r.Begin(ctx, "", nil), time.Now(), 200)
	}
}

// BenchmarkLibrary is what the same would cost with the types of the
// Prometheus library, their handles made beforehand.
func BenchmarkLibrary(b *testing.B) {
	var buckets []float64
	for _, d := range bounds {
		buckets = append(buckets, d.Seconds())
	}
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: buckets})
	s := prometheus.NewSummary(prometheus.SummaryOpts{Name: "s", Objectives: map[float64]float64{.5: .05, .75: .025, .9: .01, .98: .002, .99: .001, 1: 0}})
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "g"})
	b.ReportAllocs()
	for b.Loop() {
		g.Inc()
		start := time.Now()
		seconds := time.Since(start).Seconds()
		g.Dec()
		h.Observe(seconds)
		s.Observe(seconds)
	}
}
