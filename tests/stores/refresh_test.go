package stores

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/storage"
	"github.com/prime-radiant/radiant/storage/refresh"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// versionFiles are those of a version whose weights are content.
func versionFiles(version, content string) stores.Files {
	at := "models/rents/" + version + "/"
	return stores.Files{
		at + "saved_model.pb":                          []byte("graph " + content),
		at + "variables/variables.index":               []byte("index"),
		at + "variables/variables.data-00000-of-00001": bytes.Repeat([]byte(content), 10_000),
	}
}

// refresher keeps a folder like that of a URI; the log is what it says.
func refresher(t *testing.T, uri string, env map[string]string) (r *refresh.Refresher, dir string, log *bytes.Buffer) {
	t.Helper()
	catalog, err := storage.NewCatalog(uri, options(env))
	if err != nil {
		t.Fatal(err)
	}
	dir, log = t.TempDir(), &bytes.Buffer{}
	return refresh.New(catalog, refresh.Options{
		Dir: dir, Policy: refresh.Policy{All: true}, Every: time.Minute, Log: slog.New(slog.NewTextHandler(log, nil)), Now: time.Now,
		Sleep: func(ctx context.Context, _ time.Duration) bool { return ctx.Err() == nil },
	}), dir, log
}

// wantVersions compares the versions that a server finds in a folder, each by its weights.
func wantVersions(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "[0-9]*"))
	if err != nil || len(found) != len(want) {
		t.Errorf("there are %v, %v; want %d versions", found, err, len(want))
	}
	for version, content := range want {
		files := map[string]string{}
		for key, bytes := range versionFiles(version, content) {
			files[strings.TrimPrefix(key, "models/rents/"+version+"/")] = string(bytes)
		}
		wantTree(t, filepath.Join(dir, version), files)
	}
}

// TestVersionsOfStores: a version that is put into a real store is brought whole; a half
// of one is refused, and brought when it is there.
func TestVersionsOfStores(t *testing.T) {
	t.Parallel()
	filled := versionFiles("1", "first")
	filled["models/rents2/7/saved_model.pb"] = []byte("another model")
	filled["models/rents/readme.txt"] = []byte("no version")
	s := stores.StartS3(t, "bucket")
	s.Put(t, "bucket", filled)
	gcs := stores.StartGCS(t, map[string]stores.Files{"bucket": filled})
	azure := stores.StartAzure(t, map[string]stores.Files{"bucket": filled})
	for _, store := range []struct {
		scheme string
		env    map[string]string
		put    func(files stores.Files)
	}{
		{"s3", s.Env(), func(files stores.Files) { s.Put(t, "bucket", files) }},
		{"gs", gcs, func(files stores.Files) { stores.PutGCS(t, gcs, "bucket", files) }},
		{"azblob", azure.Env(), func(files stores.Files) { azure.Put(t, "bucket", files) }},
	} {
		t.Run(store.scheme, func(t *testing.T) {
			r, dir, log := refresher(t, store.scheme+"://bucket/models/rents", store.env)
			if err := r.First(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantVersions(t, dir, map[string]string{"1": "first"})
			second := versionFiles("10", "second")
			half := stores.Files{}
			const weights = "models/rents/10/variables/variables.data-00000-of-00001"
			for key, content := range second {
				if key != weights {
					half[key] = content
				}
			}
			store.put(half)
			for range 2 {
				if err := r.Look(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			wantVersions(t, dir, map[string]string{"1": "first"})
			if n := strings.Count(log.String(), "a version is refused"); n != 1 {
				t.Errorf("it is said %d times: %s", n, log)
			}
			store.put(stores.Files{weights: second[weights]})
			if err := r.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantVersions(t, dir, map[string]string{"1": "first", "10": "second"})
		})
	}
}

// TestTheBucketIsAway for five minutes, by the clock of the refresher: nothing happens to
// what is there, it is said once, and what came to the bucket in the meantime comes when
// it is back.
func TestTheBucketIsAway(t *testing.T) {
	const from, to, end = 2 * time.Minute, 7 * time.Minute, 10 * time.Minute
	s := stores.StartS3(t, "bucket")
	s.Put(t, "bucket", versionFiles("1", "first"))
	r, dir, log := refresher(t, "s3://bucket/models/rents", s.Env())
	if err := r.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, refresh.StateName)
	var written os.FileInfo
	clock, away, looks := time.Duration(0), false, 0
	r.Random = func() float64 { return 1 }
	r.Sleep = func(_ context.Context, d time.Duration) bool {
		clock += d
		switch {
		case clock >= from && clock < to && !away:
			s.Stop()
			away = true
		case clock >= to && away:
			wantVersions(t, dir, map[string]string{"1": "first"})
			if now, err := os.Stat(state); err != nil || !os.SameFile(now, written) {
				t.Errorf("what is known is written again while nothing happens: %v", err)
			}
			s.Start(t)
			s.Put(t, "bucket", versionFiles("2", "second"))
			away = false
		case away:
			looks++
			if now, err := os.Stat(state); err == nil && looks == 1 {
				written = now
			}
		}
		return clock < end
	}
	r.Run(t.Context())
	wantVersions(t, dir, map[string]string{"1": "first", "2": "second"})
	for text, times := range map[string]int{"the store cannot be asked": 1, "the store answers again": 1, "level=ERROR": 0} {
		if n := strings.Count(log.String(), text); n != times {
			t.Errorf("%q is said %d times, want %d: %s", text, n, times, log)
		}
	}
	if looks < 4 {
		t.Errorf("the store was asked %d times while it was away", looks)
	}
}

// TestTagsOfARegistry: a tag that is moved to another artifact is another version, by when
// that was made, and one that is moved back is the one before. Where it is not moved, its
// manifest is not read.
func TestTagsOfARegistry(t *testing.T) {
	var manifests atomic.Int32
	address := stores.StartRegistry(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/") {
			manifests.Add(1)
		}
		return false
	})
	push := func(created, content string) {
		t.Helper()
		var layers []stores.Layer
		for name, content := range versionFiles("1", content) {
			name = strings.TrimPrefix(name, "models/rents/1/")
			layers = append(layers, stores.Layer{MediaType: "application/octet-stream", Annotations: map[string]string{title: name}, Content: content})
		}
		slices.SortFunc(layers, func(a, b stores.Layer) int { return strings.Compare(a.Annotations[title], b.Annotations[title]) })
		stores.Artifact{Repository: "team/rents", Tag: "stable", Annotations: map[string]string{"org.opencontainers.image.created": created}}.Push(t, address, layers...)
	}
	states, single := storage.NewStates("oci://"+address+"/team/rents:stable", options(nil))
	if !single {
		t.Fatal("it has no states")
	}
	serves := map[int64]refresh.Serving{}
	dir, log := t.TempDir(), &bytes.Buffer{}
	r := refresh.NewOfStates(states, refresh.Options{
		Dir: dir, Every: time.Minute, Log: slog.New(slog.NewTextHandler(log, nil)), Now: time.Now,
		Sleep:   func(ctx context.Context, _ time.Duration) bool { return ctx.Err() == nil },
		Serving: func(context.Context) (map[int64]refresh.Serving, error) { return serves, nil },
	})
	look := func(serving int64, want map[string]string) {
		t.Helper()
		clear(serves)
		serves[serving] = refresh.Serving{Available: true}
		if err := r.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantVersions(t, dir, want)
	}
	push("2026-01-02T03:04:05Z", "first")
	first := map[string]string{"1767323045": "first"}
	look(0, first)
	look(1767323045, first)
	read := manifests.Load()
	for range 3 {
		look(1767323045, first)
	}
	if n := manifests.Load() - read; n != 0 {
		t.Errorf("the manifest is read %d times though nothing is new", n)
	}
	push("2026-01-02T03:04:06Z", "second")
	second := map[string]string{"1767323046": "second"}
	look(1767323045, map[string]string{"1767323045": "first", "1767323046": "second"})
	look(1767323046, second)
	push("2026-01-02T03:04:05Z", "first")
	look(1767323046, first)
	if t.Failed() {
		t.Log(log)
	}
}

