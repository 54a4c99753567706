package refresh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// States is where a model has one state at a time: a file of a web server, what a tag or
// a revision names. A state holds numbered folders, which are versions, or is itself one.
type States interface {
	Remains
	// Current is what there is now; where it is what it was, by a small request.
	Current(ctx context.Context) (transfer.State, error)
	// Fetch brings it whole to dst, which does not exist before and is complete when it
	// does.
	Fetch(ctx context.Context, dst string) error
}

// current is what is known of the state that the store has.
type current struct {
	// Marks are of states with this content: a server behind several machines may give
	// one file several.
	Marks    []string `json:"marks"`
	Versions []held   `json:"versions"`
}

// held is a version that a state holds.
type held struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`
}

// mostMarks bounds the marks that are kept of one content.
const mostMarks = 16

func (c *current) is(mark string) bool { return c != nil && slices.Contains(c.Marks, mark) }

// versions are those that the state holds, the highest first.
func (c *current) versions() []version {
	var names []string
	for _, h := range c.Versions {
		names = append(names, h.Name)
	}
	return numbered(names)
}

// wholeState is in the place of a version where a state is fetched whole.
func wholeState() version { return version{name: "state"} }

// stage is where a state lies unpacked while versions are taken from it: a folder for
// each.
func (r *Refresher) stage() string { return filepath.Join(r.Dir, hidden+"staged") }

// current asks for the state, and fetches one that is new: only then it is known which
// versions it holds. One that cannot be had is a version that is refused.
func (r *Refresher) current(ctx context.Context) ([]version, error) {
	now, err := r.states.Current(ctx)
	if err != nil {
		return nil, err
	}
	r.now = now
	if r.state.Current.is(now.Mark) {
		return r.state.Current.versions(), nil
	}
	v := r.number(now)
	known := r.state.of(v.number)
	if known.Refused != "" && known.Signature == now.Mark || r.waits(known, now.Mark) || !r.unpack(ctx, v) {
		return []version{v}, nil
	}
	return r.state.Current.versions(), nil
}

// number is the version that a state is if it holds none: the second from which on the
// store has it, so that it is the same in each pod, and the next one if that is taken.
func (r *Refresher) number(now transfer.State) version {
	local := r.local()
	for _, v := range r.state.Versions {
		if v.Signature == now.Mark && !has(local, v.Version) {
			return version{v.Version, strconv.FormatInt(v.Version, 10)}
		}
	}
	at := now.Time
	if at.IsZero() {
		if r.seen.Mark != now.Mark {
			r.seen = now
			r.seen.Time = r.Now()
		}
		at = r.seen.Time
	}
	n := max(at.Unix(), 1)
	for has(local, n) || r.state.of(n).Signature != "" {
		n++
	}
	return version{n, strconv.FormatInt(n, 10)}
}

// unpack brings the state whole, and notes what it holds. What keeps it from that is a
// refusal of v.
func (r *Refresher) unpack(ctx context.Context, v version) bool {
	if !r.Sleep(ctx, r.Settle) {
		return false
	}
	again, err := r.states.Current(ctx)
	switch {
	case err != nil:
		r.refuse(v, "", "listing", err)
		return false
	case again.Mark != r.now.Mark:
		r.refuse(v, "", "growing", errors.New("it is still being written"))
		return false
	}
	if kind, err := r.fetchWhole(ctx); err != nil {
		if ctx.Err() == nil {
			r.failed(v, r.now.Mark, kind, err)
		}
		return false
	}
	r.hold(v)
	return true
}

// fetchWhole brings the state to the staging place; the error has a kind.
func (r *Refresher) fetchWhole(ctx context.Context) (kind string, err error) {
	if err := r.diskRoom(wholeState(), max(r.now.Bytes, 0)); err != nil {
		return "disk", err
	}
	beside := r.beside(wholeState())
	if err := errors.Join(os.RemoveAll(beside), os.RemoveAll(r.stage())); err != nil {
		return "fetching", err
	}
	if err := r.states.Fetch(ctx, beside); err != nil {
		return "fetching", err
	}
	again, err := r.states.Current(ctx)
	if err == nil && again.Mark != r.now.Mark {
		err = errors.New("it changed while it was fetched")
	}
	if err != nil {
		return "fetching", errors.Join(err, os.RemoveAll(beside))
	}
	if err := os.Rename(beside, r.stage()); err != nil {
		return "fetching", err
	}
	r.staged = r.now
	return "", nil
}

// hold notes which versions the staged state holds: its numbered folders, or v.
func (r *Refresher) hold(v version) {
	all := r.stagedVersions()
	next := &current{Marks: []string{r.now.Mark}}
	if len(all) == 0 {
		if same := r.same(); same != nil {
			v = *same
		}
		all = []version{v}
	}
	for _, w := range all {
		next.Versions = append(next.Versions, held{w.number, w.name, transfer.Total(filesIn(r.stagedAt(w)))})
		r.compare(w)
	}
	if was := r.state.Current; was != nil && slices.Equal(was.Versions, next.Versions) && !slices.ContainsFunc(all, r.differs) {
		next.Marks = append(next.Marks, was.Marks[:min(len(was.Marks), mostMarks-1)]...)
	}
	if !has(all, v.number) {
		r.state.remove(v.number)
	}
	r.state.Current = next
}

// stagedVersions are the numbered folders of the staged state; none: it is itself one.
func (r *Refresher) stagedVersions() []version {
	if r.Kind.IsModel(filesIn(r.stage())) {
		return nil
	}
	return foldersIn(r.stage())
}

// stagedAt is where a version lies in the staging place.
func (r *Refresher) stagedAt(v version) string {
	if len(r.stagedVersions()) == 0 {
		return r.stage()
	}
	return filepath.Join(r.stage(), v.name)
}

// same is the version here that is what is staged; nil: there is none.
func (r *Refresher) same() *version {
	for _, v := range r.local() {
		if r.isSame(r.stage(), v) {
			return &v
		}
	}
	return nil
}

// differs reports whether a version here is another one than that of its number in the
// staging place.
func (r *Refresher) differs(v version) bool {
	return has(r.local(), v.number) && !r.isSame(r.stagedAt(v), v)
}

// isSame reports whether a folder has the files that a version here came with.
func (r *Refresher) isSame(dir string, v version) bool {
	return sameFiles(filesIn(dir), r.Kind.Given(filepath.Join(r.Dir, v.name)))
}

// compare notes of a version here whether the state has the same. A number has one
// content for good: another one would be served by some pods and not by others.
func (r *Refresher) compare(v version) {
	if !has(r.local(), v.number) {
		return
	}
	known := r.state.of(v.number)
	switch {
	case !r.differs(v):
		known.Signature, known.Note = r.now.Mark, ""
	case known.Serving == nil:
		return // It may be mended: see renew.
	default:
		known.Note = fmt.Sprintf("the store has other files for version %d by now, which are not fetched: give them another number", v.number)
		r.Log.Warn(known.Note, "version", v.number)
	}
	r.state.set(known)
}

// take takes a version from the state, which is fetched again if it is not staged. It
// reports whether it is here now.
func (r *Refresher) take(ctx context.Context, v version) bool {
	c := r.state.Current
	at := slices.IndexFunc(c.heldNow(r.now.Mark), func(h held) bool { return h.Version == v.number })
	if at < 0 {
		return false // The state could not be had, which was told.
	}
	if known := r.state.of(v.number); known.Refused != "" && c.is(known.Signature) || r.waits(known, r.now.Mark) {
		return false
	}
	if err := r.memoryRoom(c.Versions[at].Bytes); err != nil {
		r.refuse(v, "", "memory", err)
		return false
	}
	began := r.Now()
	if r.staged.Mark != r.now.Mark {
		if kind, err := r.fetchWhole(ctx); err != nil {
			if ctx.Err() == nil {
				r.failed(v, r.now.Mark, kind, err)
			}
			return false
		}
	}
	from := r.stagedAt(v)
	files := filesIn(from)
	err := r.Kind.Missing(files)
	if err == nil {
		err = r.Kind.Complete(from, v.number)
	}
	if err != nil {
		r.refuse(v, r.now.Mark, "incomplete", err)
		return false
	}
	if kind, err := r.place(ctx, from, v); err != nil {
		if ctx.Err() == nil {
			r.failed(v, r.now.Mark, kind, err)
		}
		return false
	}
	if from == r.stage() {
		r.staged = transfer.State{}
	}
	r.state.set(Version{Known: discovery.Known{Version: v.number, Bytes: c.Versions[at].Bytes, Since: r.Now()}, Signature: r.now.Mark})
	r.Log.Info("a version is there", "version", v.number, "files", len(files), "bytes", c.Versions[at].Bytes, "seconds", r.Now().Sub(began).Seconds())
	return true
}

// heldNow are the versions of a state, if it is the one of that mark.
func (c *current) heldNow(mark string) []held {
	if !c.is(mark) {
		return nil
	}
	return c.Versions
}

// sameFiles reports whether two folders have the same files.
func sameFiles(a, b []transfer.Object) bool {
	var files [2]map[string]transfer.Object
	for i, all := range [][]transfer.Object{a, b} {
		files[i] = map[string]transfer.Object{}
		for _, f := range all {
			files[i][f.Name] = f
		}
	}
	if len(files[0]) != len(files[1]) || len(files[0]) == 0 {
		return false
	}
	for name, f := range files[0] {
		other, there := files[1][name]
		if !there || f.Size != other.Size || !sameContent(f.Key, other.Key) {
			return false
		}
	}
	return true
}

func sameContent(a, b string) bool {
	var readers [2]*os.File
	for i, path := range []string{a, b} {
		f, err := os.Open(path)
		if err != nil {
			return false
		}
		defer f.Close()
		readers[i] = f
	}
	var pieces [2][]byte
	pieces[0], pieces[1] = make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err := io.ReadFull(readers[0], pieces[0])
		m, other := io.ReadFull(readers[1], pieces[1])
		if n != m || !bytes.Equal(pieces[0][:n], pieces[1][:m]) {
			return false
		}
		if err != nil || other != nil {
			return isEnd(err) && isEnd(other)
		}
	}
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
