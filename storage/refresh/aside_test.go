package refresh_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/storage/refresh"
)

// follows has the scene's server load what lies in the folder at each pause, as one that
// looks there does: nothing while nothing is there.
func (s *scene) follows() {
	s.paused = func() {
		s.serves = nil
		for _, v := range []int64{7, 8, 9} {
			if _, err := os.Stat(filepath.Join(s.dir, string('0'+rune(v)))); err == nil && s.fails[v] == "" {
				s.serves = []int64{v}
			}
		}
	}
}

const asideSeven = ".radiant-aside-7"

// TestOneAtATime: the version before is dropped and waits until the new one serves; where
// that does not load it comes back. Memory has to be enough for one.
func TestOneAtATime(t *testing.T) {
	s := newScene(t)
	s.options.OneAtATime, s.options.Memory = true, 100
	s.write("7", model()...) // It has 84 bytes.
	r := s.refresher()
	s.wants(r, "7")
	s.follows()
	s.paused()
	s.wants(r, "7")

	s.write("8", model()...)
	var during []string
	follow := s.paused
	s.paused = func() {
		follow()
		if state, err := os.ReadFile(filepath.Join(s.dir, refresh.StateName)); err == nil && strings.Contains(string(state), `"aside": true`) {
			during = append(during, s.here())
		}
	}
	s.wants(r, asideSeven+" 8")
	if len(during) != 1 || !strings.HasPrefix(during[0], asideSeven) || strings.Contains(during[0], " 8") {
		t.Errorf("while the server drops version 7 there are %q", during)
	}
	s.paused = follow
	s.wants(s.refresher(), asideSeven+" 8") // Another process goes on.
	s.paused()
	s.wants(r, "8")
	s.told("a version is unloaded, so that another one has its memory", 1)

	s.fails[9] = "UNKNOWN: the graph is broken"
	s.write("9", model()...)
	s.wants(r, ".radiant-aside-8 9")
	s.later += 5 * time.Second
	s.wants(r, ".radiant-aside-8 9")
	s.later += 10 * time.Second
	s.wants(r, "8")
	s.told("the server could not load it: UNKNOWN: the graph is broken", 1)
	s.told("a version is back in its place", 1)
	s.paused()
	s.wants(r, "8")
}

// TestOneAtATimeIsEnough: a version that does not fit beside the one that serves is refused
// with the numbers and the way out, which helps.
func TestOneAtATimeIsEnough(t *testing.T) {
	for name, limit := range map[string]func(*refresh.Options){
		"a limit":   func(o *refresh.Options) { o.Memory = 100 },
		"a machine": func(o *refresh.Options) { o.Available = func() (int64, bool) { return 50, true } },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.follows()
			s.write("7", model()...)
			s.wants(s.refresher(), "7")
			limit(&s.options)
			s.write("8", model()...)
			s.wants(s.refresher(), "7")
			s.told("it needs at least 84 B of memory", 1)
			s.told("; one at a time it would fit", 1)
			s.options.OneAtATime = true
			s.wants(s.refresher(), asideSeven+" 8")

			s.options.Memory, s.options.Available = 50, nil
			s.paused()
			r := s.refresher()
			s.wants(r, "8")
			s.write("9", model()...)
			s.wants(r, "8")
			s.told("it needs at least 84 B of memory, and the server may have 50 B", 1)
		})
	}
}

// TestOneAtATimeIsCutShort: a version that waits comes back when the program ended before
// the other one was in its place, and when the server does not drop it.
func TestOneAtATimeIsCutShort(t *testing.T) {
	s := newScene(t)
	s.options.OneAtATime = true
	s.write("7", model()...)
	s.wants(s.refresher(), "7")
	if err := os.Rename(filepath.Join(s.dir, "7"), filepath.Join(s.dir, asideSeven)); err != nil {
		t.Fatal(err)
	}
	r := s.refresher()
	s.wants(r, "7")
	s.serves = []int64{7} // For good.
	s.write("8", model()...)
	s.wants(r, "7")
	s.told("the server has not unloaded version 7 within 1m0s", 1)
	s.told("a version is back in its place", 2)

	// A server that does not answer may be starting, and needs what is there.
	s.silent = true
	s.later += time.Hour
	asked := s.asked
	s.wants(r, "7")
	if s.asked != asked+1 {
		t.Errorf("a server that is silent is asked %d times", s.asked-asked)
	}
	s.silent = false
	s.follows()
	s.wants(r, asideSeven+" 8")
}
