package scaling

import (
	"math"
	"time"
)

// window averages a value over the last seconds. A second of which nothing was
// recorded counts as 0 where one after it was, and one before the first record
// or after the last does not count. This, and the digits to which the average is
// rounded, are as in Knative's autoscaler.
type window struct {
	// seconds is a ring by the number of the second.
	seconds []float64
	sum     float64
	// whole are the whole seconds of the window.
	whole int64
	// first and last are the seconds of the first record and of the newest one.
	first, last int64
	begun       bool
}

// digits is where averages are rounded, so that what sums of fractions leave
// over does not want a pod.
const digits = 1e6

func newWindow(length time.Duration) *window {
	return &window{seconds: make([]float64, max(int(math.Ceil(length.Seconds())), 1)), whole: int64(length / time.Second)}
}

func (w *window) at(second int64) *float64 { return &w.seconds[second%int64(len(w.seconds))] }

func (w *window) length() int64 { return int64(len(w.seconds)) }

// record adds a value to the second of a time. What is older than the window is
// too late.
func (w *window) record(now time.Time, value float64) {
	second := now.Unix()
	switch {
	case !w.begun || second-w.last >= w.length():
		clear(w.seconds)
		w.sum, w.first, w.last, w.begun = 0, second, second, true
	case second > w.last:
		w.forget(second)
		w.last = second
	case second+w.length() <= w.last:
		return
	}
	w.first = min(w.first, second)
	*w.at(second) += value
	w.sum += value
}

// forget clears the seconds after the last one up to this one.
func (w *window) forget(second int64) {
	for s := w.last + 1; s <= second; s++ {
		w.sum -= *w.at(s)
		*w.at(s) = 0
	}
}

// empty reports whether nothing was recorded for longer than the window.
func (w *window) empty(now time.Time) bool { return !w.begun || now.Unix()-w.last > w.whole }

// average is that of the seconds of the window that count.
func (w *window) average(now time.Time) float64 {
	behind := max(now.Unix()-w.last, 0)
	if !w.begun || behind >= w.length() {
		return 0
	}
	sum := w.sum
	for s := w.last + 1; s <= w.last+behind; s++ {
		sum -= *w.at(s)
	}
	counted := min(w.last-w.first+1, w.length()-behind)
	return math.Round(sum/float64(counted)*digits) / digits
}

// highest keeps the highest of the numbers of the last ticks of a duration.
type highest struct {
	length time.Duration
	of     []timed
}

type timed struct {
	tick  int64
	value int32
}

// record takes a number and returns the highest of the duration.
func (h *highest) record(now time.Time, value int32) int32 {
	tick := now.Unix() / int64(Tick/time.Second)
	most := int64(math.Ceil(float64(h.length) / float64(Tick)))
	kept := h.of[:0]
	for _, t := range h.of {
		if tick-t.tick < most {
			kept = append(kept, t)
		}
	}
	h.of = append(kept, timed{tick, value})
	for _, t := range h.of {
		value = max(value, t.value)
	}
	return value
}
