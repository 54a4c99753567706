package config

import (
	"errors"
	"flag"
	"strconv"
)

// InFlight bounds what is under way at once.
type InFlight struct {
	// Most is the most requests that walk the graph at once, Waiting
	// those that wait for it; what comes beyond is turned away. 0: no bound.
	Most, Waiting int
}

func (l *InFlight) define(flags *flag.FlagSet, env Env) {
	number := func(name string) int {
		// What is no number shows as a flag that is out of range.
		n, err := strconv.Atoi(env.or(name, "0"))
		if err != nil {
			return -1
		}
		return n
	}
	flags.IntVar(&l.Most, "max_inflight", number("RADIANT_MAX_INFLIGHT"), "most requests under way at once; 0: no bound")
	flags.IntVar(&l.Waiting, "max_waiting", number("RADIANT_MAX_WAITING"), "most requests that wait for --max_inflight; more are turned away")
}

func (l *InFlight) check() error {
	if l.Most < 0 || l.Waiting < 0 {
		return errors.New("--max_inflight (RADIANT_MAX_INFLIGHT) and --max_waiting (RADIANT_MAX_WAITING) must be numbers from 0 up")
	}
	return nil
}