// TestARefreshCostsLittle: where nothing is new, a look at a model of 1,000 files moves
// less than 10 kB, headers aside, and takes less than 5 ms of CPU time.
func TestARefreshCostsLittle(t *testing.T) {
	const (
		versions, each = 4, 250
		looks          = 40
		mostBytes      = 10_000
		mostTime       = 5 * time.Millisecond
	)
	s := stores.StartS3(t, "bucket")
	for version := range versions {
		at := fmt.Sprintf("models/rents/%d/", version+1)
		files := stores.Files{at + "saved_model.pb": []byte("graph")}
		for i := range each - 1 {
			files[fmt.Sprintf("%sassets/a-file-with-a-name-of-some-length-%04d.txt", at, i)] = []byte("x")
		}
		s.Put(t, "bucket", files)
	}
	proxy := stores.StartProxy(t, s.URL)
	far, dir, _ := refresher(t, "s3://bucket/models/rents", with(s.Env(), "AWS_ENDPOINT_URL", proxy.URL))
	if err := far.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	bytes, requests := proxy.Bytes.Load(), proxy.Requests.Load()
	if err := far.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	bytes, requests = proxy.Bytes.Load()-bytes, proxy.Requests.Load()-requests
	if bytes > mostBytes || requests != 1 {
		t.Errorf("a look moves %d bytes by %d requests; want less than %d by one", bytes, requests, mostBytes)
	}

	near, other, _ := refresher(t, "s3://bucket/models/rents", s.Env())
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, other); err != nil { // The versions are there.
		t.Fatal(err)
	}
	if err := near.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := used(t)
	for range looks {
		if err := near.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	took := (used(t) - began) / looks
	if took > mostTime {
		t.Errorf("a look takes %s of CPU time, want less than %s", took, mostTime)
	}
	t.Logf("a look at %d files: %d bytes by %d request, %s of CPU time", versions*each, bytes, requests, took)
}

// used is the CPU time of this process.
func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
