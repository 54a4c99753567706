// Package refresh keeps the versions of a model in a folder as a store has them, beside
// a server that loads what lies there: numbered folders, as TensorFlow Serving has them.
//
// A look at the store is one small request. A version that is new is brought whole, and
// is in its place when it is complete; one that is no longer wanted goes when another
// serves. What cannot be used is refused, and the others go on.
package refresh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/storage/transfer"
)

// Source is where the versions are.
type Source interface {
	Remains
	// Folders are the names of all folders; a few hundred bytes tell them.
	Folders(ctx context.Context) ([]string, error)
	// Files are those of one folder, by their names.
	Files(ctx context.Context, folder string) ([]transfer.Object, error)
	// Fetch brings a folder to dst, which does not exist before and is complete when
	// it does.
	Fetch(ctx context.Context, folder, dst string) error
}

// Beside is a source that has files beside its folders, which are of all versions.
type Beside interface {
	// FetchBeside brings them to dst, and reports whether there are any.
	FetchBeside(ctx context.Context, dst string) (found bool, err error)
}

// Remains is what fetches that broke off have left.
type Remains interface {
	// PartialSize is how many bytes on the disk a fetch to dst has left for the next one.
	PartialSize(dst string) int64
	// RemovePartials removes what fetches to places in the folder dir have left, but for
	// those to the places to keep.
	RemovePartials(dir string, keep ...string) error
}

// Policy says which versions are wanted. The zero value is the highest.
type Policy struct {
	// Latest is how many of the highest; 0: one.
	Latest int
	// All is true if each one is.
	All bool
	// Specific are those that are; nil: another field says.
	Specific []int64
}

// wants reports whether a version may be wanted, whichever others there are.
func (p Policy) wants(version int64) bool {
	return p.Specific == nil || slices.Contains(p.Specific, version)
}

// isFull reports whether so many are enough.
func (p Policy) isFull(n int) bool {
	return !p.All && p.Specific == nil && n >= max(p.Latest, 1)
}

// Options are all that a [Refresher] depends on.
type Options struct {
	// Dir is the folder that the server reads.
	Dir    string
	Policy Policy
	// Every is the time between two looks at the store.
	Every time.Duration
	// Settle is how long the listing of a new version must stay as it is before it
	// is taken for complete.
	Settle time.Duration
	// Memory is how many bytes the server may have; 0: nobody says.
	Memory int64
	// Available is how many bytes of memory are left on this machine; nil: nobody
	// tells.
	Available func() (bytes int64, known bool)
	// Room is how many bytes the disk of Dir has room for; nil: its file system tells.
	Room func() (bytes int64, known bool)
	// Start is set for a server that loads its model once, when it starts: what it begins
	// with stays, and what is newer is told of. Nobody asks such a server.
	Start *Start
	// OneAtATime has the server drop what it has loaded before it gets a new version.
	OneAtATime bool
	// Kind is what the versions are like; nil: SavedModels, in folders that their server
	// looks at by itself.
	Kind Kind
	// Serving asks the server for its versions; nil: it cannot be asked.
	Serving func(ctx context.Context) (map[int64]Serving, error)
	// LoadsAgain is true if Load has the server load all of its versions again.
	LoadsAgain bool
	// Beside has files of all versions, which are brought with each one; nil: there are
	// none.
	Beside Beside
	// Load tells the server to load what lies in Dir, and to drop what does not; nil: it
	// does so by itself. The error is what the server says, or an [Unanswered].
	Load func(ctx context.Context) error
	Log  *slog.Logger
	// Random is a number from 0 up to 1, by which the looks of many are spread.
	Random func() float64
	Now    func() time.Time
	// Sleep waits; false: ctx ended first.
	Sleep func(ctx context.Context, d time.Duration) bool
}

// Kind is what the versions of a model are like for their server.
type Kind interface {
	// IsModel reports whether files are those of one model: what it is known by is right
	// among them.
	IsModel(files []transfer.Object) bool
	// Missing is what files lack to be a model, by their names.
	Missing(files []transfer.Object) error
	// Complete looks into a version that was fetched to a folder, and adds what its
	// server wants beside it. The error is an [Incomplete] where the store may have more
	// in a while.
	Complete(dir string, version int64) error
	// Given are the files of a folder as the store has them, whatever Complete added.
	Given(dir string) []transfer.Object
}

// Incomplete is why a version is no model yet.
type Incomplete struct{ error }

// Unwrap returns the reason.
func (i Incomplete) Unwrap() error { return i.error }

