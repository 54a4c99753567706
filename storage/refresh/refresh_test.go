package refresh_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/storage"
	"github.com/prime-radiant/radiant/storage/refresh"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// scene is a folder of versions, the folder that is kept like it, and a server that
// loads what lies there as its policy has it.
type scene struct {
	*testing.T
	store, dir string
	log        bytes.Buffer
	options    refresh.Options
	// serves are the versions that answer, fails those that do not load.
	serves []int64
	fails  map[int64]string
	// silent is true while the server does not answer.
	silent bool
	// asked counts questions to the server.
	asked int
	// later is how far the clock is ahead.
	later time.Duration
	// paused is called in place of each pause.
	paused func()
	// source is in the place of the folder, where a test has another.
	source refresh.Source
}

func newScene(t *testing.T) *scene {
	s := &scene{T: t, store: t.TempDir(), dir: filepath.Join(t.TempDir(), "models"), fails: map[int64]string{}}
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.options = refresh.Options{
		Dir: s.dir, Every: time.Minute, Settle: time.Second, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
		Random: rand.Float64, Now: func() time.Time { return time.Now().Add(s.later) },
		Sleep: func(ctx context.Context, _ time.Duration) bool {
			if s.paused != nil {
				s.paused()
			}
			return ctx.Err() == nil
		},
		Serving: func(context.Context) (map[int64]refresh.Serving, error) {
			s.asked++
			if s.silent {
				return nil, errors.New("connection refused")
			}
			all := map[int64]refresh.Serving{}
			for _, v := range s.serves {
				all[v] = refresh.Serving{Available: true}
			}
			for v, why := range s.fails {
				all[v] = refresh.Serving{Failed: why}
			}
			return all, nil
		},
	}
	return s
}

// write puts a version into the store.
func (s *scene) write(version string, files ...string) {
	s.Helper()
	for _, name := range files {
		path := filepath.Join(s.store, version, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			s.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(version+" "+name), 0o644); err != nil {
			s.Fatal(err)
		}
	}
}

func model() []string {
	return []string{"saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"}
}

func (s *scene) refresher() *refresh.Refresher {
	s.Helper()
	source := s.source
	if source == nil {
		catalog, err := storage.NewCatalog(s.store, storage.Options{})
		if err != nil {
			s.Fatal(err)
		}
		source = catalog
	}
	return refresh.New(source, s.options)
}

// here are the folders that a server sees.
func (s *scene) here() string {
	s.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		s.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return strings.Join(names, " ")
}

// wants looks once, and compares what is there then.
func (s *scene) wants(r *refresh.Refresher, want string) {
	s.Helper()
	if err := r.Look(s.Context()); err != nil {
		s.Fatal(err)
	}
	if got := s.here(); got != want {
		s.Errorf("there are %q, want %q; log:\n%s", got, want, s.log.String())
	}
}

// told counts the lines of the log that hold a text.
func (s *scene) told(text string, times int) {
	s.Helper()
	if n := strings.Count(s.log.String(), text); n != times {
		s.Errorf("%q is told %d times, want %d:\n%s", text, n, times, s.log.String())
	}
}

// TestVersionsComeAndGo: the highest comes, and the one before goes when the new one
// serves and the server has dropped it.
func TestVersionsComeAndGo(t *testing.T) {
	s := newScene(t)
	s.write("1", model()...)
	s.write("9", model()...)
	s.write("notes", "readme.txt")
	r := s.refresher()
	if err := r.First(t.Context()); err != nil || s.here() != "9" || !refresh.IsReady(s.dir) {
		t.Fatal(err, s.here())
	}
	s.serves = []int64{9}
	s.wants(r, "9")
	s.write("10", model()...)
	s.wants(r, "10 9")
	s.wants(r, "10 9") // It does not serve yet.
	s.serves = []int64{9, 10}
	s.wants(r, "10 9") // The server is about to drop 9.
	s.serves = []int64{10}
	s.wants(r, "10")
	asked := s.asked
	for range 3 {
		s.wants(r, "10")
	}
	if s.asked != asked {
		t.Errorf("the server is asked %d times though nothing is open", s.asked-asked)
	}
	s.told("a version is there", 2)
	s.told("a version serves", 2)
	if content, err := os.ReadFile(filepath.Join(s.dir, "10", "saved_model.pb")); err != nil || string(content) != "10 saved_model.pb" {
		t.Errorf("%q, %v", content, err)
	}
}

