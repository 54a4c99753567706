package transfer

import (
	"context"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// errDamaged is in the chain of errors about content that is not what the
// store says of it.
var errDamaged = errors.New("damaged")

// file is an object that arrives, by one stream or by several.
type file struct {
	*Object
	d *download

	mu   sync.Mutex
	out  *os.File
	left int
	// there is what has arrived.
	there spans
	sums  []Sum
	asked bool
	// sum is the one of sums that is compared; hash has seen the bytes up to
	// hashed, and hashing is true while it sees more.
	sum      Sum
	hash     hash.Hash
	hashed   int64
	hashing  bool
	compared string
	done     bool
}

// takeOver continues where an earlier run ended, if that fetched the same.
func (f *file) takeOver(p *past) {
	if p == nil || f.Version == "" || p.version != f.Version || p.size != f.Size || f.Whole {
		return
	}
	info, err := f.d.root.Stat(filepath.FromSlash(f.Name))
	if err != nil {
		return
	}
	for _, s := range p.there {
		f.there = f.there.add(span{s.From, min(s.To, info.Size())})
	}
	if f.there.prefix() == f.Size && p.digest != "" {
		f.done = true
		if p.digest != noDigest {
			f.compared = p.digest
		}
	}
}

// noDigest is the digest of a finished file that the store gives none for.
const noDigest = "-"

// missing are the spans to fetch, none for a file that is there and checked.
func (f *file) missing() []span {
	switch {
	case f.done:
		return nil
	case f.Size < 0:
		return []span{{0, -1}}
	}
	most := f.d.cuts.part
	if f.Whole || f.Size <= f.d.cuts.above {
		most = f.Size
	}
	if gaps := f.there.missing(f.Size, most); len(gaps) > 0 {
		return gaps
	}
	// Empty, or complete and not checked yet.
	return []span{{f.Size, f.Size}}
}

// startsOver reports whether a broken stream has to begin again.
func (f *file) startsOver() bool { return f.Whole || f.Size < 0 }

// open makes the file, once.
func (f *file) open() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.out != nil {
		return nil
	}
	name := filepath.FromSlash(f.Name)
	if err := f.d.makeDir(filepath.Dir(name)); err != nil {
		return err
	}
	if len(f.there) == 0 {
		// What is there is of another version, or the file of a cache.
		if err := f.d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	out, err := f.d.root.OpenFile(name, os.O_CREATE|os.O_RDWR, fileMode)
	f.out = out
	return err
}

// begin is called when a stream has begun, with the sums that came with it. A
// file of several streams asks for them: it is hashed from its beginning on.
func (f *file) begin(ctx context.Context, sums []Sum) error {
	if err := f.open(); err != nil {
		return Permanent(err)
	}
	f.mu.Lock()
	f.sums = append(f.sums, sums...)
	f.mu.Unlock()
	if f.Size > f.d.cuts.above {
		return f.ask(ctx)
	}
	return nil
}

// ask asks the store for checksums, once, if the listing had none and the store
// answers such questions.
func (f *file) ask(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	store, ok := f.d.store.(Summer)
	if !ok || f.asked || len(f.sums) > 0 {
		return nil
	}
	sums, err := store.Sums(ctx, f.Object)
	if err == nil {
		f.sums, f.asked = sums, true
	}
	return err
}

// write puts bytes to their place. Those that continue what has been hashed
// are hashed while they are at hand.
func (f *file) write(p []byte, at int64) error {
	for i := 0; i < len(p); i += writeSize {
		if _, err := f.out.WriteAt(p[i:min(i+writeSize, len(p))], at+int64(i)); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.hashing && f.hashed == at && f.choose() {
		f.hashing = true
		f.mu.Unlock()
		f.hash.Write(p)
		f.mu.Lock()
		f.hashing = false
		f.hashed += int64(len(p))
	}
	f.there = f.there.add(span{at, at + int64(len(p))})
	return nil
}

// catchUp hashes, from the file, what other streams have brought in the
// meantime.
func (f *file) catchUp() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.hashing && f.there.prefix() > f.hashed && f.choose() {
		from, to := f.hashed, f.there.prefix()
		f.hashing = true
		f.mu.Unlock()
		err := f.hashAgain(from, to)
		f.mu.Lock()
		f.hashing = false
		if err != nil {
			return err
		}
		f.hashed = to
	}
	return nil
}

func (f *file) hashAgain(from, to int64) error {
	buffer := f.d.buffers.Get().(*[]byte)
	defer f.d.buffers.Put(buffer)
	// The wrappers keep io.Copy to the buffer.
	_, err := io.CopyBuffer(struct{ io.Writer }{f.hash}, struct{ io.Reader }{io.NewSectionReader(f.out, from, to-from)}, *buffer)
	return err
}

// choose decides which sum is compared, when the first byte is hashed.
func (f *file) choose() bool {
	if f.hash == nil {
		sum, ok := best(f.sums)
		if !ok {
			return false
		}
		f.sum, f.hash = sum, algorithms()[sum.Algorithm].make(f.Size)
	}
	return true
}

// isSure reports whether there is something to compare at the end.
func (f *file) isSure() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sums) > 0
}

func (f *file) logEvery() int64 {
	if f.isSure() {
		return logEvery
	}
	return safeEvery
}

// log notes what has arrived.
func (f *file) log(s span) error {
	if f.Version == "" || f.startsOver() || s.From == s.To {
		return nil
	}
	if !f.isSure() {
		if err := f.out.Sync(); err != nil {
			return err
		}
	}
	return f.d.journal.add(entry{Name: f.Name, Version: f.Version, Size: f.Size, From: s.From, To: s.To})
}

// ends sets the size of an object of which it was not known.
func (f *file) ends(size int64) { f.Size = size }

// reset forgets what has arrived.
func (f *file) reset() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	lost := f.there.total()
	f.there, f.hash, f.hashed, f.left = nil, nil, 0, 1
	err := f.d.count(-lost)
	if f.Version != "" && !f.startsOver() {
		err = errors.Join(err, f.d.journal.add(entry{Name: f.Name, Version: f.Version, Size: f.Size, Drop: true}))
	}
	if f.out != nil {
		err = errors.Join(err, f.out.Truncate(0))
	}
	return err
}

// partDone ends the file with its last part.
func (f *file) partDone(ctx context.Context) error {
	// Before it is counted: nobody may hash when the file is compared.
	if err := f.catchUp(); err != nil {
		return err
	}
	f.mu.Lock()
	f.left--
	last := f.left == 0
	f.mu.Unlock()
	if !last {
		return nil
	}
	if err := f.compare(ctx); err != nil {
		return err
	}
	err := f.out.Close()
	if f.Version != "" && !f.startsOver() {
		digest := f.compared
		if digest == "" {
			digest = noDigest
		}
		err = errors.Join(err, f.d.journal.add(entry{Name: f.Name, Version: f.Version, Size: f.Size, Digest: digest}))
	}
	return err
}

// compare compares the whole file with what the store says of it.
func (f *file) compare(ctx context.Context) error {
	if err := f.ask(ctx); err != nil {
		return err
	}
	if !f.choose() {
		return nil
	}
	if err := f.catchUp(); err != nil {
		return err
	}
	if err := f.sum.check(f.hash); err != nil {
		return Permanent(fault{err, errDamaged})
	}
	f.compared = f.sum.String()
	return nil
}
