package refresh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// linger is how long a version stays beside one that serves in its place, where the server
// is told what to drop: requests that were meant for it are under way, and whoever chooses
// between versions looks each few seconds which there are.
const linger = 15 * time.Second

// Unanswered is why a server could not be told something, of which it may know nothing.
type Unanswered struct{ error }

// Unwrap returns the reason.
func (u Unanswered) Unwrap() error { return u.error }

// load has the server load what lies in the folder, if it does not do so by itself and has
// something else. A version that it cannot load is taken away, while another one serves.
// It reports whether the server was told.
func (r *Refresher) load(ctx context.Context) bool {
	if r.Load == nil || r.Serving == nil {
		return false
	}
	before := r.serving(ctx)
	if before == nil {
		return false // It starts, or starts again, and takes what is there.
	}
	missing := slices.DeleteFunc(r.local(), func(v version) bool { return before[v.number].Available })
	if len(missing) == 0 && !r.stale {
		return false
	}
	err := r.Load(ctx)
	if errors.As(err, new(Unanswered)) || ctx.Err() != nil {
		r.tellUnloaded(err)
		return true
	}
	after := r.serving(ctx)
	if after == nil {
		return true
	}
	r.stale = err != nil
	missing = slices.DeleteFunc(missing, func(v version) bool { return after[v.number].Available })
	switch {
	case len(missing) == 0:
		r.tellUnloaded(err)
	case len(missing) > 1:
		r.loadEach(ctx, missing)
	default:
		r.notLoaded(missing[0], after, notThere(err))
	}
	return true
}

// notThere is why a version is not loaded, after the server was told and answered so.
func notThere(err error) error {
	if err == nil {
		return errors.New("the server does not have it after it was told to load it")
	}
	return err
}

// loadEach has the server load versions one after the other. One that is told to load
// several ends with the first that does not load, and does not say which that was.
// If this process ends in between, [Refresher.settleAside] of the next one sees to those
// that wait.
func (r *Refresher) loadEach(ctx context.Context, missing []version) {
	type failure struct {
		version
		err error
	}
	var failed []failure
	aside := map[version]bool{}
	hide := func(v version) bool {
		from, to := filepath.Join(r.Dir, v.name), r.asideAt(v)
		if err := errors.Join(os.RemoveAll(to), os.Rename(from, to)); err != nil {
			r.Log.Error("a version cannot be moved, so that others are loaded without it", "version", v.number, "error", err.Error())
			return false
		}
		aside[v] = true
		return true
	}
	show := func(v version) {
		if !aside[v] {
			return
		}
		if err := os.Rename(r.asideAt(v), filepath.Join(r.Dir, v.name)); err != nil {
			r.Log.Error("a version cannot be moved back, and is fetched again", "version", v.number, "error", err.Error())
		}
		delete(aside, v)
	}
	defer func() {
		for _, v := range missing {
			show(v)
		}
	}()
	for _, v := range missing {
		if !hide(v) {
			return
		}
	}
	r.stale = true
	for _, v := range missing {
		show(v)
		err := r.Load(ctx)
		if errors.As(err, new(Unanswered)) || ctx.Err() != nil {
			r.tellUnloaded(err)
			return
		}
		now := r.serving(ctx)
		if now == nil {
			return
		}
		if r.stale = err != nil; !now[v.number].Available {
			failed = append(failed, failure{v, notThere(err)})
			if !hide(v) {
				return
			}
		}
	}
	for _, f := range failed {
		show(f.version)
	}
	for _, f := range failed {
		after := r.serving(ctx)
		if after == nil {
			return
		}
		r.notLoaded(f.version, after, f.err)
	}
}

// notLoaded takes a version away that the server could not load, if another one serves.
func (r *Refresher) notLoaded(v version, serving map[int64]Serving, err error) {
	fault := fmt.Errorf("the server could not load it: %w", err)
	known := r.state.of(v.number)
	if !anyServes(serving, v.number, r.local()) {
		if known.Note != fault.Error() {
			r.Log.Error("no version serves", "version", v.number, "error", fault.Error())
		}
		known.Note = fault.Error()
		r.state.set(known)
		return
	}
	if err := r.drop(v); err != nil {
		r.Log.Error("a version that does not load cannot be taken away", "version", v.number, "error", err.Error())
		return
	}
	r.refuse(v, known.Signature, "broken", fault)
}

// tellUnloaded says once why the server could not load what changed; nil: it could.
func (r *Refresher) tellUnloaded(err error) {
	was := r.unloaded
	r.unloaded = ""
	if err != nil {
		if r.unloaded = err.Error(); withoutDigits(r.unloaded) != withoutDigits(was) {
			r.Log.Warn("the server could not be told to load what changed; it is told again", "error", r.unloaded)
		}
	}
}

// isReplaced reports whether another version that is wanted has served for a while, of a
// server that drops what it is told to.
func (r *Refresher) isReplaced(v version, serving map[int64]Serving, wanted []version) bool {
	return slices.ContainsFunc(wanted, func(w version) bool {
		known := r.state.of(w.number)
		return w.number != v.number && serving[w.number].Available && known.Serving != nil && r.Now().Sub(*known.Serving) >= linger
	})
}
