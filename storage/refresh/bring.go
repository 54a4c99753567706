package refresh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// hidden begins the names of folders that are no versions to any server.
const hidden = ".refresh-"

// bring fetches a version that is not here, unless it was refused as it is. It reports
// whether it is here now.
func (r *Refresher) bring(ctx context.Context, v version) bool {
	if !r.mayMakeWay(ctx) {
		return false
	}
	if r.states != nil {
		return r.take(ctx, v)
	}
	files, err := r.source.Files(ctx, v.name)
	if err != nil {
		r.refuse(v, "", "listing", err)
		return false
	}
	mark := transfer.Signature(files)
	if known := r.state.of(v.number); known.Refused != "" && known.Signature == mark || r.waits(known, mark) {
		return false
	}
	if err := r.Kind.Missing(files); err != nil {
		r.refuse(v, mark, "incomplete", err)
		return false
	}
	if !r.settled(ctx, v, mark) {
		return false
	}
	bytes := int64(0)
	for _, f := range files {
		bytes += max(f.Size, 0)
	}
	if kind, err := r.room(v, bytes); err != nil {
		r.refuse(v, "", kind, err)
		return false
	}
	began := r.Now()
	kind, err := "fetching", r.fetch(ctx, v, mark)
	if err == nil {
		kind, err = r.place(ctx, r.beside(v), v)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return false
	case errors.As(err, new(Incomplete)):
		r.refuse(v, mark, "incomplete", err)
		return false
	case err != nil:
		r.failed(v, mark, kind, err)
		return false
	}
	r.state.set(Version{Known: discovery.Known{Version: v.number, Bytes: bytes, Since: r.Now()}, Signature: mark})
	r.Log.Info("a version is there", "version", v.number, "files", len(files), "bytes", bytes, "seconds", r.Now().Sub(began).Seconds())
	return true
}

// mostPause bounds the time between two tries to fetch what fails for good.
const mostPause = time.Hour

// failed notes that a version could not be fetched. The next look tries again. Where that
// brings the whole for nothing, as of content that is damaged, it waits twice as long
// after each try, as long as the store has the same.
func (r *Refresher) failed(v version, mark, kind string, err error) {
	tries := 1
	if known := r.state.of(v.number); known.Tried == mark {
		tries += known.Tries
	}
	r.refuse(v, "", kind, err)
	if !transfer.IsPermanent(err) || errors.Is(err, transfer.ErrDenied) || errors.Is(err, transfer.ErrNotFound) {
		return
	}
	known := r.state.of(v.number)
	again := r.Now().Add(max(r.Every, min(r.Every<<min(tries-1, 20), mostPause)))
	known.Tried, known.Tries, known.Again = mark, tries, &again
	r.state.set(known)
}

// waits reports whether it is too early to fetch again what failed.
func (r *Refresher) waits(known Version, mark string) bool {
	return known.Again != nil && known.Tried == mark && r.Now().Before(*known.Again)
}

// settled reports whether a version stays as it is listed: one that grows is still
// being written.
func (r *Refresher) settled(ctx context.Context, v version, mark string) bool {
	if !r.Sleep(ctx, r.Settle) {
		return false
	}
	files, err := r.source.Files(ctx, v.name)
	if err != nil {
		r.refuse(v, "", "listing", err)
		return false
	}
	if transfer.Signature(files) != mark {
		r.refuse(v, "", "growing", errors.New("it is still being written"))
		return false
	}
	return true
}

// fetch brings a version beside the others, if it is then still what was listed.
func (r *Refresher) fetch(ctx context.Context, v version, mark string) error {
	beside := r.beside(v)
	if err := os.RemoveAll(beside); err != nil {
		return err
	}
	if err := r.source.Fetch(ctx, v.name, beside); err != nil {
		return err
	}
	files, err := r.source.Files(ctx, v.name)
	if err == nil && transfer.Signature(files) != mark {
		err = errors.New("it changed while it was fetched")
	}
	if err == nil {
		err = r.Kind.Complete(beside, v.number)
	}
	if err == nil {
		err = r.bringBeside(ctx)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(beside))
	}
	return nil
}

