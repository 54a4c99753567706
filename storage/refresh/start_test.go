package refresh_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/storage/refresh"
)

// startsWith makes the server of a scene one that loads its model once, when it starts, and
// is told to start with a version.
func (s *scene) startsWith(version string) {
	s.options.Start, s.options.Kind = &refresh.Start{Version: version, Place: "here"}, refresh.Any{}
	s.options.Serving = nil
}

// starts compares what is said of the version that the server starts with, of what it was
// told, and of what comes next.
func (s *scene) starts(want string) {
	s.Helper()
	link, err := os.Readlink(filepath.Join(s.dir, discovery.StartName))
	if err != nil {
		link = "nothing"
	}
	var f discovery.Found
	if text, err := os.ReadFile(filepath.Join(s.dir, discovery.FileName)); err == nil {
		if err := json.Unmarshal(text, &f); err != nil {
			s.Fatal(err)
		}
	}
	if f.Start == nil {
		f.Start = &discovery.Start{Place: "here"}
	}
	if f.Start.Place != "here" {
		s.Errorf("the place is %q", f.Start.Place)
	}
	if got := strings.Join([]string{link, f.Start.Version, f.Start.Told, f.Start.Next}, "|"); got != want {
		s.Errorf("it starts with %q, want %q; log:\n%s", got, want, s.log.String())
	}
}

// TestWhatAServerStartsWithStays: a newer version is brought beside it and told of, and one
// in between goes again; one that is taken from the store has the one before come back.
func TestWhatAServerStartsWithStays(t *testing.T) {
	s := newScene(t)
	s.startsWith("")
	s.write("1", "config.json", "weights/a.bin")
	r := s.refresher()
	if err := r.First(t.Context()); err != nil || !refresh.IsReady(s.dir) {
		t.Fatal(err)
	}
	s.starts("1|1||")
	s.wants(r, "1")
	s.write("9", "config.json")
	s.wants(r, "1 9")
	s.starts("1|1||9")
	s.write("10", "config.json")
	s.wants(r, "1 10")
	s.starts("1|1||10")
	s.wants(r, "1 10")
	s.told("a version waits for a server that starts with it", 2)
	if content, err := os.ReadFile(filepath.Join(s.dir, discovery.StartName, "weights", "a.bin")); err != nil || string(content) != "1 weights/a.bin" {
		t.Errorf("%q, %v", content, err)
	}

	// Whoever comes after it in the same place goes on with it.
	again := s.refresher()
	if err := again.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.starts("1|1||10")
	if err := os.RemoveAll(filepath.Join(s.store, "10")); err != nil {
		t.Fatal(err)
	}
	s.wants(again, "1 9")
	s.starts("1|1||9")
	if err := os.RemoveAll(filepath.Join(s.store, "9")); err != nil {
		t.Fatal(err)
	}
	s.wants(again, "1")
	s.starts("1|1||")
}

// TestAVersionToStartWith is taken though there are newer ones. As long as the store has it,
// nothing else is; without it, what is below comes first.
func TestAVersionToStartWith(t *testing.T) {
	s := newScene(t)
	s.startsWith("9")
	s.write("1", "config.json")
	s.write("9", "config.json")
	s.write("10", "config.json")
	r := s.refresher()
	if err := r.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.starts("9|9|9|")
	s.wants(r, "10 9")
	s.starts("9|9|9|10")

	s = newScene(t)
	s.startsWith("9")
	s.write("1", "config.json")
	if err := os.MkdirAll(filepath.Join(s.store, "9"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.refresher().First(t.Context()); err == nil || !strings.Contains(err.Error(), "version 9: it has no files") || refresh.IsReady(s.dir) {
		t.Errorf("%v", err)
	}
	s.starts("nothing|||")

	for want, has := range map[string][]string{"7|7|9|": {"1", "7", "10"}, "11|11|9|": {"10", "11"}} {
		s = newScene(t)
		s.startsWith("9")
		for _, version := range has {
			s.write(version, "config.json")
		}
		if err := s.refresher().First(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.starts(want)
	}
}

// TestWhatCannotBeStartedWith is refused: what has no files, what lacks the file by which its
// server finds a model, and what is larger than the memory of a server. Others count for
// nothing there.
func TestWhatCannotBeStartedWith(t *testing.T) {
	s := newScene(t)
	s.startsWith("")
	s.options.Kind, s.options.Memory = refresh.Files{"config.json"}, 30
	s.write("1", "config.json", "a.bin")
	r := s.refresher()
	if err := r.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.write("2", "weights.bin")
	s.wants(r, "1")
	s.starts("1|1||")
	s.told("it has none of the files config.json", 1)
	s.write("3", "config.json", "weights-of-a-model-that-is-too-large.bin")
	s.wants(r, "1")
	s.told("it needs at least 55 B of memory, and the server may have 30 B", 1)
	s.write("4", "config.json", "b.bin")
	s.wants(r, "1 4")
	s.starts("1|1||4")
}

// TestOneStateToStartWith: what a web server has is a version by its time, and what it has
// later is the next one.
func TestOneStateToStartWith(t *testing.T) {
	s := newSite(t)
	s.startsWith("")
	s.pack(1000, map[string]string{"config.json": "a", "weights/1.bin": "b"})
	r := s.refresher()
	if err := r.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.starts("1000|1000||")
	s.pack(2000, map[string]string{"config.json": "c"})
	s.wants(r, "1000 2000")
	s.starts("1000|1000||2000")
	s.wants(r, "1000 2000")
	if n := s.fetched.Load(); n != 2 {
		t.Errorf("it is fetched %d times", n)
	}
}