// TestPolicies say which versions come.
func TestPolicies(t *testing.T) {
	for want, policy := range map[string]refresh.Policy{
		"10":       {},
		"10 9":     {Latest: 2},
		"1 10 2 9": {All: true},
		"2 9":      {Specific: []int64{2, 5, 9}},
	} {
		t.Run(want, func(t *testing.T) {
			s := newScene(t)
			for _, version := range []string{"1", "2", "9", "10"} {
				s.write(version, model()...)
			}
			s.options.Policy = policy
			s.wants(s.refresher(), want)
		})
	}
}

// TestWhatIsRefused: the versions before it go on, it is said once, and what is mended
// comes.
func TestWhatIsRefused(t *testing.T) {
	tests := []struct {
		name   string
		files  []string
		change func(*scene)
		reason string
	}{
		{"without a graph", []string{"variables/variables.index", "variables/variables.data-00000-of-00001"}, nil, "it has no saved_model.pb, saved_model.pbtxt or model.tflite"},
		{"without weights", []string{"saved_model.pb", "variables/variables.index"}, nil, "none of the files variables.data-"},
		{"without an index", []string{"saved_model.pb", "variables/variables.data-00000-of-00001"}, nil, "it has no variables/variables.index"},
		{"without some weights", []string{"saved_model.pb", "variables/variables.index", "variables/variables.data-00001-of-00003"}, nil, "it has 1 of the 3 files variables.data-...-of-00003"},
		{"too large for the server", model(), func(s *scene) { s.options.Memory = 150 }, "of memory beside 84 B of the versions that are there, and the server may have 150 B"},
		{"too large for the machine", model(), func(s *scene) { s.options.Available = func() (int64, bool) { return 50, true } }, "and 50 B are left on this machine"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			s.write("3", model()...)
			s.wants(s.refresher(), "3")
			s.write("4", test.files...)
			if test.change != nil {
				test.change(s)
			}
			r := s.refresher()
			s.wants(r, "3")
			s.wants(r, "3")
			s.told("a version is refused", 1)
			s.told(test.reason, 1)
			s.wants(s.refresher(), "3") // Another process knows it from the file.
			s.told("a version is refused", 1)

			s.options.Memory, s.options.Available = 0, nil
			if err := os.RemoveAll(filepath.Join(s.store, "4")); err != nil {
				t.Fatal(err)
			}
			s.write("4", model()...)
			s.wants(s.refresher(), "3 4")
		})
	}
}

// TestAVersionThatGrows is waited for.
func TestAVersionThatGrows(t *testing.T) {
	s := newScene(t)
	s.write("3", model()...)
	r := s.refresher()
	s.wants(r, "3")
	s.write("4", model()...)
	left := 2
	s.paused = func() {
		if left > 0 {
			s.write("4", fmt.Sprintf("assets/%d", left))
			left--
		}
	}
	s.wants(r, "3")
	s.wants(r, "3")
	s.wants(r, "3 4")
	s.told("it is still being written", 1)
}

// TestAVersionThatDoesNotLoad is taken away, and the one before it stays: a server that
// starts again finds the last good one. It is not fetched again as long as it is the
// same.
func TestAVersionThatDoesNotLoad(t *testing.T) {
	s := newScene(t)
	s.write("7", model()...)
	r := s.refresher()
	s.wants(r, "7")
	s.serves = []int64{7}
	s.write("8", model()...)
	s.wants(r, "7 8")
	s.fails[8] = "UNKNOWN: the graph is broken"
	s.wants(r, "7 8") // That may be of what was version 8 before.
	s.later += 2 * time.Minute
	s.wants(r, "7")
	delete(s.fails, 8)
	s.wants(r, "7")
	s.wants(s.refresher(), "7")
	s.told("the server could not load it: UNKNOWN: the graph is broken", 1)
	time.Sleep(2 * time.Millisecond) // So that its time is another one.
	s.write("8", model()...)
	s.wants(r, "7 8")
	s.fails[8] = "UNKNOWN: the graph is broken"
	s.wants(r, "7 8") // The server still tells of the one before.
	delete(s.fails, 8)
	s.serves = []int64{8}
	s.wants(r, "8")

	alone := newScene(t)
	alone.write("7", model()...)
	r = alone.refresher()
	alone.wants(r, "7")
	alone.fails[7] = "UNKNOWN: the graph is broken"
	alone.later += time.Hour
	alone.wants(r, "7") // There is no better one.
}