// Serving is what a server says of one version.
type Serving struct {
	// Available is true if it answers requests.
	Available bool
	// Failed is why it did not load; empty: it did, or may still.
	Failed string
}

// Refresher keeps one folder.
type Refresher struct {
	Options
	// source is where versions are folders, and states where there is one state at a
	// time; one of both is nil.
	source  Source
	states  States
	remains Remains
	// state is what is told of the folder; versions are known by their numbers.
	state state
	// there are the versions in the store at the last look.
	there []version
	// away is true while the store cannot be asked.
	away bool
	// silent is how long the server has not answered.
	silent silence
	// stale is true while the server has not been told of what changed in the folder, by
	// [Options.Load], and unloaded why it could not load that, as was said last.
	stale    bool
	unloaded string
	// unwritten is why the state could not be written last; empty: it was.
	unwritten string
	// now is the state in the store at the last look, staged the one that lies unpacked
	// in the staging place, and seen the last one of which nobody says since when it is
	// there, with the time at which it was first seen here. The zero value is none.
	now, staged, seen transfer.State
}

// New is a refresher of a folder, which may have versions already. It knows what an
// earlier one wrote there.
func New(source Source, o Options) *Refresher {
	return &Refresher{Options: o.complete(), source: source, remains: source, state: readState(o.Dir)}
}

// NewOfStates is the same where the store has one state at a time, which holds versions
// or is one.
func NewOfStates(states States, o Options) *Refresher {
	return &Refresher{Options: o.complete(), states: states, remains: states, state: readState(o.Dir)}
}

func (o Options) complete() Options {
	if o.Kind == nil {
		o.Kind = savedModel{}
	}
	return o
}

// First returns when the folder has a version. The error says why it gets none.
func (r *Refresher) First(ctx context.Context) error {
	err := r.Look(ctx)
	if _, started := r.started(); started || r.Start == nil && len(r.local()) > 0 {
		_ = r.write(true) // It was told: what cannot be written down can be served.
		return nil
	}
	return cmp.Or(err, r.refusals(), r.unwanted(), errors.New("there is no folder whose name is a number, which is a version"))
}

// unwanted is an error that names the versions of the store, where none is wanted.
func (r *Refresher) unwanted() error {
	if len(r.there) == 0 {
		return nil
	}
	var names []string
	for _, v := range r.there {
		names = append(names, v.name)
	}
	return fmt.Errorf("of the versions %s none is wanted", strings.Join(names, ", "))
}

// Run looks at the store until ctx ends: first after a part of the time between looks
// that is another one for each refresher, so that many do not ask at once.
func (r *Refresher) Run(ctx context.Context) {
	pause := time.Duration(r.Random() * float64(r.Every))
	for r.wait(ctx, pause) {
		pause = r.Every
		_ = r.Look(ctx) // It was told.
	}
}

// version is a folder of the store or of this machine whose name is a number.
type version struct {
	number int64
	name   string
}

// numbered are the versions among names, the highest first. Other names are passed
// over, as TensorFlow Serving does, and so is a number that is there twice (7 and 07).
func numbered(names []string) (all []version) {
	for _, name := range names {
		number, err := strconv.ParseInt(name, 10, 64)
		if err == nil && strings.Trim(name, "0123456789") == "" {
			all = append(all, version{number, name})
		}
	}
	slices.SortStableFunc(all, func(a, b version) int { return cmp.Compare(b.number, a.number) })
	return slices.CompactFunc(all, func(a, b version) bool { return a.number == b.number })
}

// local are the versions in the folder.
func (r *Refresher) local() []version { return foldersIn(r.Dir) }

// foldersIn are the numbered folders in one.
func foldersIn(dir string) []version {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return numbered(names)
}

func has(all []version, number int64) bool {
	return slices.ContainsFunc(all, func(v version) bool { return v.number == number })
}

// numbers are those of versions.
func numbers(all []version) map[int64]bool {
	set := map[int64]bool{}
	for _, v := range all {
		set[v.number] = true
	}
	return set
}

