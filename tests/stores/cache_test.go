package stores

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/prime-radiant/radiant/storage"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// TestCache: what was fetched once is not fetched again, by whichever run, and
// what somebody has changed in the cache is.
func TestCache(t *testing.T) {
	s := stores.StartS3(t, "bucket")
	s.Put(t, "bucket", model())
	p := stores.StartProxy(t, s.URL)
	o := options(behind(s, p))
	o.Cache = t.TempDir()
	fetch := func(uri string) (dir string, bytes int64) {
		t.Helper()
		before := p.Bytes.Load()
		dir = filepath.Join(t.TempDir(), "models")
		if err := storage.Fetch(t.Context(), uri, dir, o); err != nil {
			t.Fatal(err)
		}
		return dir, p.Bytes.Load() - before
	}
	const uri, whole = "s3://bucket/models/digits", 700_000
	if _, n := fetch(uri); n < whole {
		t.Errorf("the first run fetched %d bytes, want %d and more", n, whole)
	}
	dir, n := fetch(uri)
	wantTree(t, dir, wantModel())
	if n > 10_000 {
		t.Errorf("the second run fetched %d bytes, want a listing", n)
	}
	// Another path to the same object.
	dir, n = fetch("s3://bucket/models/digits/1/variables/data")
	wantTree(t, dir, map[string]string{"data": wantModel()["1/variables/data"]})
	if n > 10_000 {
		t.Errorf("of an object that is kept, %d bytes were fetched", n)
	}
	kept, err := filepath.Glob(filepath.Join(o.Cache, "sha256", "*"))
	if err != nil || len(kept) != len(wantModel()) {
		t.Fatalf("the cache has %v (%v)", kept, err)
	}
	for _, file := range kept {
		if err := os.Chmod(file, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.WriteAt([]byte("X"), 0)
		f.Close()
	}
	dir, n = fetch(uri)
	wantTree(t, dir, wantModel())
	if n < whole {
		t.Errorf("%d bytes were fetched in place of what was changed", n)
	}
	// A new version of an object.
	s.Put(t, "bucket", stores.Files{"models/digits/1/saved_model.pb": []byte("newer")})
	dir, _ = fetch(uri)
	want := wantModel()
	want["1/saved_model.pb"] = "newer"
	wantTree(t, dir, want)
}

// TestCacheAtOnce: of many runs at once, one fetches.
func TestCacheAtOnce(t *testing.T) {
	s := stores.StartS3(t, "bucket")
	s.Put(t, "bucket", model())
	p := stores.StartProxy(t, s.URL)
	o := options(behind(s, p))
	o.Cache = t.TempDir()
	root := t.TempDir()
	var runs sync.WaitGroup
	for i := range 8 {
		runs.Go(func() {
			dir := filepath.Join(root, string(rune('a'+i)), "models")
			if err := storage.Fetch(t.Context(), "s3://bucket/models/digits", dir, o); err != nil {
				t.Error(err)
				return
			}
			wantTree(t, dir, wantModel())
		})
	}
	runs.Wait()
	if n := p.Bytes.Load(); n > 1_000_000 {
		t.Errorf("8 runs fetched %d bytes, want those of one", n)
	}
}
