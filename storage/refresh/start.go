package refresh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// Start is how a server that loads its model once comes to it: by the link
// [discovery.StartName] in the folder, which is made before the server starts, and is not
// changed while it runs.
type Start struct {
	// Version is the one that the server is to start with; empty: the newest. Where the
	// store has it no more, it is the next one below, or else the newest.
	Version string
	// Place is told with what is found: see [discovery.PlaceOf].
	Place string
}

// started is the version that the link leads to.
func (r *Refresher) started() (version, bool) {
	name, err := os.Readlink(filepath.Join(r.Dir, discovery.StartName))
	if err != nil {
		return version{}, false
	}
	all := numbered([]string{name})
	if r.Start == nil || len(all) == 0 {
		return version{}, false
	}
	return all[0], true
}

// lookBeside brings the newest version that is wanted beside the one that the server
// started with. The first look makes that one.
func (r *Refresher) lookBeside(ctx context.Context) error {
	now, isStarted := r.started()
	wanted := slices.DeleteFunc(slices.Clone(r.there), func(v version) bool { return !r.Policy.wants(v.number) })
	if !isStarted {
		wanted = r.toStartWith(wanted)
	}
	here := numbers(r.local())
	newest := slices.IndexFunc(wanted, func(v version) bool { return here[v.number] || r.bring(ctx, v) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var next *version
	switch {
	case newest >= 0 && !isStarted:
		now, isStarted = wanted[newest], true
		if err := r.start(now); err != nil {
			return err
		}
	case newest >= 0 && wanted[newest].number != now.number:
		next = &wanted[newest]
	}
	r.forget()
	if isStarted {
		r.tellStart(now, next)
		r.leave(now, next)
	}
	r.tidy(r.unfinished())
	r.staged = transfer.State{}
	return r.write(false)
}

// toStartWith are those of the wanted versions that the server may start with, the best
// first. One that it is told to start with is waited for as long as the store has it.
func (r *Refresher) toStartWith(wanted []version) []version {
	told, err := strconv.ParseInt(r.Start.Version, 10, 64)
	if err != nil {
		return wanted
	}
	if i := slices.IndexFunc(wanted, func(v version) bool { return v.number == told }); i >= 0 {
		return wanted[i : i+1]
	}
	if i := slices.IndexFunc(wanted, func(v version) bool { return v.number < told }); i >= 0 {
		return wanted[i:]
	}
	return wanted
}

// start leads the link to a version.
func (r *Refresher) start(v version) error {
	link := filepath.Join(r.Dir, discovery.StartName)
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(v.name, link); err != nil {
		return fmt.Errorf("naming the version that the server starts with: %w", err)
	}
	r.Log.Info("the server starts with a version", "version", v.number)
	return nil
}

// tellStart notes what the server started with, and what another one would start with.
func (r *Refresher) tellStart(now version, next *version) {
	was := r.state.Start
	is := discovery.Start{Version: strconv.FormatInt(now.number, 10), Told: r.Start.Version, Place: r.Start.Place}
	if next != nil {
		is.Next = strconv.FormatInt(next.number, 10)
	}
	if is.Next != "" && (was == nil || was.Next != is.Next) {
		r.Log.Info("a version waits for a server that starts with it", "version", next.number, "started with", now.number)
	}
	r.state.Start = &is
}

// leave removes all versions but for these.
func (r *Refresher) leave(now version, next *version) {
	for _, v := range r.local() {
		if v.number != now.number && (next == nil || v.number != next.number) {
			r.discard(v, r.drop)
		}
	}
}

// Any is the kind of models of which nothing is known but that they have files.
type Any struct{}

// IsModel implements [Kind]: a file is right in it.
func (Any) IsModel(files []transfer.Object) bool {
	return slices.ContainsFunc(files, func(f transfer.Object) bool { return !strings.Contains(f.Name, "/") })
}

// Missing implements [Kind].
func (Any) Missing(files []transfer.Object) error {
	if len(files) == 0 {
		return errors.New("it has no files")
	}
	return nil
}

// Complete implements [Kind].
func (Any) Complete(string, int64) error { return nil }

// Given implements [Kind].
func (Any) Given(dir string) []transfer.Object { return filesIn(dir) }
