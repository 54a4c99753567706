package refresh_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/storage"
	"github.com/prime-radiant/radiant/storage/refresh"
)

// told is a server that loads what lies in a folder when it is told to, one after the
// other, as MLServer does: its index names what lies there, as if it had all of it.
type told struct {
	dir string

	mu     sync.Mutex
	loaded map[string]bool
	loads  int
	// fails are versions that it cannot load, and what it says then.
	fails map[string]string
	// away is true while it does not answer.
	away bool
}

// with changes the server.
func (s *told) with(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// has are the versions that it has loaded.
func (s *told) has() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(slices.Sorted(maps.Keys(s.loaded)), " ")
}

// times is how often it was told to load.
func (s *told) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads
}

func (s *told) lies() (names []string) {
	entries, _ := os.ReadDir(s.dir)
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(s.dir, e.Name(), "model-settings.json")); err == nil && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

func (s *told) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	version, asksReady := strings.CutPrefix(r.URL.Path, "/v2/models/m/versions/")
	switch {
	case s.away:
		panic(http.ErrAbortHandler)
	case r.URL.Path == "/v2/repository/index":
		var index []map[string]string
		for _, name := range s.lies() {
			index = append(index, map[string]string{"name": "m", "version": name, "state": "READY"})
		}
		_ = json.NewEncoder(w).Encode(append(index, map[string]string{"name": "other", "version": "99", "state": "READY"}))
	case r.URL.Path == "/v2/repository/models/m/load":
		s.loads++
		lies := s.lies()
		for _, name := range lies {
			if why := s.fails[name]; why != "" {
				http.Error(w, why, http.StatusInternalServerError)
				return
			}
			s.loaded[name] = true
		}
		maps.DeleteFunc(s.loaded, func(name string, _ bool) bool { return !slices.Contains(lies, name) })
	case asksReady && s.loaded[strings.TrimSuffix(version, "/ready")]:
	default:
		http.NotFound(w, r)
	}
}

// onMLServer has the folder of a scene served by such a server.
func (s *scene) onMLServer() *told {
	s.Helper()
	server := &told{dir: s.dir, loaded: map[string]bool{}, fails: map[string]string{}}
	serving := httptest.NewServer(server)
	s.Cleanup(serving.Close)
	repository := &refresh.Repository{Client: serving.Client(), URL: serving.URL, Model: "m"}
	s.options.Serving, s.options.Load, s.options.LoadsAgain = repository.Serving, repository.Load, true
	s.options.Kind = refresh.MLServer{Model: "m", Files: []string{"model.joblib", "model-settings.json"}}
	return server
}

// settings are those that the server finds for a version.
func (s *scene) settings(version string) (name string, parameters map[string]any) {
	s.Helper()
	var all struct {
		Name       string
		Parameters map[string]any
	}
	text, err := os.ReadFile(filepath.Join(s.dir, version, "model-settings.json"))
	if err != nil || json.Unmarshal(text, &all) != nil {
		s.Fatalf("settings of %s: %v, %s", version, err, text)
	}
	return all.Name, all.Parameters
}

// TestMLServerIsTold of each version, and drops the one before it a while after: requests
// that were meant for it may still be under way.
func TestMLServerIsTold(t *testing.T) {
	s := newScene(t)
	server := s.onMLServer()
	s.write("7", "model.joblib")
	r := s.refresher()
	server.with(func() { server.away = true }) // It starts when there is a version.
	s.wants(r, "7")
	if name, parameters := s.settings("7"); name != "m" || parameters["version"] != "7" || parameters["uri"] != "." {
		t.Errorf("settings are of %s, %v", name, parameters)
	}
	server.with(func() { server.away, server.loaded["7"] = false, true })
	s.wants(r, "7")
	s.told("a version serves", 1)
	if n := server.times(); n > 1 {
		t.Errorf("it was told %d times to load what it has", n)
	}
	s.write("8", "notes.txt")
	s.wants(r, "7")
	s.told("it has none of the files model.joblib, model-settings.json", 1)
	s.write("8", "model.joblib")
	s.wants(r, "7 8")
	if server.has() != "7 8" {
		t.Errorf("it was not told of version 8: it has %s", server.has())
	}
	s.later += 14 * time.Second
	s.wants(r, "7 8")
	s.later += 2 * time.Second
	s.wants(r, "8")
	if server.has() != "8" {
		t.Errorf("it was not told that version 7 is gone: it has %s", server.has())
	}
	loads := server.times()
	s.wants(r, "8")
	if server.times() != loads {
		t.Error("it is told though nothing changed")
	}
}

