package transfer

import (
	"slices"
	"sort"
)

// span is the bytes from From up to, not including, To.
type span struct{ From, To int64 }

// spans are sorted and neither overlap nor touch.
type spans []span

// add returns s with one more span.
func (s spans) add(n span) spans {
	if n.From >= n.To {
		return s
	}
	i := sort.Search(len(s), func(i int) bool { return s[i].To >= n.From })
	j := i
	for j < len(s) && s[j].From <= n.To {
		n.From, n.To = min(n.From, s[j].From), max(n.To, s[j].To)
		j++
	}
	return slices.Replace(s, i, j, n)
}

// prefix is how many bytes from the beginning are there.
func (s spans) prefix() int64 {
	if len(s) == 0 || s[0].From > 0 {
		return 0
	}
	return s[0].To
}

// total is the number of bytes.
func (s spans) total() int64 {
	var n int64
	for _, r := range s {
		n += r.To - r.From
	}
	return n
}

// missing are the spans of size bytes that are not in s, none longer than most.
func (s spans) missing(size, most int64) []span {
	var gaps []span
	at := int64(0)
	for _, r := range append(slices.Clone(s), span{size, size}) {
		for at < r.From {
			to := min(r.From, at+most)
			gaps = append(gaps, span{at, to})
			at = to
		}
		at = r.To
	}
	return gaps
}
