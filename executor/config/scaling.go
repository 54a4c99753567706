package config

import (
	"errors"
	"math"
	"time"
)

// Scaling is what pods that are scaled by their requests ask for.
type Scaling struct {
	// Report has the load told to who scales the pods.
	Report bool
	// Concurrency is how many requests are answered at once, 0: any number; Queue
	// how many more wait for that, 0: ten for each; Patience how long, 0: for as
	// long as their clients do.
	Concurrency, Queue int
	Patience           time.Duration
}

// waitingForEach is how many requests wait for each that may be answered at once,
// unless told otherwise; Knative's proxies hold as many.
const waitingForEach = 10

// Waiting is how many requests may wait.
func (s *Scaling) Waiting() int {
	if s.Queue > 0 {
		return s.Queue
	}
	return min(s.Concurrency, math.MaxInt32/waitingForEach) * waitingForEach
}

func (s *Scaling) check() error {
	if s.Concurrency < 0 || s.Queue < 0 || s.Patience < 0 {
		return errors.New("--container_concurrency (RADIANT_CONTAINER_CONCURRENCY), --concurrency_queue (RADIANT_CONCURRENCY_QUEUE) and --concurrency_wait (RADIANT_CONCURRENCY_WAIT) must not be negative")
	}
	return nil
}
