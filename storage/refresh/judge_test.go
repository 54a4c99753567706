package refresh_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/storage/refresh"
)

// put writes the graph of a version into the store, at a time that nothing else has.
func (s *scene) put(version, graph string) {
	s.Helper()
	file := filepath.Join(s.store, version, "saved_model.pb")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(graph), 0o644); err != nil {
		s.Fatal(err)
	}
	s.later += time.Second
	if at := time.Now().Add(s.later); os.Chtimes(file, at, at) != nil {
		s.Fatal("its time cannot be set")
	}
}

func (s *scene) removed(version string) {
	s.Helper()
	if err := os.RemoveAll(filepath.Join(s.store, version)); err != nil {
		s.Fatal(err)
	}
}

// TestAVersionThatEndsTheServer is taken away when the server has been silent for two
// minutes since it came, so that the server finds the last good one when it starts
// again. A server that is silent for a shorter time, or without a new version, is let be.
func TestAVersionThatEndsTheServer(t *testing.T) {
	s := newScene(t)
	s.write("7", model()...)
	r := s.refresher()
	s.wants(r, "7")
	s.serves = []int64{7}
	s.wants(r, "7")
	s.silent = true
	s.later += time.Hour
	s.wants(r, "7")
	s.write("8", model()...)
	s.wants(r, "7 8")
	for range 5 {
		s.later += 20 * time.Second
		s.wants(r, "7 8")
	}
	s.later += 20 * time.Second
	s.wants(r, "7")
	s.told("the server has not answered for 2m0s since this version is there", 1)
	s.silent = false
	s.wants(r, "7")
	s.wants(s.refresher(), "7") // It is the same one for the next process.
	s.told("a version is refused", 1)

	s.write("9", model()...)
	s.wants(r, "7 9")
	s.later += time.Hour // It loads for long, and the server answers.
	s.wants(r, "7 9")
	s.silent = true
	s.wants(r, "7 9")
	s.later += time.Minute
	s.wants(r, "7 9")
	s.silent = false
	s.serves = []int64{9}
	s.wants(r, "9")
}

// TestNewVersionsAreWatched between two looks, until they serve or are taken away.
func TestNewVersionsAreWatched(t *testing.T) {
	s := newScene(t)
	s.options.Every = time.Hour
	s.write("7", model()...)
	r := s.refresher()
	s.wants(r, "7")
	s.serves = []int64{7}
	s.wants(r, "7")
	s.write("8", model()...)
	s.wants(r, "7 8")
	s.silent = true
	ctx, cancel := context.WithCancel(t.Context())
	s.asked = 0
	r.Sleep = func(_ context.Context, d time.Duration) bool {
		s.later += d
		if s.here() == "7" {
			cancel()
			return false
		}
		return s.asked < 100
	}
	r.Random = func() float64 { return 1 }
	r.Run(ctx)
	if s.here() != "7" || s.asked > 15 {
		t.Errorf("there are %s after %d questions: %s", s.here(), s.asked, s.log.String())
	}
}

// TestTheFirstVersionDoesNotLoad: what is mended in the store comes at once, and if it
// is not, the next lower one after a time.
func TestTheFirstVersionDoesNotLoad(t *testing.T) {
	s := newScene(t)
	s.silent = true
	s.put("8", "one graph")
	r := s.refresher()
	s.wants(r, "8")
	s.put("8", "another graph")
	s.wants(r, "8")
	if got, err := os.ReadFile(filepath.Join(s.dir, "8", "saved_model.pb")); err != nil || string(got) != "another graph" {
		t.Errorf("it is %s, %v", got, err)
	}
	for range 4 {
		s.later += time.Hour
		s.wants(r, "8") // There is no other one.
	}
	s.put("7", "a graph")
	s.wants(r, "7")
	s.told("the server has not answered", 1)
	s.silent = false
	s.serves = []int64{7}
	s.wants(r, "7")

	slow := newScene(t)
	slow.silent = true
	slow.put("7", "a graph")
	slow.put("8", "a graph")
	r = slow.refresher()
	slow.wants(r, "8")
	for range 14 {
		slow.later += 2 * time.Minute
		slow.wants(r, "8") // Its image may still be fetched.
	}
	slow.silent = false
	slow.fails[8] = "UNKNOWN: the graph is broken"
	slow.wants(r, "7") // It says so.
}

// TestGoingBackInTheStore: the policy is the highest, which is deleted. A server that
// has it drops it when another one serves, for which it has to be away.
func TestGoingBackInTheStore(t *testing.T) {
	s := newScene(t)
	s.write("9", model()...)
	r := s.refresher()
	s.wants(r, "9")
	s.serves = []int64{9}
	s.wants(r, "9")
	s.write("8", "assets/half")
	s.removed("9")
	s.wants(r, "9") // Nothing else can be served.
	s.write("8", model()...)
	s.silent = true
	s.wants(r, "8 9")
	s.silent = false
	s.wants(r, "8")
	s.told("removed a version", 1)
	s.serves = []int64{8}
	s.wants(r, "8")
	s.told("a version serves", 2)
}

// TestAGraphBeforeItsWeights is not taken for a version: a graph with variables needs
// them, and one without needs none.
func TestAGraphBeforeItsWeights(t *testing.T) {
	for _, variable := range []string{"VarHandleOp", "VariableV2"} {
		s := newScene(t)
		s.write("7", model()...)
		r := s.refresher()
		s.wants(r, "7")
		graph := make([]byte, 1<<16-5) // The word lies across two reads.
		s.put("8", string(graph)+variable+"...")
		s.wants(r, "7")
		s.wants(r, "7")
		s.told("its graph has variables, and it has no variables/variables.index", 1)
		s.write("8", model()[1:]...)
		s.wants(r, "7 8")
		s.put("9", string(graph)+"Const")
		s.wants(r, "7 8 9")
	}
}

// TestPartsOfVersions: what is left of fetches that are not continued goes, first of all
// where room is needed.
func TestPartsOfVersions(t *testing.T) {
	s := newScene(t)
	leave := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if err := os.MkdirAll(filepath.Join(s.dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.write("7", model()...)
	leave(".fetching-0123-4567/files", ".refresh-new-5", ".refresh-gone-6")
	r := s.refresher()
	s.wants(r, "7")

	free := int64(0)
	s.options.Room = func() (int64, bool) {
		if _, err := os.Stat(filepath.Join(s.dir, ".refresh-gone-6")); err == nil {
			return 0, true
		}
		return free, true
	}
	s.write("8", model()...)
	leave(".refresh-gone-6")
	r = s.refresher()
	s.wants(r, "7")
	s.told("and the disk has room for 0 B", 1)
	free = 1000
	leave(".refresh-gone-6") // Its room is that of the new one.
	s.wants(r, "7 8")
}

// TestTheStateCannotBeWritten: versions are there, so that a server may have them.
func TestTheStateCannotBeWritten(t *testing.T) {
	s := newScene(t)
	s.write("7", model()...)
	if err := os.MkdirAll(filepath.Join(s.dir, refresh.StateName, "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := s.refresher()
	if err := r.First(t.Context()); err != nil {
		t.Error(err)
	}
	_ = r.Look(t.Context())
	s.told("what is known of the versions cannot be written down", 1)
}
