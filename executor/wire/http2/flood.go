package http2

import (
	"time"

	"golang.org/x/net/http2"
)

// flood counts what costs its sender little and this side something: pings,
// settings, empty frames, and streams that are reset as soon as they began.
type flood struct {
	since  time.Time
	counts [2]int
}

// The kinds of cheap frames.
const (
	flooding = iota
	resetting
)

// mostCheap is how many of a kind may come in a second. gRPC's clients ping once
// a round trip while they receive much; those that hedge reset often.
func mostCheap() [2]int { return [...]int{flooding: 20_000, resetting: 2_000} }

// cheap counts a frame.
func (f *flood) cheap(kind int) error {
	f.counts[kind]++
	most := mostCheap()[kind]
	if f.counts[kind] <= most {
		return nil
	}
	now := time.Now()
	if now.Sub(f.since) > time.Second {
		f.since, f.counts = now, [2]int{}
		return nil
	}
	return http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
}