// TestVersionsThatTheStoreHasNoMore go while another one serves, and the last one stays.
func TestVersionsThatTheStoreHasNoMore(t *testing.T) {
	s := newScene(t)
	s.options.Policy = refresh.Policy{All: true}
	for _, version := range []string{"1", "2"} {
		s.write(version, model()...)
	}
	r := s.refresher()
	s.wants(r, "1 2")
	s.serves = []int64{1, 2}
	if err := os.RemoveAll(filepath.Join(s.store, "1")); err != nil {
		t.Fatal(err)
	}
	s.wants(r, "2")
	s.serves = []int64{2}
	if err := os.RemoveAll(filepath.Join(s.store, "2")); err != nil {
		t.Fatal(err)
	}
	s.wants(r, "2")
}

// broken is a source that fails.
type broken struct {
	refresh.Source
	list, fetch error
	fetches     int
}

// mayBreak has the scene's refreshers ask a source that fails when it is told to.
func (s *scene) mayBreak() *broken {
	s.Helper()
	catalog, err := storage.NewCatalog(s.store, storage.Options{})
	if err != nil {
		s.Fatal(err)
	}
	b := &broken{Source: catalog}
	s.source = b
	return b
}

func (b *broken) Folders(ctx context.Context) ([]string, error) {
	if b.list != nil {
		return nil, b.list
	}
	return b.Source.Folders(ctx)
}

func (b *broken) Fetch(ctx context.Context, folder, dst string) error {
	b.fetches++
	if b.fetch != nil {
		return b.fetch
	}
	return b.Source.Fetch(ctx, folder, dst)
}

// TestTheStoreIsAway: nothing happens, and it is said once.
func TestTheStoreIsAway(t *testing.T) {
	s := newScene(t)
	s.write("1", model()...)
	source := s.mayBreak()
	r := s.refresher()
	s.wants(r, "1")
	source.list = errors.New("connection refused")
	for range 5 {
		if err := r.Look(t.Context()); err == nil {
			t.Fatal("the store answers")
		}
	}
	if s.here() != "1" {
		t.Errorf("there are %s", s.here())
	}
	if err := s.refresher().First(t.Context()); err != nil {
		t.Errorf("a container that starts again has its version: %v", err)
	}
	s.told("the store cannot be asked", 2) // By each of two processes.
	source.list = nil
	s.wants(r, "1")
	s.told("the store answers again", 1)

	source.fetch = errors.New("connection reset")
	s.write("2", model()...)
	s.wants(r, "1")
	s.wants(r, "1")
	s.told("connection reset", 1)
	source.fetch = nil
	s.wants(r, "1 2") // What failed for now is tried again.
	source.fetch = transfer.Denied(errors.New("it may not be read"))
	s.write("3", model()...)
	s.wants(r, "1 2")
	s.wants(r, "1 2")
	s.told("it may not be read", 1)
	source.fetch = nil
	s.wants(r, "1 2 3") // A missing right, which no try mends, may be granted by now.
}

