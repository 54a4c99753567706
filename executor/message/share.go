package message

import (
	"sync"
	"sync/atomic"
	"time"
)

// share is what a message that is being read has of the budget: at first all
// that was announced, so that nobody begins what cannot be ended.
type share struct {
	budget Budget
	// begins is true for what a client sends.
	begins bool
	// has is how many bytes have come, taken how many may.
	has, taken atomic.Int64

	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

// A message of which less than slow bytes come within a look's time gives back
// what it has no bytes for: who announces much and sends little holds little.
const (
	look = time.Second
	slow = 1 << 20
)

func (s *share) begin(announced int64) error {
	if s.budget == nil || announced == 0 {
		return nil
	}
	take := s.budget.Take
	if s.begins {
		take = s.budget.Begin
	}
	if err := take(announced); err != nil {
		return err
	}
	s.taken.Store(announced)
	if announced > slow {
		s.watch(0)
	}
	return nil
}

// watch looks at a message again after a while, of which so much had come.
func (s *share) watch(had int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.timer = time.AfterFunc(look, func() {
		has := s.has.Load()
		if has-had < slow {
			s.giveBack(has)
		}
		s.watch(has)
	})
}

func (s *share) giveBack(has int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if surplus := s.taken.Load() - has - slow; surplus > 0 && !s.ended {
		s.taken.Add(-surplus)
		s.budget.Give(surplus)
	}
}

// atLeast takes so much that need bytes may have come.
func (s *share) atLeast(need int64) error {
	if need > s.budget.Limit() {
		return ErrNever
	}
	// Another may give back meanwhile, and no one else takes.
	more := need - s.taken.Load()
	if err := s.budget.Take(more); err != nil {
		return err
	}
	s.taken.Add(more)
	return nil
}

// end returns what the message has of the budget, for its lease to give back.
func (s *share) end() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.timer != nil {
		s.timer.Stop()
	}
	return s.taken.Load()
}
