package refresh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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
	if err := incomplete(files); err != nil {
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
	if err := r.fetch(ctx, v, mark); err != nil {
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, errNoWeights):
			r.refuse(v, mark, "incomplete", err)
		default:
			r.failed(v, mark, "fetching", err)
		}
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

// fetch brings a version beside the others and moves it to its place, if it is then
// still what was listed.
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
	if err == nil && !slices.ContainsFunc(files, func(f transfer.Object) bool { return f.Name == weightsIndex }) {
		err = checkWeights(beside)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(beside))
	}
	return os.Rename(beside, filepath.Join(r.Dir, v.name))
}

// beside is where a version is until it is complete.
func (r *Refresher) beside(v version) string { return filepath.Join(r.Dir, hidden+"new-"+v.name) }

// weightsIndex is the file that says where the weights of a SavedModel are.
const weightsIndex = "variables/variables.index"

// shard is the name of a part of the weights of a SavedModel, of how many.
var shard = regexp.MustCompile(`^variables/variables\.data-(\d{5})-of-(\d{5})$`)

// incomplete is what a version lacks to be a model: TensorFlow Serving loads a graph
// and the weights that belong to it. Clients of stores write files one after the other.
func incomplete(files []transfer.Object) error {
	names := map[string]bool{}
	shards, of := 0, ""
	for _, f := range files {
		names[f.Name] = true
		if m := shard.FindStringSubmatch(f.Name); m != nil {
			shards, of = shards+1, m[2]
		}
	}
	if !hasGraph(files) {
		return errors.New("it has no saved_model.pb, saved_model.pbtxt or model.tflite")
	}
	index := names[weightsIndex]
	total, _ := strconv.Atoi(of)
	switch {
	case shards > 0 && !index:
		return errors.New("it has no variables/variables.index")
	case index && shards == 0:
		return errors.New("it has variables/variables.index and none of the files variables.data-...") //nolint:staticcheck // So the files are called.
	case shards < total:
		return fmt.Errorf("it has %d of the %d files variables.data-...-of-%s", shards, total, of)
	}
	return nil
}

// hasGraph reports whether files are those of one model: a graph is right among them.
func hasGraph(files []transfer.Object) bool {
	return slices.ContainsFunc(files, func(f transfer.Object) bool {
		return f.Name == "saved_model.pb" || f.Name == "saved_model.pbtxt" || f.Name == "model.tflite"
	})
}

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
	beside := int64(0)
	for _, v := range r.local() {
		beside += r.size(v)
	}
	if r.Memory > 0 && beside+bytes > r.Memory {
		return fmt.Errorf("it needs at least %s of memory beside %s of the versions that are there, and the server may have %s",
			transfer.Size(bytes), transfer.Size(beside), transfer.Size(r.Memory))
	}
	if r.Available != nil {
		if free, known := r.Available(); known && bytes > free {
			return fmt.Errorf("it needs at least %s of memory, and %s are left on this machine", transfer.Size(bytes), transfer.Size(free))
		}
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