// TestTheSameFaultIsOneFault: what fails the same way at each look is written down once,
// since whatever is written there is told on; another fault is told.
func TestTheSameFaultIsOneFault(t *testing.T) {
	s := newScene(t)
	s.write("1", model()...)
	source := s.mayBreak()
	r := s.refresher()
	s.wants(r, "1")
	read := func(port int) string {
		source.list = fmt.Errorf("read tcp 10.0.0.5:%d->10.0.0.9:443: connection reset by peer", port)
		if err := r.Look(t.Context()); err == nil {
			t.Fatal("the store answers")
		}
		text, err := os.ReadFile(filepath.Join(s.dir, refresh.StateName))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := read(43512)
	if again := read(51002); again != first {
		t.Errorf("it was\n%sand is\n%s", first, again)
	}
	source.list = errors.New("access denied")
	if err := r.Look(t.Context()); err == nil {
		t.Fatal("the store answers")
	}
	if text, err := os.ReadFile(filepath.Join(s.dir, refresh.StateName)); err != nil || !strings.Contains(string(text), "access denied") {
		t.Errorf("another fault is not told: %s, %v", text, err)
	}
}

// TestDamagedVersions are fetched again after pauses that grow, up to an hour, and at once
// when they have changed.
func TestDamagedVersions(t *testing.T) {
	s := newScene(t)
	s.write("1", model()...)
	source := s.mayBreak()
	s.wants(s.refresher(), "1")
	s.write("2", model()...)
	source.fetch = transfer.Permanent(errors.New("it is damaged"))
	began := time.Now()
	now := began
	s.options.Now = func() time.Time { return now }
	r := s.refresher()
	var at []int // The minutes of fetches.
	for minute := range 200 {
		now = began.Add(time.Duration(minute) * time.Minute)
		before := source.fetches
		s.wants(r, "1")
		if source.fetches > before {
			at = append(at, minute)
		}
		if minute == 40 {
			r = s.refresher() // Another process knows it from the file.
		}
	}
	if want := []int{0, 1, 3, 7, 15, 31, 63, 123, 183}; !slices.Equal(at, want) {
		t.Errorf("it was fetched in the minutes %v, want %v", at, want)
	}
	s.told("it is damaged", 1)
	s.put("2", "mended")
	source.fetch = nil
	s.wants(r, "1 2")
}

// TestNothingToBeginWith is an error that says why.
func TestNothingToBeginWith(t *testing.T) {
	s := newScene(t)
	if err := s.refresher().First(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no folder whose name is a number") {
		t.Error(err)
	}
	s.write("1", "saved_model.pb", "variables/variables.index")
	if err := s.refresher().First(t.Context()); err == nil || !strings.Contains(err.Error(), "version 1: it has variables/variables.index and none") {
		t.Error(err)
	}
	if refresh.IsReady(s.dir) {
		t.Error("it is ready")
	}
	s.store = filepath.Join(s.store, "missing")
	if err := s.refresher().First(t.Context()); err == nil || !strings.Contains(err.Error(), "missing does not exist") {
		t.Error(err)
	}
}

// counting is a source that notes when it was asked.
type counting struct{ look func() }

func (c counting) Folders(context.Context) ([]string, error) { c.look(); return nil, nil }
func (counting) Files(context.Context, string) ([]transfer.Object, error) {
	return nil, errors.ErrUnsupported
}
func (counting) Fetch(context.Context, string, string) error { return errors.ErrUnsupported }
func (counting) PartialSize(string) int64                    { return 0 }
func (counting) RemovePartials(string, ...string) error      { return nil }

// TestManyAskEvenly: 200 that start at once look at their stores all over the time
// between two looks. The second holds the usual bound for a Poisson distribution with
// a mean of 200/60: that 13 or more fall on one of 60 has a probability of 0.3 %, that
// 20 do one of 10^-8.
func TestManyAskEvenly(t *testing.T) {
	const many, looks, seconds, most = 200, 10, 60, 20
	random := rand.New(rand.NewPCG(1, 2))
	at := map[int]int{}
	for range many {
		s := newScene(t)
		clock := time.Duration(0)
		n := 0
		s.source = counting{func() { at[int(clock/time.Second)]++; n++ }}
		s.options.Random = random.Float64
		s.options.Sleep = func(_ context.Context, d time.Duration) bool { clock += d; return n < looks }
		s.refresher().Run(t.Context())
	}
	total := 0
	for _, second := range slices.Sorted(maps.Keys(at)) {
		total += at[second]
		if at[second] > most {
			t.Errorf("%d look in second %d", at[second], second)
		}
	}
	if total != many*looks || len(at) < looks*seconds*9/10 {
		t.Errorf("%d looks in %d seconds", total, len(at))
	}
}

// TestTensorFlowStatus reads what TensorFlow Serving says of its versions.
func TestTensorFlowStatus(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/models/m" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `{"model_version_status": [
			{"version": "10", "state": "LOADING", "status": {"error_code": "OK", "error_message": ""}},
			{"version": "9", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}},
			{"version": "8", "state": "END", "status": {"error_code": "NOT_FOUND", "error_message": "no graph"}},
			{"version": "7", "state": "END", "status": {"error_code": "OK", "error_message": ""}}]}`)
	}))
	defer server.Close()
	all, err := refresh.TensorFlow(server.Client(), server.URL+"/v1/models/m")(t.Context())
	want := map[int64]refresh.Serving{10: {}, 9: {Available: true}, 8: {Failed: "NOT_FOUND: no graph"}, 7: {}}
	if err != nil || !maps.Equal(all, want) {
		t.Errorf("%v, %v; want %v", all, err, want)
	}
	if _, err := refresh.TensorFlow(server.Client(), server.URL+"/v1/models/other")(t.Context()); err == nil {
		t.Error("an error is no status")
	}
}
