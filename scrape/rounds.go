package scrape

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"
)

// MostSilent is how often in a row most programs may say nothing in their time before the
// others do not wait for them any more. A busy one may miss its time once.
const MostSilent = 2

// Rounds asks many programs again and again. One that is silent again and again is asked
// beside the rounds, so that the others are asked as often as without it; it is part of
// them again once it has answered.
type Rounds struct {
	atOnce, mostSilent int

	mu sync.Mutex
	// silent is how often in a row programs have said nothing, and unread are those whose
	// last report could not be read; both by their URLs.
	silent map[string]int
	unread map[string]bool
	// beside is true while silent ones are asked.
	beside bool
}

// NewRounds makes rounds that ask so many programs at once, and beside them as many that
// have said nothing so often in a row.
func NewRounds(atOnce, mostSilent int) *Rounds {
	return &Rounds{atOnce: atOnce, mostSilent: mostSilent, silent: map[string]int{}, unread: map[string]bool{}}
}

// Question is what one program is asked.
type Question struct {
	// URL tells the programs apart.
	URL string
	// Ask asks; take takes what came of it, one at a time, and may be nil. What silent
	// ones say is not taken: they are asked again in the next round.
	Ask func(context.Context) (take func(), err error)
	// Unread is told why a report cannot be read, once while that is so.
	Unread func(error)
}

// Round asks each program once, and returns when all have answered but for silent ones.
func (r *Rounds) Round(ctx context.Context, all []Question) {
	now, silent := r.split(all)
	r.askBeside(ctx, silent)
	var taking sync.Mutex
	r.ask(ctx, now, func(take func()) {
		taking.Lock()
		defer taking.Unlock()
		take()
	})
}

// split parts those that are silent from the others, and forgets who is not asked any more.
func (r *Rounds) split(all []Question) (now, silent []Question) {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := map[string]bool{}
	for _, q := range all {
		asked[q.URL] = true
		if r.silent[q.URL] >= r.mostSilent {
			silent = append(silent, q)
		} else {
			now = append(now, q)
		}
	}
	for url := range r.silent {
		if !asked[url] {
			delete(r.silent, url)
		}
	}
	for url := range r.unread {
		if !asked[url] {
			delete(r.unread, url)
		}
	}
	return now, silent
}

// askBeside asks silent programs while rounds go on, unless some still are.
func (r *Rounds) askBeside(ctx context.Context, silent []Question) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.beside || len(silent) == 0 {
		return
	}
	r.beside = true
	go func() {
		r.ask(ctx, silent, func(func()) {})
		r.mu.Lock()
		defer r.mu.Unlock()
		r.beside = false
	}()
}

func (r *Rounds) ask(ctx context.Context, all []Question, took func(take func())) {
	var group errgroup.Group
	group.SetLimit(r.atOnce)
	for _, q := range all {
		group.Go(func() error {
			take, err := q.Ask(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if r.note(q.URL, err) && q.Unread != nil {
				q.Unread(err)
			}
			if take != nil {
				took(take)
			}
			return nil
		})
	}
	_ = group.Wait() // None fails.
}

// note notes what came of a question, and reports whether a report cannot be read of which
// that is news.
func (r *Rounds) note(url string, err error) (news bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var late interface{ Timeout() bool }
	if errors.As(err, &late) && late.Timeout() {
		r.silent[url]++
		return false
	}
	delete(r.silent, url)
	was := r.unread[url]
	switch {
	case errors.Is(err, ErrUnreadable):
		r.unread[url] = true
		return !was
	case err == nil:
		delete(r.unread, url)
	}
	return false
}
