package config

import "errors"

// InFlight bounds what is under way at once.
type InFlight struct {
	// Most is the most requests that walk the graph at once, Waiting
	// those that wait for it; what comes beyond is turned away. 0: no bound.
	Most, Waiting int
}

func (l *InFlight) check() error {
	if l.Most < 0 || l.Waiting < 0 {
		return errors.New("--max_inflight (RADIANT_MAX_INFLIGHT) and --max_waiting (RADIANT_MAX_WAITING) must be numbers from 0 up")
	}
	return nil
}