// TestMLServerCannotLoad what is new: it is taken away at once, with the reason, and the
// server is told of what is left; it is fetched again when it has changed.
func TestMLServerCannotLoad(t *testing.T) {
	s := newScene(t)
	server := s.onMLServer()
	s.write("7", "model.joblib")
	r := s.refresher()
	server.with(func() { server.loaded["7"] = true })
	s.wants(r, "7")
	server.with(func() {
		server.fails["8"] = "Traceback (most recent call last):\n  File \"x.py\", line 1, in load\n    pop()\n    ^^^^^\nIndexError: pop from empty list\nStack trace:\n  [bt] (8) python3(+0x1)\n"
	})
	s.write("8", "model.joblib")
	s.wants(r, "7")
	s.told("the server could not load it: IndexError: pop from empty list", 1)
	if server.has() != "7" {
		t.Errorf("it has %s", server.has())
	}
	loads := server.times()
	s.wants(r, "7")
	s.wants(s.refresher(), "7")
	if n := server.times() - loads; n > 1 { // A program that begins does not know what the server was told.
		t.Errorf("it was told %d times more", n)
	}
	s.told("a version is refused", 1)
	server.with(func() { delete(server.fails, "8") })
	s.write("8", "model.joblib", "more")
	s.wants(r, "7 8")

	// One that is silent in the meantime is told when it answers.
	s.write("9", "model.joblib")
	server.with(func() { server.away = true })
	s.wants(r, "7 8 9")
	server.with(func() { server.away = false })
	s.wants(r, "7 8 9")
	if server.has() != "7 8 9" {
		t.Errorf("it was not told of version 9: it has %s", server.has())
	}
}

// TestMLServerCannotLoadOneOfSeveral: what comes with a version that does not load is loaded
// without it, though the server ends with the first of them and does not say which that was.
func TestMLServerCannotLoadOneOfSeveral(t *testing.T) {
	for _, broken := range []string{"8", "9"} {
		good := map[string]string{"8": "9", "9": "8"}[broken]
		s := newScene(t)
		s.options.Policy = refresh.Policy{All: true}
		server := s.onMLServer()
		s.write("7", "model.joblib")
		r := s.refresher()
		server.with(func() { server.loaded["7"], server.fails[broken] = true, "no model" })
		s.wants(r, "7")
		s.write("8", "model.joblib")
		s.write("9", "model.joblib")
		s.wants(r, "7 "+good)
		if has := server.has(); has != "7 "+good {
			t.Errorf("of 8 and 9, of which %s does not load, it has %s", broken, has)
		}
		s.told("the server could not load it: no model", 1)
		s.wants(r, "7 "+good)
		s.told("a version is refused", 1)

		// What ended while versions waited has lost none, where no other serves.
		if err := errors.Join(os.Rename(filepath.Join(s.dir, "7"), filepath.Join(s.dir, ".radiant-aside-7")), os.RemoveAll(filepath.Join(s.dir, good))); err != nil {
			t.Fatal(err)
		}
		server.with(func() { server.loaded = map[string]bool{} })
		r = s.refresher()
		before := strings.Count(s.log.String(), "a version is back in its place")
		s.wants(r, "7 "+good)
		s.told("a version is back in its place", before+1)

		// Where it has none, and is told of all.
		server.with(func() { server.loaded, server.fails["7"] = map[string]bool{}, "no model any more" })
		s.wants(r, good)
		if has := server.has(); has != good {
			t.Errorf("of 7, which does not load, and %s it has %s", good, has)
		}
	}
}

// TestMLServersSettings of the store stay, but for the name and the version; folders are
// compared by what the store has.
func TestMLServersSettings(t *testing.T) {
	dir := t.TempDir()
	kind := refresh.MLServer{Model: "m", Files: []string{"model-settings.json"}}
	file := filepath.Join(dir, "model-settings.json")
	const given = `{"name":"theirs","implementation":"x.Y","parallel_workers":0,"parameters":{"uri":"./own.bin","version":"v1","extra":{"a":12345678901234567890}}}`
	shared := filepath.Join(t.TempDir(), "cached")
	sharedToo, taken := filepath.Join(t.TempDir(), "cached"), filepath.Join(dir, ".radiant-given-model-settings.json")
	if err := errors.Join(os.WriteFile(shared, []byte(given), 0o600), os.Link(shared, file), os.WriteFile(sharedToo, []byte("theirs"), 0o600), os.Link(sharedToo, taken)); err != nil {
		t.Fatal(err)
	}
	if err := kind.Complete(dir, 12); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	var got, want any
	if err != nil || json.Unmarshal(text, &got) != nil || json.Unmarshal([]byte(strings.NewReplacer("theirs", "m", `"v1"`, `"12"`).Replace(given)), &want) != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `12345678901234567890`) {
		t.Errorf("settings are %s", text)
	}
	if a, b := marshalled(t, got), marshalled(t, want); a != b {
		t.Errorf("settings are %s, want %s", a, b)
	}
	if cached, err := os.ReadFile(shared); err != nil || string(cached) != given {
		t.Errorf("the file that is shared with a cache is %s, %v", cached, err)
	}
	if cached, err := os.ReadFile(sharedToo); err != nil || string(cached) != "theirs" {
		t.Errorf("a file of the store by the name of what is kept is %s, %v in the cache", cached, err)
	}
	files := kind.Given(dir)
	if len(files) != 1 || files[0].Name != "model-settings.json" || files[0].Size != int64(len(given)) {
		t.Errorf("the store has %v", files)
	}
	for text, fault := range map[string]string{`{"name":`: "reading its model-settings.json", `{} {}`: "something follows the settings", `{"parameters":[]}`: "are no object", `null`: ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := kind.Complete(dir, 1)
		if fault == "" && err != nil || fault != "" && (!errors.As(err, new(refresh.Incomplete)) || !strings.Contains(err.Error(), fault)) {
			t.Errorf("%s: %v, want %q", text, err, fault)
		}
	}
	s := newScene(t)
	s.onMLServer()
	s.write("7", "model.joblib", "below/model-settings.json")
	if err := s.refresher().First(context.Background()); err == nil || !strings.Contains(err.Error(), "it has below/model-settings.json: settings of a version are right in its folder") {
		t.Errorf("settings in a folder below: %v", err)
	}
}

