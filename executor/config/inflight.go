package config

import "errors"

// InFlight bounds what is under way at once.
type InFlight struct {
	// Most is the most requests that walk the graph at once, Waiting
	// those that wait for it; what comes beyond is turned away. 0: no bound.
	Most, Waiting int
	// Bytes bounds what all messages under way take together. 0: the share of
	// the container's limit that is for them; below 0: no bound.
	Bytes int64
}

func (l *InFlight) check() error {
	if l.Most < 0 || l.Waiting < 0 {
		return errors.New("--max_inflight (RADIANT_MAX_INFLIGHT) and --max_waiting (RADIANT_MAX_WAITING) must be numbers from 0 up")
	}
	return nil
}