// Look looks at the store once, and brings the folder closer to what it has. The error
// is why the store could not be asked; nothing has changed then.
func (r *Refresher) Look(ctx context.Context) error {
	there, err := r.ask(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.tellStore(err)
	if err != nil {
		return err
	}
	r.there = there
	if r.Start != nil {
		return r.lookBeside(ctx)
	}
	serving := r.once(ctx)
	r.setAside(serving)
	r.settleAside(serving)
	r.renew(ctx, serving)
	var wanted []version
	here := numbers(r.local())
	for _, v := range r.there {
		if r.Policy.isFull(len(wanted)) {
			break
		}
		if r.Policy.wants(v.number) && (here[v.number] || r.bring(ctx, v)) {
			wanted = append(wanted, v)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.forget()
	if r.load(ctx) {
		serving = r.once(ctx)
	}
	r.remove(wanted, serving)
	r.load(ctx)
	r.tidy(r.unfinished())
	r.staged = transfer.State{}
	return r.write(false)
}

// ask asks the store for the versions that it has.
func (r *Refresher) ask(ctx context.Context) ([]version, error) {
	if r.states != nil {
		return r.current(ctx)
	}
	names, err := r.source.Folders(ctx)
	return numbered(names), err
}

// tellStore says once that the store is away, and once that it is back.
func (r *Refresher) tellStore(err error) {
	switch {
	case err != nil && !r.away:
		r.Log.Warn("the store cannot be asked; what is there goes on serving", "error", err.Error())
	case err == nil && r.away:
		r.Log.Info("the store answers again")
	}
	r.away = err != nil
	was := r.state.Store
	r.state.Store = ""
	if err != nil {
		r.state.Store = err.Error()
		if withoutDigits(was) == withoutDigits(r.state.Store) {
			r.state.Store = was // Each connection that fails is from another port.
		}
		_ = r.write(false) // The folder is told of too, as far as it can be written.
	}
}

// serving is what the server says; nil: nobody tells. Since when a version serves is
// noted.
func (r *Refresher) serving(ctx context.Context) map[int64]Serving {
	if r.Serving == nil {
		return nil
	}
	all, err := r.Serving(ctx)
	if err != nil { // It may be starting.
		if r.silent.since.IsZero() {
			r.silent.since = r.Now()
		}
		r.silent.questions++
		return nil
	}
	r.silent = silence{}
	for _, v := range r.local() {
		known := r.state.of(v.number)
		if !all[v.number].Available || known.Serving != nil {
			continue
		}
		now := r.Now()
		if known.Since.IsZero() {
			known.Since = now
		}
		known.Serving, known.Refused, known.Kind = &now, "", ""
		r.state.set(known)
		r.Log.Info("a version serves", "version", v.number)
	}
	return all
}

// anyServes reports whether one of the versions answers requests, of those that are not
// the one given.
func anyServes(serving map[int64]Serving, but int64, all []version) bool {
	return slices.ContainsFunc(all, func(v version) bool { return v.number != but && serving[v.number].Available })
}

// remove takes versions away that are not wanted any more: those that the server has
// dropped, while another one serves, and those that the store has no more. A server keeps
// the last one that it has loaded until another one serves; of several it takes the
// highest, so that one below is loaded when those above it are away.
func (r *Refresher) remove(wanted []version, serving func() map[int64]Serving) {
	for _, v := range r.local() {
		if has(wanted, v.number) {
			continue
		}
		mayLoadBelow := func(w version) bool { return w.number < v.number && serving()[w.number].Failed == "" }
		switch {
		case r.Load != nil && !r.isReplaced(v, serving(), wanted):
			continue
		case r.Load != nil:
		case !has(r.there, v.number) && serving() != nil && slices.ContainsFunc(wanted, mayLoadBelow):
		case !anyServes(serving(), v.number, wanted):
			continue
		case serving()[v.number].Available && has(r.there, v.number):
			continue // By its own policy the server is about to drop it.
		}
		r.discard(v, r.drop)
	}
}

// discard removes a version that is not wanted any more.
func (r *Refresher) discard(v version, remove func(version) error) {
	if err := remove(v); err != nil {
		r.Log.Error("a version that is not wanted any more cannot be removed", "version", v.number, "error", err.Error())
		return
	}
	r.state.remove(v.number)
	r.Log.Info("removed a version", "version", v.number)
}

// drop removes a version from the folder, at one blow.
func (r *Refresher) drop(v version) error {
	gone := filepath.Join(r.Dir, hidden+"gone-"+v.name)
	if err := os.RemoveAll(gone); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(r.Dir, v.name), gone); err != nil {
		return err
	}
	r.stale = true
	return os.RemoveAll(gone)
}

// forget drops what was said of versions that are neither in the store nor here.
func (r *Refresher) forget() {
	here, there := numbers(append(r.local(), r.aside()...)), numbers(r.there)
	r.state.Versions = slices.DeleteFunc(r.state.Versions, func(v Version) bool { return !there[v.Version] && !here[v.Version] })
}
