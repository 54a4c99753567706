package refresh

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prime-radiant/radiant/storage/transfer"
)

const (
	// patience is how long a server may say nothing, while there is a version that has
	// served it, before a version that never did is taken for the reason.
	patience = 2 * time.Minute
	// startTime is the same where no version has served yet: the image of the server
	// may still be fetched. It is how long the startup probes of servers wait.
	startTime = 30 * time.Minute
	// leastGrace is how long a version is in its place at least before what the server
	// says of its number is taken to be of it: it may be of what had the number before.
	leastGrace = 10 * time.Second
	// watchEvery is the time between two questions to the server while a version is
	// there that has not served yet.
	watchEvery = 10 * time.Second
	// leastSilent is how many questions at least have no answer where a server is silent.
	leastSilent = 3
)

// silence is how long a server has not answered. The zero value is of one that does.
type silence struct {
	since     time.Time
	questions int
}

// once asks the server when that is needed, and at most once.
func (r *Refresher) once(ctx context.Context) func() map[int64]Serving {
	return sync.OnceValue(func() map[int64]Serving { return r.serving(ctx) })
}

// wait waits, and asks the server in the meantime what became of a version that is new.
func (r *Refresher) wait(ctx context.Context, d time.Duration) bool {
	for ; d > watchEvery && r.isOpen(); d -= watchEvery {
		if !r.Sleep(ctx, watchEvery) {
			return false
		}
		serving := r.once(ctx)
		r.setAside(serving)
		r.settleAside(serving)
		r.load(ctx)
		_ = r.write(false) // It was told.
	}
	return r.Sleep(ctx, d)
}

// isOpen reports whether a version is there that has not served, and somebody can tell.
func (r *Refresher) isOpen() bool {
	return r.Serving != nil && slices.ContainsFunc(r.local(), func(v version) bool { return !r.hasServed(v) })
}

func (r *Refresher) hasServed(v version) bool { return r.state.of(v.number).Serving != nil }

// setAside takes versions away that the server cannot load: when it starts again, it is
// to find the last good one and not these.
func (r *Refresher) setAside(serving func() map[int64]Serving) {
	for _, v := range r.local() {
		if r.hasServed(v) {
			continue
		}
		fault := r.fault(v, serving())
		if fault == nil {
			continue
		}
		if err := r.drop(v); err != nil {
			r.Log.Error("a version that does not load cannot be taken away", "version", v.number, "error", err.Error())
			continue
		}
		r.refuse(v, r.state.of(v.number).Signature, "broken", fault)
		r.silent = silence{} // Without it the server has its time again.
	}
}

// fault is why a version that has not served is taken away; nil: it is not. That the
// server fails to load it is known if the server says so, and taken for the reason why
// one says nothing. There has to be a version that is better. Of one that is loaded alone
// what the server says counts sooner: it had dropped everything before.
func (r *Refresher) fault(v version, serving map[int64]Serving) error {
	known := r.state.of(v.number)
	if known.Serving != nil {
		return nil // As the server has just said.
	}
	now, local, isAlone := r.Now(), r.local(), len(r.aside()) > 0
	hasGood := isAlone || slices.ContainsFunc(local, func(w version) bool { return w.number != v.number && r.hasServed(w) })
	if said := serving[v.number].Failed; said != "" {
		here := now.Sub(known.Since)
		if isAlone && here >= leastGrace || here >= r.grace() && anyServes(serving, v.number, local) || here >= patience && (hasGood || r.hasNext(v, serving)) {
			return fmt.Errorf("the server could not load it: %s", said)
		}
		return nil
	}
	if r.silent.questions < leastSilent {
		return nil
	}
	from := r.silent.since
	if known.Since.After(from) {
		from = known.Since
	}
	silent := now.Sub(from)
	if hasGood && silent >= patience || silent >= startTime && r.hasNext(v, serving) {
		return fmt.Errorf("the server has not answered for %s since this version is there", silent.Round(time.Second))
	}
	return nil
}

// grace is how long a version is in its place before it is judged by what the server
// says of its number.
func (r *Refresher) grace() time.Duration {
	return max(leastGrace, min(2*(r.Every+r.Settle), patience))
}

// hasNext reports whether there is another version that may load, here or, by the last
// look, in the store: below v, and not refused for what it is.
func (r *Refresher) hasNext(v version, serving map[int64]Serving) bool {
	mayLoad := func(w version) bool {
		known := r.state.of(w.number)
		return w.number < v.number && serving[w.number].Failed == "" && (known.Refused == "" || known.Signature == "")
	}
	inStore := func(w version) bool { return r.Policy.wants(w.number) && mayLoad(w) }
	return slices.ContainsFunc(r.local(), mayLoad) || slices.ContainsFunc(r.there, inStore)
}

// renew takes versions away that never served, while none does, and that are other ones
// in the store by now: what did not load may be mended there.
func (r *Refresher) renew(ctx context.Context, serving func() map[int64]Serving) {
	local := r.local()
	for _, v := range local {
		if r.Serving == nil || r.hasServed(v) || !has(r.there, v.number) {
			continue
		}
		if all := serving(); all[v.number].Available || anyServes(all, v.number, local) {
			continue
		}
		if mark := r.state.of(v.number).Signature; mark == "" || !r.isAnother(ctx, v, mark) {
			continue
		}
		if err := r.drop(v); err != nil {
			r.Log.Error("a version that changed in the store cannot be taken away", "version", v.number, "error", err.Error())
			continue
		}
		r.state.remove(v.number)
		r.Log.Info("a version changed in the store before it served, and is fetched again", "version", v.number)
	}
}

// isAnother reports whether a version is another one in the store than the signature says,
// and whole.
func (r *Refresher) isAnother(ctx context.Context, v version, mark string) bool {
	if r.states != nil {
		return !r.state.Current.is(mark)
	}
	files, err := r.source.Files(ctx, v.name)
	return err == nil && transfer.Signature(files) != mark && r.Kind.Missing(files) == nil
}
