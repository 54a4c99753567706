package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
)

const (
	// See [cuts].
	splitAbove = 64 << 20
	partSize   = 32 << 20
	// logEvery is how many bytes of a stream an interruption may cost; where
	// nothing can be compared at the end, bytes are made safe before they are
	// noted, and that less often.
	logEvery  = 512 << 10
	safeEvery = 16 << 20
	// bufferSize is the memory of one stream.
	bufferSize = 256 << 10
	// writeSize is how much one call writes. Linux caches it in one piece of
	// memory, and a virtual machine may have to get large pieces back from its
	// host first, which took five times as long as writing
	// (docs/decisions/0013).
	writeSize = 16 << 10

	dirMode  = 0o755
	fileMode = 0o644
)

// download is one call of [Download].
type download struct {
	Options
	store   Store
	root    *os.Root
	journal *journal
	buffers sync.Pool

	mu              sync.Mutex
	bytes, requests int64
	seen            int64
	dirs            map[string]bool
}

// part is a range of a file on its way.
type part struct {
	file *file
	span
}

// Target is where objects go to.
type Target struct {
	// Dir is a folder.
	Dir string
	// Journal is a file outside of Dir. It tells a later call what is there
	// already, if this one fails or is killed.
	Journal string
}

// Download brings objects to their target. The result has the order of the objects.
func Download(ctx context.Context, s Store, objects []Object, to Target, o Options) ([]File, error) {
	if err := checkNames(objects); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(to.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	j, known, err := openJournal(to.Journal)
	if err != nil {
		return nil, fmt.Errorf("reading what an earlier run has left: %w", err)
	}
	defer j.close()
	if o.cuts == (cuts{}) {
		o.cuts = cuts{splitAbove, partSize}
	}
	d := &download{Options: o, store: s, root: root, journal: j, dirs: map[string]bool{".": true}}
	d.buffers.New = func() any { b := make([]byte, bufferSize); return &b }
	files := d.files(objects, known)
	defer closeAll(files)
	if err := d.checkRoom(to.Dir, files); err != nil {
		return nil, err
	}
	if err := d.all(ctx, missing(files)); err != nil {
		return nil, err
	}
	result := make([]File, len(files))
	for i, f := range files {
		result[i] = File{Name: f.Name, Size: f.Size, Version: f.Version, Digest: f.compared}
	}
	return result, nil
}

// checkNames refuses names that leave the folder or that exclude each other.
func checkNames(objects []Object) error {
	names := make(map[string]bool, len(objects))
	for _, o := range objects {
		local := filepath.FromSlash(o.Name)
		if !filepath.IsLocal(local) || path.Clean(o.Name) != o.Name || strings.ContainsAny(o.Name, "\x00\\") || o.Name == "." {
			return Permanent(fmt.Errorf("%q is no name for a file in a folder", o.Key))
		}
		if names[o.Name] {
			return Permanent(fmt.Errorf("there are two files %s", o.Name))
		}
		names[o.Name] = true
	}
	for name := range names {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if names[dir] {
				return Permanent(fmt.Errorf("%s is both a file and the folder of %s", dir, name))
			}
		}
	}
	return nil
}

// files are the objects, with what an earlier run has left of them.
func (d *download) files(objects []Object, known map[string]*past) []*file {
	files := make([]*file, len(objects))
	for i := range objects {
		files[i] = &file{Object: &objects[i], d: d, sums: objects[i].Sums}
		files[i].takeOver(known[objects[i].Name])
	}
	return files
}

// missing lists what is to be fetched.
func missing(files []*file) []part {
	var parts []part
	for _, f := range files {
		gaps := f.missing()
		f.left = len(gaps)
		for _, s := range gaps {
			parts = append(parts, part{f, s})
		}
	}
	return parts
}

// checkRoom is a look at the free space before anything is fetched.
func (d *download) checkRoom(dir string, files []*file) error {
	var total, there, count int64
	for _, f := range files {
		total += max(f.Size, 0)
		there += f.there.total()
		if len(f.there) == 0 {
			count++
		}
	}
	if total > d.MaxBytes {
		return tooLarge(d.MaxBytes)
	}
	if there > 0 {
		if err := d.count(there); err != nil {
			return err
		}
	}
	missing := total - there
	bytes, inodes := free(dir)
	if bytes >= 0 && missing > bytes {
		return Permanent(fmt.Errorf("no room: %s are still to come, and %s are free", Size(missing), Size(bytes)))
	}
	if inodes >= 0 && count > inodes {
		return Permanent(fmt.Errorf("no room: %d files are still to come, and the file system takes %d more", count, inodes))
	}
	return nil
}

func closeAll(files []*file) {
	for _, f := range files {
		if f.out != nil {
			_ = f.out.Close() // A second time for those that are complete.
		}
	}
}

func tooLarge(limit int64) error {
	return Permanent(fmt.Errorf("the model is larger than the limit of %s", Size(limit)))
}

