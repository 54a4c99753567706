package server

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prime-radiant/radiant/executor/protocol"
)

// errDraining says that the executor is about to end.
var errDraining = errors.New("draining")

// ready answers a probe. One that fails says why, but for clients of Seldon Core
// v1, where it says nothing; that is logged by [readiness] and is no failure here.
func (s *rest) ready(w http.ResponseWriter, r *http.Request, _ protocol.Match) (int, error) {
	if s.draining.Load() && !s.options.V1 {
		s.say(w, r, http.StatusServiceUnavailable, errDraining.Error())
		return http.StatusServiceUnavailable, nil
	}
	err := s.options.Engine.Ready(r.Context())
	s.readiness.tell(err)
	switch {
	case err == nil:
		return http.StatusOK, nil
	case s.options.V1:
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		s.say(w, r, http.StatusServiceUnavailable, strings.ReplaceAll(protocol.Text(err), "\n", "; "))
	}
	return http.StatusServiceUnavailable, nil
}

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
