package refresh_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/storage"
	"github.com/prime-radiant/radiant/storage/refresh"
)

// site is a web server of one archive, which answers as files of a disk are answered:
// with the time of the last change, with ranges, and with an ETag if one is set.
type site struct {
	*scene
	url, root string
	etag      atomic.Pointer[string]
	// fetched counts whole answers, asked all of them.
	fetched, asked atomic.Int32
}

func newSite(t *testing.T) *site {
	s := &site{scene: newScene(t), root: t.TempDir()}
	files := http.FileServer(http.Dir(s.root))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if r.Method == http.MethodGet && r.Header.Get("Range") == "" {
			s.fetched.Add(1)
		}
		if etag := s.etag.Load(); etag != nil {
			w.Header().Set("ETag", *etag)
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// pack puts an archive of files to the server, as of a second.
func (s *site) pack(second int64, files map[string]string) {
	s.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(content))}); err != nil {
			s.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			s.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		s.Fatal(err)
	}
	s.put(second, out.Bytes())
}

func (s *site) put(second int64, content []byte) {
	s.Helper()
	file := filepath.Join(s.root, "m.tar")
	if err := os.WriteFile(file+".new", content, 0o600); err != nil {
		s.Fatal(err)
	}
	at := time.Unix(second, 0)
	if err := os.Chtimes(file+".new", at, at); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		s.Fatal(err)
	}
}

// versions are the files of models in numbered folders, each with the content said.
func versions(of map[string]string) map[string]string {
	all := map[string]string{}
	for version, content := range of {
		for _, name := range model() {
			all[version+"/"+name] = content + " " + name
		}
	}
	return all
}

func bare(content string) map[string]string {
	all := map[string]string{}
	for _, name := range model() {
		all[name] = content + " " + name
	}
	return all
}

func (s *site) refresher() *refresh.Refresher {
	s.Helper()
	states, single := storage.NewStates(s.url+"/m.tar", storage.Options{Attempts: 1})
	if !single {
		s.Fatal("it has no states")
	}
	return refresh.NewOfStates(states, s.options)
}

// holds compares the graph of a version that is here.
func (s *site) holds(version, want string) {
	s.Helper()
	got, err := os.ReadFile(filepath.Join(s.dir, version, "saved_model.pb"))
	if err != nil || string(got) != want+" saved_model.pb" {
		s.Errorf("version %s is %q, %v; want that of %q", version, got, err, want)
	}
}

// TestVersionsInAnArchive are those of its numbered folders, by the policy. Where the
// archive stays as it is, it is asked for and not sent.
func TestVersionsInAnArchive(t *testing.T) {
	s := newSite(t)
	s.pack(1000, versions(map[string]string{"1": "one", "9": "nine"}))
	r := s.refresher()
	if err := r.First(t.Context()); err != nil || s.here() != "9" || !refresh.IsReady(s.dir) {
		t.Fatal(err, s.here())
	}
	s.serves = []int64{9}
	s.wants(r, "9")
	if n := s.fetched.Load(); n != 1 {
		t.Errorf("it was fetched %d times", n)
	}
	asked := s.asked.Load()
	for range 3 {
		s.wants(r, "9")
		s.wants(s.refresher(), "9") // Another process knows it from the file.
	}
	if n, m := s.fetched.Load(), s.asked.Load()-asked; n != 1 || m != 6 {
		t.Errorf("it was fetched %d times and asked for %d times", n, m)
	}
	s.pack(2000, versions(map[string]string{"9": "nine", "10": "ten"}))
	s.wants(r, "10 9")
	s.serves = []int64{10}
	s.wants(r, "10")
	s.holds("10", "ten")
	s.told("a version is there", 2)

	s.options.Policy = refresh.Policy{Latest: 2} // Of the same archive one more is wanted.
	s.wants(s.refresher(), "10 9")
	s.holds("9", "nine")
}

