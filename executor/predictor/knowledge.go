package predictor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/translate"
)

// What a server has said of its model may be old: servers load other versions
// by themselves. It is asked for anew
//
//   - by the first request that comes after knowledgeLife;
//   - before a request is refused by what is known, so that the refusal rests on
//     what the server said after the request had come;
//   - when the server declines a request that was made by what is known, or
//     answers otherwise than it had said.
//
// Whatever requests ask for, a server is asked no oftener than each questionPause.
const (
	knowledgeLife = 30 * time.Second
	questionPause = 100 * time.Millisecond
	// questionTime bounds a question that is asked while older knowledge is there.
	questionTime = 5 * time.Second
)

// knowledge is what a server said of its model.
type knowledge struct {
	// spec is nil if the server cannot tell; err is why what it said is of no
	// use.
	spec *translate.Spec
	err  error
	// asked is when the server was asked for it, tried when it was asked last,
	// which may have brought nothing.
	asked, tried time.Time
	// doubted says that it may be old, fickle that the server answers otherwise
	// even while it is new.
	doubted, fickle atomic.Bool
}

// after reports whether the knowledge is from after a moment.
func (k *knowledge) after(moment time.Time) bool { return !k.asked.Before(moment) }

// due reports whether it is time to ask again.
func (k *knowledge) due() bool {
	age := time.Since(k.tried)
	return age > knowledgeLife || age > questionPause && (k.err != nil || k.doubted.Load())
}

// specCache keeps what a server said of its model.
type specCache struct {
	known atomic.Pointer[knowledge]
	// turn lets one request ask while others wait; asked belongs to who has it.
	turn  chan struct{}
	asked time.Time
}

// mostSpecs is how many versions of a model something is known of.
const mostSpecs = 64

// specs are what a server said of its model and of versions of it.
type specs struct {
	// usual is of what answers where no version is named, others by version.
	usual  *specCache
	mu     sync.Mutex
	others map[message.Model]*specCache
}

// of is what is known of a version; for one too many another is forgotten.
func (s *specs) of(m message.Model) *specCache {
	if m.Version == "" && m.Label == "" {
		return s.usual
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.others[m]
	if c == nil {
		c = newSpecCache()
		if s.others == nil {
			s.others = map[message.Model]*specCache{}
		}
		for old := range s.others {
			if len(s.others) < mostSpecs {
				break
			}
			delete(s.others, old)
		}
		s.others[m] = c
	}
	return c
}

// inquiry is a question to a server about its model.
type inquiry func(ctx context.Context) (*translate.Spec, error)

func newSpecCache() *specCache { return &specCache{turn: make(chan struct{}, 1)} }

// current returns what is known, and asks for it if nothing is or if it is due.
// A server that cannot be asked right now yields knowledge without a spec, if
// there is none from before: the call itself will show what is wrong with it.
func (c *specCache) current(ctx context.Context, ask inquiry) (*knowledge, error) {
	k := c.known.Load()
	if k != nil && !k.due() {
		return k, k.err
	}
	if k == nil {
		if err := c.enter(ctx); err != nil {
			return nil, err
		}
	} else {
		select {
		case c.turn <- struct{}{}:
		default:
			// Another request asks.
			return k, k.err
		}
	}
	defer c.leave()
	if now := c.known.Load(); now != k {
		return now, now.err
	}
	learnt, err := c.learn(ctx, k, ask)
	if unanswered := new(askError); errors.As(err, &unanswered) {
		if k == nil {
			return &knowledge{}, nil
		}
		return k, k.err
	}
	return learnt, err
}

// since returns what the server said after a moment. It fails with an
// [askError] if the server cannot be asked.
func (c *specCache) since(ctx context.Context, moment time.Time, ask inquiry) (*knowledge, error) {
	if k := c.known.Load(); k != nil && k.after(moment) {
		return k, k.err
	}
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	k := c.known.Load()
	if k != nil && k.after(moment) {
		return k, k.err
	}
	select {
	case <-time.After(time.Until(c.asked.Add(questionPause))):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return c.learn(ctx, k, ask)
}

func (c *specCache) enter(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *specCache) leave() { <-c.turn }

// learn asks the server. Before is what was known.
func (c *specCache) learn(ctx context.Context, before *knowledge, ask inquiry) (*knowledge, error) {
	if before != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, questionTime)
		defer cancel()
	}
	c.asked = time.Now()
	learnt := &knowledge{asked: c.asked, tried: c.asked}
	learnt.spec, learnt.err = ask(ctx)
	var unanswered *askError
	switch {
	case errors.As(learnt.err, &unanswered) && unanswered.final:
		// One that could tell before may be between two versions.
		learnt.err = nil
		learnt.doubted.Store(before != nil && before.spec != nil)
	case unanswered != nil && before != nil:
		kept := &knowledge{spec: before.spec, err: before.err, asked: before.asked, tried: c.asked}
		kept.doubted.Store(true)
		kept.fickle.Store(before.fickle.Load())
		c.known.Store(kept)
		return nil, unanswered
	case unanswered != nil:
		return nil, unanswered
	case before != nil && before.spec.Same(learnt.spec):
		learnt.fickle.Store(before.fickle.Load())
	}
	c.known.Store(learnt)
	return learnt, learnt.err
}

// doubt says that what is known may be old.
func (c *specCache) doubt() {
	if k := c.known.Load(); k != nil {
		k.doubted.Store(true)
	}
}

// mayAsk reports whether a question asked now would be sent at once.
func (c *specCache) mayAsk() bool {
	k := c.known.Load()
	return k == nil || time.Since(k.tried) > questionPause
}

// askError is a question that got no answer; final: nor will it.
type askError struct {
	error
	final bool
}

func (e *askError) Unwrap() error { return e.error }