func marshalled(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestMLServersMemory has room for a second copy of what it has: it loads all again.
func TestMLServersMemory(t *testing.T) {
	s := newScene(t)
	server := s.onMLServer()
	s.write("7", "model.joblib")
	r := s.refresher()
	server.with(func() { server.loaded["7"] = true })
	s.wants(r, "7")
	s.options.Memory = 3*int64(len("7 model.joblib")) - 1
	r = s.refresher()
	s.write("8", "model.joblib")
	s.wants(r, "7")
	s.told("of memory beside", 1)
	s.options.Memory++
	s.wants(s.refresher(), "7 8")
	if _, err := strconv.Atoi(s.here()); err == nil {
		t.Error("version 8 is not there")
	}
}

// TestFilesBesideTheVersions come with each one, as the configuration of a model of Triton
// does, and only then.
func TestFilesBesideTheVersions(t *testing.T) {
	s := newScene(t)
	catalog, err := storage.NewCatalog(s.store, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.options.Kind, s.options.Beside = refresh.Triton{}, catalog
	s.write(".", "config.pbtxt", "notes/readme.txt")
	s.write("1", "model.onnx", "weights/one.bin")
	r := s.refresher()
	s.serves = []int64{1}
	s.wants(r, "1")
	has := func(want string) {
		t.Helper()
		if text, err := os.ReadFile(filepath.Join(s.dir, "config.pbtxt")); err != nil || string(text) != want {
			t.Errorf("the configuration is %s, %v; want %s", text, err, want)
		}
	}
	has(". config.pbtxt")
	if err := os.WriteFile(filepath.Join(s.store, "config.pbtxt"), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.wants(r, "1")
	has(". config.pbtxt")
	s.write("2", "model.onnx")
	s.wants(r, "1 2")
	has("other")
	if _, err := os.Stat(filepath.Join(s.dir, "1", "weights", "one.bin")); err != nil {
		t.Error(err)
	}
	if entries, err := filepath.Glob(filepath.Join(s.dir, ".refresh-*")); err != nil || len(entries) > 0 {
		t.Errorf("left are %v, %v", entries, err)
	}
	if err := os.Remove(filepath.Join(s.store, "config.pbtxt")); err != nil {
		t.Fatal(err)
	}
	s.write("3", "model.onnx") // Without one it may be made up by the server.
	s.wants(r, "1 2 3")
}

// TestMLServersArchives are versions by the time of their last change, and the same one
// where nothing but the archive around it is another: the settings that were added here do
// not count.
func TestMLServersArchives(t *testing.T) {
	s := newSite(t)
	server := s.onMLServer()
	of := func(content string) map[string]string {
		return map[string]string{"model.joblib": content, "model-settings.json": `{"implementation":"x.Y","parameters":{"uri":"./model.joblib"}}`}
	}
	s.pack(1000, of("first"))
	r := s.refresher()
	server.with(func() { server.loaded["1000"] = true })
	s.wants(r, "1000")
	if name, parameters := s.settings("1000"); name != "m" || parameters["version"] != "1000" || parameters["uri"] != "./model.joblib" {
		t.Errorf("settings are of %s, %v", name, parameters)
	}
	s.pack(2000, of("first"))
	s.wants(r, "1000")
	s.pack(3000, of("second"))
	s.wants(r, "1000 3000")
	if server.has() != "1000 3000" {
		t.Errorf("it has %s", server.has())
	}
	s.later += linger
	s.wants(r, "3000")
	other := of("second")
	other["model-settings.json"] = `{"implementation":"x.Z","parameters":{"uri":"./model.joblib"}}`
	s.pack(4000, other) // Settings of the store count.
	s.wants(r, "3000 4000")
	s.pack(5000, map[string]string{"7/model.joblib": "seventh", "8/model.joblib": "eighth"})
	s.wants(r, "3000 4000 8")
	if _, parameters := s.settings("8"); parameters["version"] != "8" || parameters["uri"] != "." {
		t.Errorf("settings are %v", parameters)
	}
}

// linger is how long a version stays beside the one that serves in its place.
const linger = 16 * time.Second