// TestAnArchiveIsAVersion, where it holds no numbered folders: the second of its last
// change. The one before stays until it serves, and if it does not load.
func TestAnArchiveIsAVersion(t *testing.T) {
	s := newSite(t)
	s.pack(1000, bare("one"))
	r := s.refresher()
	s.wants(r, "1000")
	s.serves = []int64{1000}
	s.wants(r, "1000")
	s.pack(2000, bare("two"))
	s.wants(r, "1000 2000")
	s.wants(r, "1000 2000")
	s.serves = []int64{2000}
	s.wants(r, "2000")
	s.holds("2000", "two")

	s.pack(3000, bare("three"))
	s.wants(r, "2000 3000")
	s.fails[3000] = "UNKNOWN: the graph is broken"
	s.later += 2 * time.Minute
	s.wants(r, "2000")
	s.wants(s.refresher(), "2000")
	s.told("the server could not load it: UNKNOWN: the graph is broken", 1)
	s.told("a version is there", 3)

	s.pack(2000, bare("two")) // It is here.
	s.wants(r, "2000")
	s.told("a version is there", 3)
	s.pack(1500, bare("an older one")) // Somebody goes back.
	s.wants(r, "1500")
	s.holds("1500", "an older one")
}

// TestArchivesThatAreRefused: what serves goes on, it is said once, and what is refused
// is not fetched again as long as it is the same.
func TestArchivesThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		files  map[string]string
		change func(*site)
		reason string
	}{
		"no model":      {map[string]string{"readme.txt": "x"}, nil, "it has no saved_model.pb"},
		"half":          {map[string]string{"10/saved_model.pb": "x", "10/variables/variables.index": "x"}, nil, "none of the files variables.data-"},
		"for memory":    {versions(map[string]string{"10": "ten"}), func(s *site) { s.options.Memory = 150 }, "and the server may have 150 B"},
		"for the disk":  {versions(map[string]string{"10": "ten"}), func(s *site) { s.options.Room = func() (int64, bool) { return 50, true } }, "and the disk has room for 50 B"},
		"for the store": {nil, func(s *site) { s.put(2000, []byte(strings.Repeat("no archive", 100))) }, "unpacking m.tar"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.pack(1000, versions(map[string]string{"9": "nine"}))
			s.wants(s.refresher(), "9")
			s.serves = []int64{9}
			if test.files != nil {
				s.pack(2000, test.files)
			}
			if test.change != nil {
				test.change(s)
			}
			r := s.refresher()
			s.wants(r, "9")
			fetched := s.fetched.Load()
			s.wants(r, "9")
			s.wants(s.refresher(), "9")
			if n := s.fetched.Load() - fetched; n > 0 {
				t.Errorf("it was fetched %d times again", n)
			}
			s.told("a version is refused", 1)
			s.told(test.reason, 1)
			s.options.Memory, s.options.Room = 0, nil
			s.pack(3000, versions(map[string]string{"11": "eleven"}))
			s.wants(s.refresher(), "11 9")
		})
	}
}

// TestOtherFilesUnderANumber are not fetched in the place of what serves, which is said;
// before it serves they may mend it.
func TestOtherFilesUnderANumber(t *testing.T) {
	s := newSite(t)
	s.pack(1000, versions(map[string]string{"1": "one"}))
	r := s.refresher()
	s.wants(r, "1")
	s.pack(2000, versions(map[string]string{"1": "mended"}))
	s.wants(r, "1")
	s.holds("1", "mended")
	s.serves = []int64{1}
	s.wants(r, "1")
	s.pack(3000, versions(map[string]string{"1": "another"}))
	for range 3 {
		s.wants(r, "1")
	}
	s.holds("1", "mended")
	s.told("the store has other files for version 1 by now", 1)
	s.told("give them another number", 1)
}

// TestTheSameUnderOtherETags is no new version, and is fetched once for each: machines
// behind one name may give one file several.
func TestTheSameUnderOtherETags(t *testing.T) {
	s := newSite(t)
	s.pack(1000, bare("one"))
	r := s.refresher()
	for i := range 9 {
		etag := fmt.Sprintf("%q", []string{"a", "b", "c"}[i%3])
		s.etag.Store(&etag)
		s.wants(r, "1000")
		s.serves = []int64{1000}
	}
	if n := s.fetched.Load(); n != 3 {
		t.Errorf("it was fetched %d times, want once for each ETag", n)
	}
	s.told("a version is there", 1)
}

// TestAServerThatTellsNoState is an error that says so.
func TestAServerThatTellsNoState(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-tar")
		fmt.Fprint(w, "something")
	}))
	defer server.Close()
	s := newSite(t)
	s.url = server.URL
	if err := s.refresher().First(t.Context()); err == nil || !strings.Contains(err.Error(), "neither an ETag nor when the file changed last") {
		t.Error(err)
	}
	s.serves = []int64{1}
	server.Close()
	if err := s.refresher().First(t.Context()); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Error(err)
	}
}
