package refresh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/storage/transfer"
)

// asideName begins the names of folders that hold versions which the server has dropped so
// that another one has their memory. They come back if that one does not serve.
const asideName = ".radiant-aside-"

const (
	// unloadTime is how long a server may take to drop what it has loaded, and
	// unloadPause the time between two questions whether it has.
	unloadTime  = time.Minute
	unloadPause = time.Second
)

// aside are the versions that wait in such folders.
func (r *Refresher) aside() []version {
	entries, err := os.ReadDir(r.Dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if name, is := strings.CutPrefix(e.Name(), asideName); is && e.IsDir() {
			names = append(names, name)
		}
	}
	return numbered(names)
}

func (r *Refresher) asideAt(v version) string { return filepath.Join(r.Dir, asideName+v.name) }

// mayMakeWay reports whether what is loaded may be dropped for another version now: nothing
// waits already, and the server tells what it has, or is silent for good.
func (r *Refresher) mayMakeWay(ctx context.Context) bool {
	if !r.OneAtATime || len(r.local()) == 0 {
		return true
	}
	return len(r.aside()) == 0 && (r.serving(ctx) != nil || r.silent.questions >= leastSilent)
}

// place moves a version that is complete to where the server finds it. The error has a kind.
func (r *Refresher) place(ctx context.Context, from string, v version) (kind string, err error) {
	if r.OneAtATime {
		if err := r.makeWay(ctx); err != nil {
			return "unloading", errors.Join(err, r.comeBack())
		}
	}
	r.stale = true
	if err := os.Rename(from, filepath.Join(r.Dir, v.name)); err != nil {
		return "fetching", errors.Join(err, r.comeBack())
	}
	return "", nil
}

// makeWay has the server drop all that it has loaded, which it does when nothing is there.
func (r *Refresher) makeWay(ctx context.Context) error {
	for _, v := range r.local() {
		if err := os.Rename(filepath.Join(r.Dir, v.name), r.asideAt(v)); err != nil {
			return err
		}
		known := r.state.of(v.number)
		known.Aside = true
		r.state.set(known)
		r.Log.Info("a version is unloaded, so that another one has its memory", "version", v.number)
	}
	all := r.aside()
	if len(all) == 0 || r.Serving == nil {
		return nil
	}
	_ = r.write(false) // It was told.
	left := int64(0)
	for range unloadTime / unloadPause {
		if !r.Sleep(ctx, unloadPause) {
			return ctx.Err()
		}
		serving, err := r.Serving(ctx)
		left = 0
		for number, s := range serving {
			if s.Available {
				left = number
			}
		}
		if err == nil && left == 0 {
			break
		}
	}
	if left != 0 {
		return transfer.Permanent(fmt.Errorf("the server has not unloaded version %d within %s", left, unloadTime))
	}
	r.silent = silence{}
	return nil
}

// comeBack brings the versions back that wait.
func (r *Refresher) comeBack() error {
	var failed error
	for _, v := range r.aside() {
		if err := os.Rename(r.asideAt(v), filepath.Join(r.Dir, v.name)); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		known := r.state.of(v.number)
		known.Aside = false
		r.state.set(known)
		r.Log.Info("a version is back in its place", "version", v.number)
	}
	return failed
}

// settleAside brings versions back that wait while there is none in their place, and
// removes them when one serves there.
func (r *Refresher) settleAside(serving func() map[int64]Serving) {
	waiting := r.aside()
	if len(waiting) == 0 {
		return
	}
	local := r.local()
	if len(local) == 0 {
		if err := r.comeBack(); err != nil {
			r.Log.Error("a version that was unloaded cannot come back", "error", err.Error())
		}
		return
	}
	const noNumber = -1
	if !anyServes(serving(), noNumber, local) {
		return
	}
	for _, v := range waiting {
		r.discard(v, func(v version) error { return os.RemoveAll(r.asideAt(v)) })
	}
}
