package state_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/executor/peers"
	"github.com/prime-radiant/radiant/executor/state"
)

// counter is a node that counts, and adds the counts of others.
type counter struct{ own, others int }

func (c *counter) Save() (json.RawMessage, error) { return json.Marshal(c.own) }

func (c *counter) Load(saved json.RawMessage) error { return json.Unmarshal(saved, &c.own) }

func (c *counter) Others(saved []json.RawMessage) bool {
	c.others = 0
	for _, s := range saved {
		var n int
		if json.Unmarshal(s, &n) == nil {
			c.others += n
		}
	}
	return true
}

// network is replicas that ask each other over HTTP.
type network struct {
	t         *testing.T
	addresses []string
	handlers  []http.Handler
	born      int
	log       strings.Builder
}

// newNetwork has so many places for replicas. No replica is there yet: nobody is
// there.
func newNetwork(t *testing.T, places int) *network {
	n := &network{t: t, handlers: make([]http.Handler, places)}
	for i := range places {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if h := n.handlers[i]; h != nil && r.URL.Path == state.Path {
				h.ServeHTTP(w, r)
				return
			}
			http.Error(w, "nobody is there", http.StatusServiceUnavailable)
		}))
		t.Cleanup(s.Close)
		n.addresses = append(n.addresses, strings.TrimPrefix(s.URL, "http://"))
	}
	return n
}

// start puts a replica at a place, instead of the one that was there.
func (n *network) start(place int, dir string) (*counter, *state.Store) {
	n.t.Helper()
	others, err := peers.New(strings.Join(n.addresses, ","), nil)
	if err != nil {
		n.t.Fatal(err)
	}
	s, err := state.New(state.Options{Dir: dir, Replica: fmt.Sprint("pod-", place), Peers: others, Every: time.Hour, Log: slog.New(slog.NewTextHandler(&n.log, nil)),
		NewID: func() string { n.born++; return fmt.Sprint(n.born) }})
	if err != nil {
		n.t.Fatal(err)
	}
	c := &counter{}
	s.Keep("node", "COUNTER", c)
	n.handlers[place] = s
	return c, s
}

// Replicas add up their counts. What one of them told outlives it: the others tell
// it to who begins in its place, and nothing is counted twice.
func TestReplicasHearEachOther(t *testing.T) {
	n := newNetwork(t, 3)
	a, as := n.start(0, "")
	b, bs := n.start(1, "")
	a.own, b.own = 10, 5
	for range 3 {
		as.Pull(t.Context())
		bs.Pull(t.Context())
	}
	if a.others != 5 || b.others != 10 {
		t.Fatalf("of others, one has %d and the other %d", a.others, b.others)
	}
	if got := strings.Count(n.log.String(), "other replicas do not tell"); got != 2 {
		t.Errorf("the place without a replica is logged %d times, want once by each:\n%s", got, n.log.String())
	}
	a.own = 13 // Not told: lost.
	n.handlers[0] = nil
	again, store := n.start(0, "")
	store.Pull(t.Context())
	if again.own != 0 || again.others != 15 {
		t.Errorf("who begins anew has %d, and of others %d", again.own, again.others)
	}
	again.own = 7
	c, cs := n.start(2, "")
	for range 2 {
		bs.Pull(t.Context())
		cs.Pull(t.Context())
	}
	if b.others != 17 || c.others != 22 {
		t.Errorf("one has %d of others, and another %d", b.others, c.others)
	}
}

// A replica that has its file goes on as the one that it was.
func TestReplicaGoesOn(t *testing.T) {
	n := newNetwork(t, 2)
	dir := t.TempDir()
	a, as := n.start(0, dir)
	b, bs := n.start(1, "")
	a.own, b.own = 10, 5
	as.Sync()
	bs.Pull(t.Context())
	again, store := n.start(0, dir)
	store.Pull(t.Context())
	if again.own != 10 || again.others != 5 {
		t.Errorf("it has %d, and of others %d", again.own, again.others)
	}
	again.own++
	bs.Pull(t.Context())
	if b.others != 11 {
		t.Errorf("the other has %d of it", b.others)
	}
}

// What is no answer of a replica changes nothing.
func TestReplicasDoNotBelieveAnything(t *testing.T) {
	n := newNetwork(t, 2)
	a, as := n.start(0, "")
	b, bs := n.start(1, "")
	a.own = 10
	as.Pull(t.Context())
	bs.Pull(t.Context())
	shared := func(state string) string {
		return `{"format":"radiant-states","version":1,"states":[` + state + `]}`
	}
	for name, body := range map[string]string{
		"no JSON":          `{`,
		"another format":   `{"format":"radiant-reference","version":1}`,
		"another version":  `{"format":"radiant-states","version":2,"states":[{"node":"node","implementation":"COUNTER","replica":"x","at":1,"state":99}]}`,
		"another node":     shared(`{"node":"other","implementation":"COUNTER","replica":"x","at":1,"state":99}`),
		"another kind":     shared(`{"node":"node","implementation":"UCB","replica":"x","at":1,"state":99}`),
		"older":            shared(`{"node":"node","implementation":"COUNTER","replica":"pod-0.1","at":1,"state":99}`),
		"a large state":    shared(`{"node":"node","implementation":"COUNTER","replica":"x","at":1,"state":[` + strings.Repeat("9,", 64<<10) + `1]}`),
		"a long name":      shared(`{"node":"node","implementation":"COUNTER","replica":"` + strings.Repeat("x", 400) + `","at":1,"state":99}`),
		"its own, renewed": shared(`{"node":"node","implementation":"COUNTER","replica":"pod-1.2","at":9999999999999,"state":99}`),
	} {
		n.handlers[0] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
		bs.Pull(t.Context())
		if b.own != 0 || b.others != 10 {
			t.Errorf("%s: it has %d, and of others %d", name, b.own, b.others)
		}
	}
}

// However many replicas there were, the newest are known.
func TestOldReplicasAreForgotten(t *testing.T) {
	n := newNetwork(t, 2)
	b, bs := n.start(1, "")
	var states []string
	for i := range 300 {
		states = append(states, fmt.Sprintf(`{"node":"node","implementation":"COUNTER","replica":"old-%d","at":%d,"state":1}`, i, i+1))
	}
	n.handlers[0] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"format":"radiant-states","version":1,"states":[` + strings.Join(states, ",") + `]}`))
	})
	for range 2 {
		bs.Pull(t.Context())
		if b.others != 256 {
			t.Errorf("it has %d of others, want 256", b.others)
		}
	}
}

// A file of another replica is not read again before it is another.
func TestFilesAreReadOnce(t *testing.T) {
	dir := t.TempDir()
	open := func(replica string) (*counter, *state.Store) {
		s, err := state.New(state.Options{Dir: dir, Replica: replica, Every: time.Hour, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		c := &counter{}
		s.Keep("node", "COUNTER", c)
		return c, s
	}
	a, as := open("a")
	b, bs := open("b")
	for _, own := range []int{5, 7} {
		a.own = own
		as.Sync()
		bs.Sync()
		if b.others != own {
			t.Errorf("the other has counted %d, want %d", b.others, own)
		}
	}
	path := filepath.Join(dir, "node.a.json")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(body, []byte(`"state":7`), []byte(`"state":8`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if bs.Sync(); b.others != 7 {
		t.Errorf("a file that looks the same was read again: %d", b.others)
	}
}
