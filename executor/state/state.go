// Package state keeps what built-in nodes learn: one small file for each node and
// replica in a folder. Replicas learn together where they share the folder, or ask
// each other.
package state

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Keeper is a node that learns. Its methods are called one at a time.
type Keeper interface {
	// Save is what the node has learnt itself, as JSON.
	Save() (json.RawMessage, error)
	// Load takes over what Save gave, before the node is used.
	Load(saved json.RawMessage) error
	// Others is told what the other replicas have learnt, whenever that may have
	// changed. It reports whether the node has a use for that: one that has none
	// takes over the state of another replica at start, if it has none itself.
	Others(saved []json.RawMessage) bool
}

// Options are all that a store depends on.
type Options struct {
	// Dir is the folder, which is made where it is missing; empty: there is none.
	Dir string
	// Replica names this replica, and its files.
	Replica string
	// Peers are the other replicas; nil: none is asked.
	Peers Asker
	// NewID makes what tells a replica from one that had its name before.
	NewID func() string
	// Every is the time between two looks at what changed.
	Every time.Duration
	Log   *slog.Logger
}

// Store is open. A nil store keeps nothing.
type Store struct {
	options Options

	mu      sync.Mutex
	entries []*entry
	// unheard is true while a peer does not answer.
	unheard bool
	// stop ends the loops; nil before Start.
	stop  context.CancelFunc
	loops sync.WaitGroup
}

// entry is a node that learns.
type entry struct {
	node, implementation string
	keeper               Keeper
	// replica is this replica's name for others: one that begins without a file has
	// another one than those before it, whose counts are there still.
	replica string
	// shares is true if others have a use for what the node has learnt.
	shares bool
	// saved is what the node had learnt, and at when that was new, in milliseconds; 0:
	// it has learnt nothing.
	saved []byte
	at    int64
	// heard is what peers have told, by replica.
	heard map[string]known
	// seen are the files of other replicas, by name.
	seen map[string]seenFile

	written []byte
	failed  bool
}

// known is what a replica has learnt, as of a time.
type known struct {
	replica string
	at      int64
	state   json.RawMessage
}

// New opens a store.
func New(o Options) (*Store, error) {
	if o.Replica == "" || strings.ContainsAny(o.Replica, `/\`) {
		return nil, fmt.Errorf("keeping state: %q cannot name a replica", o.Replica)
	}
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o750); err != nil {
			return nil, fmt.Errorf("keeping state: %w", err)
		}
	}
	return &Store{options: o}, nil
}

// Keep lets a node take over what it had learnt, and keeps what it learns from now
// on. A file that cannot be read is logged, and the node begins anew.
func (s *Store) Keep(node, implementation string, k Keeper) {
	if s == nil {
		return
	}
	e := &entry{node: node, implementation: implementation, keeper: k, replica: s.options.Replica, heard: map[string]known{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, e)
	own, err := s.own(e)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.options.Log.Warn("what a node had learnt cannot be read, it begins anew", "node", node, "error", err.Error())
	}
	if own.state != nil {
		e.replica, e.at = own.replica, own.at
	} else if s.options.Peers != nil {
		e.replica += "." + s.options.NewID()
	}
	others := s.others(e)
	e.shares = k.Others(states(others))
	if own.state == nil && !e.shares && len(others) > 0 {
		own = others[0]
	}
	if own.state != nil {
		if err := k.Load(own.state); err != nil {
			s.options.Log.Warn("what a node had learnt is of no use to it, it begins anew", "node", node, "error", err.Error())
		}
	}
	e.saved, _ = k.Save() // What cannot be saved is told by write.
}

func states(all []known) []json.RawMessage {
	var states []json.RawMessage
	for _, k := range all {
		states = append(states, k.state)
	}
	return states
}

// Start writes what changes, and takes over what other replicas learn, until Close.
func (s *Store) Start() {
	if s == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.loops.Go(func() {
		s.repeat(ctx, s.Sync)
		s.Sync()
	})
	if s.Shares() { // Peers that answer late keep nobody from writing.
		s.loops.Go(func() {
			s.Pull(ctx)
			s.repeat(ctx, func() { s.Pull(ctx) })
		})
	}
}

func (s *Store) repeat(ctx context.Context, do func()) {
	tick := time.NewTicker(s.options.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}

// Close writes what is not written yet.
func (s *Store) Close() {
	if s == nil || s.stop == nil {
		return
	}
	s.stop()
	s.loops.Wait()
}

// Sync writes what changed, and tells nodes what other replicas have learnt.
func (s *Store) Sync() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		err := e.look()
		if err == nil {
			err = s.write(e)
		}
		if err != nil && !e.failed {
			s.options.Log.Warn("what a node learns is not kept", "node", e.node, "error", err.Error())
		}
		e.failed = err != nil
		if e.shares {
			e.keeper.Others(states(s.others(e)))
		}
	}
}

// look asks a node for what it has learnt.
func (e *entry) look() error {
	saved, err := e.keeper.Save()
	if err != nil || bytes.Equal(saved, e.saved) {
		return err
	}
	e.saved, e.at = saved, max(time.Now().UnixMilli(), e.at+1) // A clock may be set back.
	return nil
}

// others are the states of other replicas, the newest first: those in the folder,
// and those that peers have told.
func (s *Store) others(e *entry) []known {
	all := map[string]known{}
	for _, k := range s.files(e) {
		all[k.replica] = k
	}
	for replica, k := range e.heard {
		if k.at > all[replica].at {
			all[replica] = k
		}
	}
	delete(all, e.replica)
	return newest(all, maxReplicas)
}

func newest(all map[string]known, most int) []known {
	sorted := slices.SortedFunc(maps.Values(all), func(a, b known) int {
		return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(a.replica, b.replica))
	})
	return sorted[:min(len(sorted), most)]
}
