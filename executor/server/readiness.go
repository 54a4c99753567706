package server

import (
	"log/slog"
	"sync"
	"time"
)

// readiness logs how the answers to probes change: they are asked several times
// a second while a server loads its model.
type readiness struct {
	log *slog.Logger
	now func() time.Time

	mu sync.Mutex
	// asked is set by the first answer, ready is the last one.
	asked, ready bool
	// since is when that state began, reminders how often it was logged again.
	since     time.Time
	reminders int
}

func newReadiness(log *slog.Logger, now func() time.Time) *readiness {
	return &readiness{log: log, now: now}
}

// reminder is how long a state lasts that is logged for the n-th time again:
// 10 s, 30 s, and then each minute.
func reminder(n int) time.Duration {
	switch n {
	case 0:
		return 10 * time.Second
	case 1:
		return 30 * time.Second
	}
	return time.Duration(n-1) * time.Minute
}

// tell takes the answer to a probe: nil is ready.
func (r *readiness) tell(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	changed := !r.asked || r.ready != (err == nil)
	lasted := now.Sub(r.since)
	if changed {
		r.asked, r.ready, r.since, r.reminders = true, err == nil, now, 0
	}
	switch {
	case err == nil && changed:
		r.log.Info("ready")
	case err == nil:
	case changed:
		r.log.Info("not ready", "error", err.Error())
	case lasted >= reminder(r.reminders):
		for lasted >= reminder(r.reminders) {
			r.reminders++
		}
		r.log.Warn("still not ready", "seconds", int(lasted.Seconds()), "error", err.Error())
	}
}