// all fetches the parts in order, several at once, until the first failure.
func (d *download) all(ctx context.Context, parts []part) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	open := newGate(min(firstStreams, d.Streams))
	var tuning sync.WaitGroup
	defer tuning.Wait()
	tuned, stop := context.WithCancel(ctx)
	defer stop()
	tuning.Go(func() { open.tune(tuned, d.Streams, d.work) })
	queue := make(chan part)
	var workers sync.WaitGroup
	for range min(d.Streams, len(parts)) {
		workers.Go(func() {
			for p := range queue {
				open.enter()
				if ctx.Err() == nil {
					if err := d.bring(ctx, p); err != nil {
						cancel(err)
					}
				}
				open.leave()
			}
		})
	}
	for _, p := range parts {
		select {
		case queue <- p:
		case <-ctx.Done():
		}
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}

// bring fetches a part, and ends its file if it was the last one. What is
// damaged is fetched once more: it may have happened on the way.
func (d *download) bring(ctx context.Context, p part) error {
	f := p.file
	err := d.fetch(ctx, p)
	if err == nil {
		err = f.partDone(ctx)
	}
	if errors.Is(err, errDamaged) {
		if d.Policy.Failed != nil {
			d.Policy.Failed(fmt.Errorf("%s: %w", f.Name, err), 0)
		}
		if err = f.reset(); err == nil {
			err = d.fetch(ctx, part{f, span{0, f.Size}})
		}
		if err == nil {
			err = f.partDone(ctx)
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return fmt.Errorf("%s: %w", f.Name, err)
}

// fetch tries until the part is there.
func (d *download) fetch(ctx context.Context, p part) error {
	if p.From == p.To {
		return p.file.open()
	}
	return d.Policy.Retry(ctx, func() (further bool, err error) {
		from := p.From
		err = d.stream(ctx, &p)
		further = p.From > from
		if err != nil && p.file.startsOver() && p.From > 0 {
			further, p.From = false, 0
			err = errors.Join(err, p.file.reset())
		}
		return further, err
	})
}

// stream reads a part from the store, as far as it gets.
func (d *download) stream(ctx context.Context, p *part) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := newWatch(d.Stall, cancel)
	defer quiet.stop()
	body, err := d.store.Open(ctx, p.file.Object, p.From, p.length())
	if err != nil {
		return because(ctx, err)
	}
	defer body.Close()
	d.mu.Lock()
	d.requests++
	d.mu.Unlock()
	if body.Version != "" && p.file.Version != "" && body.Version != p.file.Version {
		return Changed()
	}
	if err := p.file.begin(ctx, body.Sums); err != nil {
		return because(ctx, err)
	}
	buffer := d.buffers.Get().(*[]byte)
	defer d.buffers.Put(buffer)
	for logged := p.From; ; {
		n, err := fillBuffer(body, p.room(*buffer), quiet)
		if n > 0 {
			if e := p.file.write((*buffer)[:n], p.From); e != nil {
				return Permanent(e)
			}
			p.From += int64(n)
			if e := d.count(int64(n)); e != nil {
				return e
			}
		}
		whole := p.From == p.To
		if whole || err != nil || p.From-logged >= p.file.logEvery() {
			if e := p.file.log(span{logged, p.From}); e != nil {
				return Permanent(e)
			}
			logged = p.From
		}
		switch {
		case whole:
			return nil
		case errors.Is(err, io.EOF) && p.To < 0:
			p.file.ends(p.From)
			p.To = p.From
			return nil
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case err != nil:
			return because(ctx, err)
		}
	}
}

func (p *part) length() int64 {
	if p.To < 0 {
		return -1
	}
	return p.To - p.From
}

// room is the part of the buffer that may be filled.
func (p *part) room(buffer []byte) []byte {
	if n := p.length(); n >= 0 && n < int64(len(buffer)) {
		return buffer[:n]
	}
	return buffer
}

// fillBuffer reads until the buffer is full, which saves writing in pieces.
func fillBuffer(r io.Reader, buffer []byte, quiet *watch) (n int, err error) {
	for n < len(buffer) && err == nil {
		var more int
		more, err = r.Read(buffer[n:])
		if n += more; more > 0 {
			quiet.heard()
		}
	}
	if n == len(buffer) {
		err = nil
	}
	return n, err
}

// because replaces an error that only says "canceled" by the reason.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// work is what was done since it was asked last.
func (d *download) work() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.bytes + requestWork*d.requests
	done := now - d.seen
	d.seen = now
	return done
}

func (d *download) count(n int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bytes += n
	if d.Report != nil {
		d.Report(n)
	}
	if d.bytes > d.MaxBytes {
		return tooLarge(d.MaxBytes)
	}
	return nil
}

// makeDir makes the folder of a file.
func (d *download) makeDir(dir string) error {
	d.mu.Lock()
	made := d.dirs[dir]
	d.mu.Unlock()
	if made {
		return nil
	}
	if err := d.root.MkdirAll(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d.mu.Lock()
	d.dirs[dir] = true
	d.mu.Unlock()
	return nil
}
