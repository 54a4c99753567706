package policy

import (
	"math/bits"
	"sync"
	"time"
)

// latency estimates a percentile of a node's answering times. Times fall into
// buckets that are an eighth of their octave wide, so that the estimate is at
// most 13 % too high, and old ones count less and less.
type latency struct {
	percentile int

	mu      sync.Mutex
	buckets [8 * 40]uint32
	total   int
	fresh   int
	// after is the estimate; 0: not enough is known.
	after time.Duration
}

const (
	// leastKnown is how many answers an estimate needs.
	leastKnown = 50
	// halfLife is the number of answers after which all counts are halved.
	halfLife = 2000
	// refresh is the number of answers between two estimates.
	refresh = 25
)

// bucket numbers a time, of which microseconds count.
func bucket(d time.Duration) int {
	v := uint64(max(d.Microseconds(), 0))
	if v < 8 {
		return int(v)
	}
	octave := bits.Len64(v) - 4
	return min(8*(octave+1)+int(v>>octave&7), 8*40-1)
}

// end is the time at which a bucket ends.
func end(bucket int) time.Duration {
	if bucket < 8 {
		return time.Duration(bucket+1) * time.Microsecond
	}
	octave := bucket/8 - 1
	return time.Duration(bucket%8+9) << octave * time.Microsecond
}

func (l *latency) observe(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buckets[bucket(d)]++
	l.total++
	if l.fresh++; l.total >= leastKnown && l.fresh >= refresh {
		l.fresh = 0
		l.estimate()
	}
	if l.total >= halfLife {
		l.total = 0
		for i := range l.buckets {
			l.buckets[i] /= 2
			l.total += int(l.buckets[i])
		}
	}
}

func (l *latency) estimate() {
	below := 0
	for i, n := range l.buckets {
		if below += int(n); below*100 >= l.total*l.percentile {
			l.after = end(i)
			return
		}
	}
}

// known is the estimate; 0: there is none yet.
func (l *latency) known() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.after
}
