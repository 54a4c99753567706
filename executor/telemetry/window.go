package telemetry

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// Quantiles are of the last ten minutes, which pass in steps of two.
const (
	windowCount = 5
	windowTime  = 2 * time.Minute
)

// quantiles are those of Seldon Core v1; 1 is the maximum.
var quantiles = [...]float64{.5, .75, .9, .98, .99, 1}

// A window counts durations in cells whose width grows with the duration: 32
// to each doubling, so that a cell is 3% wide at most. The unit is 1024 ns,
// the last cell is that of an hour and more.
const (
	cellBits  = 5
	cells     = 1 << cellBits
	unitBits  = 10
	doublings = 27
)

type window struct {
	// period is the number of the two minutes that are counted.
	period atomic.Int64
	counts [(doublings + 1) * cells]atomic.Uint32
	max    atomic.Int64
}

func (w *window) observe(took time.Duration) {
	w.counts[cell(took)].Add(1)
	for {
		highest := w.max.Load()
		if int64(took) <= highest || w.max.CompareAndSwap(highest, int64(took)) {
			return
		}
	}
}

func (w *window) reset(period int64) {
	for i := range w.counts {
		w.counts[i].Store(0)
	}
	w.max.Store(0)
	w.period.Store(period)
}

func cell(took time.Duration) int {
	units := uint64(took) >> unitBits //nolint:gosec // not negative
	doubling := max(bits.Len64(units)-cellBits, 0)
	if doubling == 0 {
		return int(units)
	}
	i := doubling*cells + int(units>>(doubling-1)) - cells //nolint:gosec // cells of one doubling
	return min(i, (doublings+1)*cells-1)
}

// start is the least duration of a cell.
func start(cell int) float64 {
	doubling, rest := cell/cells, cell%cells
	if doubling == 0 {
		return float64(rest) * (1 << unitBits)
	}
	return math.Ldexp(float64(cells+rest), doubling-1+unitBits)
}

// quantiles returns the seconds below which each share of the requests of the
// last ten minutes lies; NaN if there were none.
func (l *latency) quantiles(at time.Duration) map[float64]float64 {
	var counts [(doublings + 1) * cells]uint64
	var total uint64
	var highest float64
	period := int64(at / windowTime)
	for i := range l.windows {
		w := l.windows[i].Load()
		if w == nil || w.period.Load() <= period-windowCount {
			continue
		}
		for i := range counts {
			n := uint64(w.counts[i].Load())
			counts[i] += n
			total += n
		}
		highest = max(highest, time.Duration(w.max.Load()).Seconds())
	}
	values := make(map[float64]float64, len(quantiles))
	for _, q := range quantiles {
		switch {
		case total == 0:
			values[q] = math.NaN()
		case q == 1:
			values[q] = highest
		default:
			values[q] = min(quantile(counts[:], q*float64(total)), highest)
		}
	}
	return values
}

// quantile finds the seconds below which that many of the counts lie, as if
// they were spread evenly over their cells.
func quantile(counts []uint64, rank float64) float64 {
	var below float64
	for i, n := range counts {
		if n := float64(n); n > 0 {
			if below+n >= rank {
				from, to := start(i), start(i+1)
				return (from + (to-from)*(rank-below)/n) / float64(time.Second)
			}
			below += n
		}
	}
	return math.Inf(1)
}