// bringBeside brings the files of all versions, each at one blow.
func (r *Refresher) bringBeside(ctx context.Context) error {
	if r.Beside == nil {
		return nil
	}
	all := filepath.Join(r.Dir, hidden+"beside")
	if err := os.RemoveAll(all); err != nil {
		return err
	}
	found, err := r.Beside.FetchBeside(ctx, all)
	if err != nil || !found {
		return err
	}
	for _, f := range filesIn(all) {
		if err := os.Rename(f.Key, filepath.Join(r.Dir, f.Name)); err != nil {
			return err
		}
	}
	return os.RemoveAll(all)
}

// beside is where a version is until it is complete.
func (r *Refresher) beside(v version) string { return filepath.Join(r.Dir, hidden+"new-"+v.name) }

// room is an error where there is not enough of the disk, or of memory: what a model
// takes there is at least what its files do, and the old versions stay beside a new
// one until it serves.
func (r *Refresher) room(v version, bytes int64) (kind string, err error) {
	if err := r.diskRoom(v, bytes); err != nil {
		return "disk", err
	}
	if err := r.memoryRoom(bytes); err != nil {
		return "memory", err
	}
	return "", nil
}

// diskRoom is an error where a version does not fit on the disk.
func (r *Refresher) diskRoom(v version, bytes int64) error {
	missing := bytes - r.remains.PartialSize(r.beside(v)) // An earlier fetch is continued.
	free, known := r.free()
	if known && missing > free {
		r.tidy([]version{v})
		free, known = r.free()
	}
	if known && missing > free {
		return fmt.Errorf("it has %s, and the disk has room for %s", transfer.Size(bytes), transfer.Size(free))
	}
	return nil
}

// memoryRoom is an error where a version does not fit into memory.
func (r *Refresher) memoryRoom(bytes int64) error {
	loaded, largest := int64(0), int64(0)
	for _, v := range r.local() {
		loaded += r.size(v)
		largest = max(largest, r.size(v))
	}
	beside, back := loaded, int64(0)
	switch {
	case r.Start != nil:
		beside = 0 // Another one loads it.
	case r.OneAtATime:
		beside, back = 0, loaded // What is loaded is dropped first.
	case r.LoadsAgain:
		beside += largest // The server loads what it has once more, one after the other.
	}
	alone := func(fits bool) string {
		if fits && loaded > 0 && !r.OneAtATime && r.Load == nil {
			return "; one at a time it would fit"
		}
		return ""
	}
	switch {
	case r.Memory > 0 && bytes > r.Memory && beside == 0:
		return fmt.Errorf("it needs at least %s of memory, and the server may have %s", transfer.Size(bytes), transfer.Size(r.Memory))
	case r.Memory > 0 && beside+bytes > r.Memory:
		return fmt.Errorf("it needs at least %s of memory beside %s of the versions that are there, and the server may have %s%s",
			transfer.Size(bytes), transfer.Size(beside), transfer.Size(r.Memory), alone(bytes <= r.Memory))
	}
	if r.Available == nil {
		return nil
	}
	if free, known := r.Available(); known && bytes > free+back {
		return fmt.Errorf("it needs at least %s of memory, and %s are left on this machine%s", transfer.Size(bytes), transfer.Size(free+back), alone(bytes <= free+loaded))
	}
	return nil
}

// free is how many bytes the disk has room for.
func (r *Refresher) free() (bytes int64, known bool) {
	if r.Room != nil {
		return r.Room()
	}
	return transfer.Room(r.Dir)
}

// size is what a version here has, in bytes.
func (r *Refresher) size(v version) (bytes int64) {
	if known := r.state.of(v.number); known.Bytes > 0 {
		return known.Bytes
	}
	for _, f := range filesIn(filepath.Join(r.Dir, v.name)) {
		bytes += f.Size
	}
	return bytes
}

// filesIn are those in a folder of this machine, but for hidden ones right in it, such as
// the list of what was fetched.
func filesIn(dir string) (files []transfer.Object) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // What goes away while it is looked at is none.
		}
		info, err := e.Info()
		name, outside := filepath.Rel(dir, path)
		if err == nil && outside == nil && !strings.HasPrefix(name, ".") {
			files = append(files, transfer.Object{Key: path, Name: filepath.ToSlash(name), Size: info.Size()})
		}
		return nil
	})
	return files
}
